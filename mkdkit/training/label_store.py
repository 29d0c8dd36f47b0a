"""The store of soft labels: the mentor speaks once, and the student learns without it in memory.

A store is a folder of safetensors shards and a manifest, with the soft labels of every scored token
of every row. Rows are found by content (`Row.key`), never by position.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from torch import Tensor

from mkdkit import strict_json
from mkdkit.models import encoding
from mkdkit.models.rows import Row
from mkdkit.settings import SoftLabelSettings
from mkdkit.training.batches import lengths_of
from mkdkit.training.soft_labels import TEMPERATURES, SoftLabels, speak
from mkdkit.training.team import ALONE, Team

MANIFEST = "manifest.json"
KEY_BYTES = 16  # of a row's key
SHARD_BATCHES = 16  # batches in one shard: what a killed run loses at most


def bytes_a_token(k: int, vocabulary: int) -> int:
    """Return the bytes that a store takes for a scored token; 24 a row come on top.

    Args:
        k: tokens kept of each distribution.
        vocabulary: tokens that the mentor has.
    """
    kept = k * (_id_type(vocabulary).itemsize + torch.half.itemsize)
    return kept + len(TEMPERATURES) * torch.float32.itemsize


def _id_type(vocabulary: int) -> torch.dtype:
    return torch.uint16 if vocabulary <= 2**16 else torch.int32


class Store:
    """A folder of soft labels, opened for reading; shards are memory-mapped.

    Raises:
        ValueError: the folder is no finished store, or was made by another mentor or tokenizer
            than `expected` says, or a shard is damaged.
    """

    def __init__(self, folder: str | Path, expected: dict[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        if not path.is_file():
            raise ValueError(f"{self.folder}: no {MANIFEST}; this soft-label store is not finished")
        self.manifest = strict_json.read_object(path, {"shards": list})
        for name, value in (expected or {}).items():
            if self.manifest.get(name) != value:
                raise ValueError(
                    f"{path}: these soft labels have {name} = {self.manifest.get(name)!r}, "
                    f"but {value!r} is asked for; make them again with the right mentor"
                )
        there = [found.name for found in self.folder.iterdir()]  # so it cannot reach out of there
        for name in self.manifest["shards"]:
            if name not in there:
                raise ValueError(f"{path}: its shard {name!r:.60} is not there; make it again")
        self._shards: dict[str, Any] = {}
        self._places = _Places(
            _rows_of(self._shard(name), self.folder / name) for name in self.manifest["shards"]
        )

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, row: Row) -> bool:
        return self._places.find(row) is not None

    def _shard(self, name: str) -> Any:
        if name not in self._shards:
            self._shards[name] = _open_shard(self.folder / name)
        return self._shards[name]

    def read(self, rows: Sequence[Row]) -> SoftLabels:
        """Return the soft labels of some rows, in their order: one entry per scored token."""
        parts = [self._read_row(row) for row in rows]
        return SoftLabels(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))

    def _read_row(self, row: Row) -> tuple[Tensor, Tensor, Tensor]:
        place = self._places.find(row)
        if place is None:
            raise ValueError(f"{self.folder}: no soft labels for a row; they are of other rows")
        shard, start = self._shard(self.manifest["shards"][place[0]]), place[1]
        stop = start + len(row.label)
        ids, log_probs, tail = (
            shard.get_slice(part)[start:stop] for part in ("token_ids", "log_probs", "log_tail")
        )
        return ids.to(torch.int64), log_probs.float(), tail


class _Places:
    """Which shard holds a row, and where: 28 bytes a row, so that a large store takes no memory."""

    def __init__(self, shards: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        found = [
            (keys, np.full(len(keys), number, np.int32), np.concatenate(([0], ends[:-1])))
            for number, (keys, ends) in enumerate(shards)
        ]
        if not found:
            found = [(_digests(()), np.empty(0, np.int32), np.empty(0, np.int64))]
        keys, shard, start = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.argsort(keys)
        self.keys, self._shard, self._start = keys[order], shard[order], start[order]

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, row: Row) -> tuple[int, int] | None:
        """Return (the shard's number, the row's first scored token there); None if it is absent."""
        (key,) = _digests([row.key])
        place = int(np.searchsorted(self.keys, key))
        if place == len(self.keys) or self.keys[place] != key:
            return None
        return int(self._shard[place]), int(self._start[place])


def _digests(keys: Iterable[str]) -> np.ndarray:
    """Row keys as bytes, half as long as in hexadecimal digits."""
    return np.fromiter(map(bytes.fromhex, keys), dtype=f"S{KEY_BYTES}")


def write_store(
    folder: str | Path,
    mentor: Any,
    rows: Sequence[Row],
    settings: SoftLabelSettings,
    *,
    fill: int,
    identity: dict[str, Any],
    vocabulary: int | None = None,
    team: Team = ALONE,
) -> Iterator[int]:
    """Write the mentor's soft labels for rows; yield how many are done, shard by shard.

    Identical rows are stored once. A store that was left unfinished is continued: shards appear
    whole or not at all, and rows they hold are not asked for again.

    Args:
        folder: the store's, made if missing.
        mentor: in evaluation mode.
        rows: what the student will learn.
        settings: top_k, batch size.
        fill: the id in padded places.
        identity: what names mentor and tokenizer; goes into the manifest.
        vocabulary: the student's, if it is smaller than the mentor's (`soft_labels.speak`).
        team: processes that each write their share of the shards, with the same arguments.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shards = sorted(path.name for path in folder.glob("*.safetensors"))
    here = _Places(_rows_of(_open_shard(folder / name), folder / name) for name in shards)
    todo = _lacking(rows, here)
    taken = set(shards)  # a shard that was deleted for being damaged leaves a gap
    names = (f"shard-{number:05d}.safetensors" for number in itertools.count())
    free = (name for name in names if name not in taken)
    own = encoding.vocabulary_of(mentor)
    words = min(vocabulary or own, own)
    written, size = len(here), settings.batch_size * SHARD_BATCHES
    parts = [(next(free), todo[first : first + size]) for first in range(0, len(todo), size)]
    team.wait()  # until all have seen the same shards
    for name, places in team.take(parts):
        some = [rows[place] for place in places]
        _write_shard(folder / name, mentor, some, settings, fill, words)
        written += len(some)
        yield written
    team.wait()
    if team.is_first:
        shards += [name for name, _ in parts]
        identity = {**identity, "vocabulary": words}
        _write_manifest(folder, shards, len(here) + len(todo), identity, settings)


def _write_manifest(
    folder: Path,
    shards: Sequence[str],
    rows: int,
    identity: dict[str, Any],
    settings: SoftLabelSettings,
) -> None:
    manifest = {
        **identity,
        "top_k": settings.top_k,
        "temperatures": list(TEMPERATURES),
        "rows": rows,
        "scored_tokens": sum(_scored_tokens(folder / name) for name in shards),
        "shards": sorted(shards),
    }
    partial = folder / (MANIFEST + ".part")
    partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / MANIFEST)


def _lacking(rows: Sequence[Row], here: _Places) -> np.ndarray:
    """Return the numbers of rows that are not stored, each content once: short ones first."""
    keys = _digests(row.key for row in rows)
    order = np.argsort(keys, kind="stable")  # of equal rows the first comes first
    keys = keys[order]
    is_new = np.ones(len(keys), bool)
    is_new[1:] = keys[1:] != keys[:-1]
    if len(here):
        is_new &= ~np.isin(keys, here.keys)
    new = order[is_new]
    lengths = np.asarray(lengths_of(rows), np.int32)[new]
    return new[np.argsort(lengths, kind="stable")]


def _scored_tokens(path: Path) -> int:
    return _open_shard(path).get_slice("token_ids").get_shape()[0]


def _write_shard(
    path: Path,
    mentor: Any,
    rows: Sequence[Row],
    settings: SoftLabelSettings,
    fill: int,
    vocabulary: int,
) -> None:
    batches = [rows[i : i + settings.batch_size] for i in range(0, len(rows), settings.batch_size)]
    parts = [_speak(mentor, batch, settings, fill, vocabulary) for batch in batches]
    arrays = {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}
    keys = _digests(row.key for row in rows)
    arrays["row_keys"] = np.frombuffer(keys.tobytes(), np.uint8).reshape(len(rows), KEY_BYTES)
    arrays["row_ends"] = np.cumsum([len(row.label) for row in rows])  # in scored tokens
    partial = path.with_suffix(".part")
    save_file(arrays, partial)
    partial.replace(path)


def _speak(
    mentor: Any, rows: Sequence[Row], settings: SoftLabelSettings, fill: int, vocabulary: int
) -> dict[str, Tensor]:
    """Return a batch's soft labels as a shard stores them."""
    labels = speak(mentor, rows, settings, fill=fill, vocabulary=vocabulary)
    return {
        "token_ids": labels.token_ids.cpu().to(_id_type(vocabulary)),
        "log_probs": labels.log_probs.cpu().half(),
        "log_tail": labels.log_tail.cpu(),  # half would lose small tails
    }


def _open_shard(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except Exception as error:  # safetensors has its own error type, and truncation is an OSError
        raise ValueError(
            f"{path}: this shard is damaged ({error}); delete it to make it again"
        ) from error


def _rows_of(shard: Any, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys of a shard's rows, and where each ends among its scored tokens."""
    if not {"row_keys", "row_ends", "token_ids"} <= set(shard.keys()):
        raise ValueError(f"{path}: not a shard of soft labels (it names no rows)")
    keys, ends = (shard.get_tensor(name).numpy() for name in ("row_keys", "row_ends"))
    tokens = shard.get_slice("token_ids").get_shape()[0]
    is_whole = keys.shape == (len(ends), KEY_BYTES) and keys.dtype == np.uint8
    if not is_whole or np.any(np.diff(ends, prepend=0, append=tokens) < 0):
        why = "its rows are not those of its tokens"
        raise ValueError(f"{path}: this shard is damaged ({why}); make it again")
    return np.frombuffer(keys.tobytes(), f"S{KEY_BYTES}"), ends
