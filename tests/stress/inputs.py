"""Files as disks, editors and other people's programs leave them, for every reader of the kit.

A reader gives the right result or an error that names the file; it never crashes in another way,
hangs, or leaves a row out in silence. `mangle` damages a sample by a list of mutations, each a name
and two numbers, so that hypothesis can make a failing list short.
"""

import csv
import io
import json
import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mkdkit import events, records
from mkdkit.pipeline import grid_file, recipes, results
from mkdkit.settings import QuestionSettings
from mkdkit.teachers import formats, question_sets
from mkdkit.teachers.asking import prices
from mkdkit.teachers.asking.journal import Journal
from mkdkit.training import checkpoints, label_store

Mutation = tuple[str, int, int]
SECONDS = 5.0  # of a processor, that no reading of a small file may take


# --- what can happen to a file

INSERTED = {
    "nul": b"\0",
    "no utf-8": b"\xff\xfe",
    "half a letter": b"\xc3",
    "bom inside": b"\xef\xbb\xbf",
    "line separator": "\u2028".encode(),
    "next line": "\u0085".encode(),
    "form feed": b"\x0c",
    "carriage return": b"\r",
    "line end": b"\n",
    "quote": b'"',
    "opened": b"{[",
    "closed": b"]}",
    "comma": b",",
    "backslash": b"\\",
    "huge": b"a" * 300_000,
    "deep": b"[" * 20_000,
}
VALUES = [
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"null", b"true", b"7", b"-1"),
    *(b"1" * 5000, b"0.5", b'""', b'"\\ud800"', b'"\\u0000"', b'" "', b"[]", b"{}", b'[["a"]]'),
    *(b'{"a": {"a": 1}}', b"[" * 2000 + b"]" * 2000, b'"a"', b'"' + b"\xe2\x80\xa8" + b'"'),
]
_SCALAR = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null')
_KEY = re.compile(rb'("(?:[^"\\]|\\.)*")\s*:')


def mangle(data: bytes, mutations: Sequence[Mutation]) -> bytes:
    """The data after all mutations, one after the other."""
    for name, first, second in mutations:
        data = MUTATIONS[name](data, first, second)
    return data


def _insert(what: bytes) -> Callable[[bytes, int, int], bytes]:
    def insert(data: bytes, first: int, second: int) -> bytes:
        at = first % (len(data) + 1)
        return data[:at] + what + data[at:]

    return insert


def _truncate(data: bytes, first: int, second: int) -> bytes:
    return data[: first % (len(data) + 1)]


def _cut(data: bytes, first: int, second: int) -> bytes:
    at = first % (len(data) + 1)
    return data[:at] + data[at + 1 + second % 40 :]


def _double(data: bytes, first: int, second: int) -> bytes:
    at = first % (len(data) + 1)
    return data[: at + 1 + second % 200] + data[at:]


def _flip(data: bytes, first: int, second: int) -> bytes:
    if not data:
        return data
    at = first % len(data)
    return data[:at] + bytes([second % 256]) + data[at + 1 :]


def _other_value(data: bytes, first: int, second: int) -> bytes:
    """A value, or a key, is another one."""
    found = list(_SCALAR.finditer(data))
    if not found:
        return data
    start, end = found[first % len(found)].span()
    return data[:start] + VALUES[second % len(VALUES)] + data[end:]


def _double_key(data: bytes, first: int, second: int) -> bytes:
    found = list(_KEY.finditer(data))
    if not found:
        return data
    one = found[first % len(found)]
    return (
        data[: one.start()]
        + one[1]
        + b": "
        + VALUES[second % len(VALUES)]
        + b", "
        + data[one.start() :]
    )


MUTATIONS: dict[str, Callable[[bytes, int, int], bytes]] = {
    **{name: _insert(what) for name, what in INSERTED.items()},
    "truncated": _truncate,
    "cut": _cut,
    "doubled": _double,
    "flipped": _flip,
    "other value": _other_value,
    "key twice": _double_key,
    "bom": lambda data, first, second: b"\xef\xbb\xbf" + data,
    "crlf": lambda data, first, second: data.replace(b"\n", b"\r\n"),
    "empty": lambda data, first, second: b"",
    "utf-16": lambda data, first, second: data.decode(errors="replace").encode("utf-16"),
}


# --- the readers


@dataclass(frozen=True)
class Reader:
    """A reader, a file that it reads, and how many rows it must find where it finds any."""

    file: str  # the name that an error must have in it
    sample: Callable[[], bytes]
    read: Callable[[Path], int | None]  # rows found; None: it has none to count
    rows_in: Callable[[bytes], int] | None = None  # counted in another way


def _lines(*rows: dict[str, Any]) -> Callable[[], bytes]:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return lambda: text.encode()


def _json(value: Any) -> Callable[[], bytes]:
    return lambda: json.dumps(value, indent=1, ensure_ascii=False).encode()


def _count_lines(data: bytes) -> int:
    data = data.removeprefix(b"\xef\xbb\xbf")
    return sum(bool(line.strip(b"\r\n \t")) for line in data.split(b"\n"))


def _count_array(data: bytes) -> int:
    value = json.loads(data.decode("utf-8-sig"))
    return len(value["data"] if isinstance(value, dict) else value)


def _count_csv(data: bytes) -> int:
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    return sum(bool(row) for row in rows[1:])


QUESTIONS = [
    {"id": f"mine/{n}", "text": f"Zoë has {n} pens\u00a0and buys 2.", "answer": str(n + 2)}
    for n in range(3)
]
RATIONALES = [
    {"question_id": f"mine/{n}", "text": f"{n} + 2 = {n + 2}.\nSo.", "prediction": str(n + 2)}
    | {"source": "teacher", "is_correct": True, "is_complete": n > 0}
    for n in range(3)
]
MENTOR_KD = [
    {"input": f"How many is {n}?", "chain": f"It is {n}.", "answer": str(n)}
    | {"initial_correct": True}
    for n in range(3)
]
MCC_KD = [
    {"instruction": f"How many is {n}?", "label": str(n), "output": ["It is.", "So it is."]}
    for n in range(3)
]
FINE_TUNE_COT = {
    "metadata": {"n": 2},
    "data": {
        str(n): [{"question": "How many?", "answer": str(n), "completion": f"It is. --> {n}"}]
        for n in range(3)
    },
}
TABLE = "task,arm,seed,accuracy,key\r\n" + "".join(
    f'coin_flip,"mentor, kd",{n},{50.5 + n},0e{n}\n' for n in range(3)
)
GRID = b"""profile = "smoke"
tasks = ["coin_flip"]
arms = ["fine_tune_cot", "mentor_kd"]
seeds = [1, 2]
[settings]
"student.kd_weight" = [0.0, 0.3]
[fixed]
"questions.test" = 8
"""
PRICES = b'["a model"]\nprompt = 1.5\ncompletion = 2.0\ncurrency = "USD"\n'
ASKED = {"model": "a model", "temperature": 0.7}
REPLY = {"text": "So it is.", "tokens": {"prompt": 5, "completion": 3, "replies": 1}}


def _own_questions(path: Path) -> int:
    settings = QuestionSettings(
        task="svamp", source="jsonl", data_dir=str(path), train=None, validation=0, test=None
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = question_sets.read_all_questions(settings)
    left_out = sum(int(str(one.message).split()[0]) for one in said)  # it says so: not in silence
    return len(found.train) + len(found.validation) + len(found.test) + left_out


def _journal(path: Path) -> int:
    with Journal(path, ASKED) as journal:
        journal.spent()
        return sum(1 for _ in journal.answers())


def _reads(read: Callable[[Path], Any]) -> Callable[[Path], None]:
    def reads(path: Path) -> None:
        read(path)

    return reads


def _store_sample(folder: Path) -> None:
    """A store of two rows, as `label_store` writes one."""
    tensors = {
        "token_ids": torch.zeros(4, 2, dtype=torch.uint16),
        "log_probs": torch.zeros(4, 2, dtype=torch.half),
        "log_tail": torch.zeros(4, 5),
    }
    rows = {
        "row_keys": torch.arange(2 * 16, dtype=torch.uint8).reshape(2, 16),
        "row_ends": torch.tensor([2, 4]),
    }
    save_file(tensors | rows, folder / "shard-00000.safetensors")


STORE = {"shards": ["shard-00000.safetensors"], "mentor": "0123", "scored_tokens": 4}


def _store_by_manifest(path: Path) -> int:
    _store_sample(path.parent)
    return len(label_store.Store(path.parent, {"mentor": "0123"}))


def _store_by_shard(path: Path) -> int:
    (path.parent / label_store.MANIFEST).write_text(json.dumps(STORE))
    return len(label_store.Store(path.parent, {"mentor": "0123"}))


def _shard() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        _store_sample(Path(folder))
        return (Path(folder) / "shard-00000.safetensors").read_bytes()


def _checkpoint(path: Path) -> None:
    """The state of a checkpoint whose tensors are as they were written."""
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    folder = path.parent.parent
    damaged = path.read_bytes()
    checkpoints.save(folder, model, optimizer, checkpoints.Progress(step=3))
    path.write_bytes(damaged)
    checkpoints.restore(folder, model, optimizer)


READERS: dict[str, Reader] = {
    "questions": Reader(
        "questions.jsonl", _lines(*QUESTIONS), lambda p: len(records.read_questions(p)),
        _count_lines,
    ),
    "rationales": Reader(
        "rationales.jsonl", _lines(*RATIONALES), lambda p: len(records.read_rationales(p)),
        _count_lines,
    ),
    "own rationales": Reader(
        "mine.jsonl", _lines(*RATIONALES), lambda p: len(formats.read_rows(p, format="jsonl")),
        _count_lines,
    ),
    "own questions": Reader(
        "own.jsonl", _lines(*({"text": q["text"], "answer": q["answer"]} for q in QUESTIONS)),
        _own_questions, _count_lines,
    ),
    "mentor-kd": Reader(
        "train.json", _json(MENTOR_KD), lambda p: len(formats.read_rows(p, format="mentor-kd")),
        _count_array,
    ),
    "mcc-kd": Reader("train.json", _json(MCC_KD), _reads(
        lambda p: formats.read_rows(p, format="mcc-kd"))),
    "fine-tune-cot": Reader("done.json", _json(FINE_TUNE_COT), _reads(
        lambda p: formats.read_rows(p, format="fine-tune-cot"))),
    "table": Reader("mine.csv", TABLE.encode, lambda p: len(
        results.read_table(p.stem, folder=p.parent)), _count_csv),
    "report": Reader("report.json", _json({"arms": [{"name": "base", "accuracy": 5.0}]}), _reads(
        lambda p: results.read_rows(str(p)))),
    "settings": Reader("settings.json", _json({"student": {"kd_weight": 0.5, "epochs": 2},
        "questions": {"train": 5}, "seed": 3}), _reads(
        lambda p: recipes.with_settings(recipes.make("smoke"), p))),
    "grid": Reader("grid.toml", lambda: GRID, _reads(grid_file.read)),
    "prices": Reader("prices.toml", lambda: PRICES, _reads(
        lambda p: prices.find_price("a model", path=p))),
    "journal": Reader("asked.jsonl", _lines({"asked": ASKED}, *(
        {"request": f"r{n}", "answer": REPLY} for n in range(3)), {"spent": [1.0, 2.0]}),
        _reads(_journal)),
    "manifest": Reader("manifest.json", _json(STORE), _reads(_store_by_manifest)),
    "shard": Reader("shard-00000.safetensors", _shard, _reads(_store_by_shard)),
    "checkpoint": Reader("checkpoint/state.json", _json({"step": 3, "best_score": None}),
        _reads(_checkpoint)),
    "events": Reader("events.jsonl", _lines(*({"number": n, "loss": 0.5} for n in range(3))),
        _reads(lambda p: events.read_steps(p.parent))),
}  # fmt: skip


def fault(reader: Reader, data: bytes, folder: Path) -> str | None:
    """What is wrong with how a reader takes the data; None: nothing."""
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    try:
        found = reader.read(path)
    except ValueError as error:
        said = str(error)
        return None if path.name in said else f"an error that names no file: {said[:200]}"
    except FileNotFoundError as error:  # of a file that this one speaks of
        return None if str(folder) in str(error) else f"FileNotFoundError: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    if reader.rows_in is None or found is None:
        return None
    there = reader.rows_in(data)
    return None if found == there else f"{found} rows of {there}"
