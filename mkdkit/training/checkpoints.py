"""Checkpoints of a training run: safetensors and JSON, no pickles, whole or not there at all."""

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mkdkit import events, strict_json

FOLDER = "checkpoint"


class Stopped(KeyboardInterrupt):
    """A run that was asked to stop has stopped, after a checkpoint: as if it were interrupted."""


@dataclass(slots=True)
class Progress:
    """Where a run stands."""

    step: int = 0  # optimiser steps done
    best_score: float = -math.inf
    best_weights: dict[str, Tensor] | None = None  # trainable weights of the best validation


def trainable(model: Any) -> dict[str, Tensor]:
    """Return the trainable weights by name, as they are (not copies)."""
    return {name: p.data for name, p in model.named_parameters() if p.requires_grad}


def copy_weights(model: Any) -> dict[str, Tensor]:
    """Return copies of the trainable weights: a `state_dict` alone would go on changing."""
    return {name: value.detach().cpu().clone() for name, value in trainable(model).items()}


def put(model: Any, weights: dict[str, Tensor]) -> None:
    """Put weights into the model in place.

    Raises:
        ValueError: the names differ: the weights belong to another model or method.
    """
    own = trainable(model)
    if own.keys() != weights.keys():
        raise ValueError("these weights belong to another model or training method")
    for name, value in weights.items():
        own[name].copy_(value)


def save(folder: Path, model: Any, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Write a checkpoint; it takes the place of an earlier one only when it is whole."""
    new = folder / (FOLDER + ".part")
    _put_in_place(folder)  # what an earlier `save` may have left whole: it is the only one
    _delete(new)
    new.mkdir(parents=True)
    save_file(copy_weights(model), new / "weights.safetensors")
    save_file(_moments(optimizer), new / "optimizer.safetensors")
    if progress.best_weights is not None:
        save_file(progress.best_weights, new / "best.safetensors")
    state = {
        "step": progress.step,
        "best_score": progress.best_score if progress.best_weights else None,
    }
    (new / "state.part").write_text(json.dumps(state), encoding="utf-8")
    (new / "state.part").rename(new / "state.json")
    _put_in_place(folder)


def restore(folder: Path | None, model: Any, optimizer: torch.optim.Optimizer) -> Progress | None:
    """Put a checkpoint's weights and moments in place; return where it stands, None without one."""
    found = _find(folder) if folder else None
    if found is None:
        return None
    state = _read_state(found)
    put(model, load_file(found / "weights.safetensors"))
    _put_moments(optimizer, load_file(found / "optimizer.safetensors"))
    progress = Progress(step=state["step"])
    if state["best_score"] is not None:
        progress.best_score = state["best_score"]
        progress.best_weights = load_file(found / "best.safetensors")
    return progress


def count_steps(folder: Path) -> int:
    """Return how many steps a run that goes on from `folder` need not take again."""
    found = _find(folder)
    return _read_state(found)["step"] if found else 0


def stop_if_asked(
    folder: Path, model: Any, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write a checkpoint and raise `Stopped`, if the run was asked to stop."""
    if events.is_asked_to_stop(folder):
        save(folder, model, optimizer, progress)
        events.forget_stop(folder)
        raise Stopped(f"stopped after step {progress.step}, as asked; started again, it goes on")


def remove(folder: Path) -> None:
    """Delete a run's checkpoint once its result is saved, and a request that came too late."""
    events.forget_stop(folder)
    _delete(folder / FOLDER)
    _delete(folder / (FOLDER + ".part"))


def _put_in_place(folder: Path) -> None:
    """Let a new checkpoint take the place of the old one, if it is whole."""
    new, old = folder / (FOLDER + ".part"), folder / FOLDER
    if _is_whole(new):
        _delete(old)
        new.rename(old)


def _delete(checkpoint: Path) -> None:
    (checkpoint / "state.json").unlink(missing_ok=True)  # first: without it, it is none
    shutil.rmtree(checkpoint, ignore_errors=True)


def _find(folder: Path) -> Path | None:
    # killed at the end of `save`, the new one is whole and the old one may be half deleted
    return next((f for f in (folder / (FOLDER + ".part"), folder / FOLDER) if _is_whole(f)), None)


def _read_state(found: Path) -> dict[str, Any]:
    return strict_json.read_object(
        found / "state.json", {"step": int, "best_score": (int, float, NoneType)}
    )


def _is_whole(folder: Path) -> bool:
    return (folder / "state.json").is_file()  # written last


def _moments(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {}
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    for index, weight in enumerate(weights):
        for name, value in optimizer.state[weight].items():
            whole = value if isinstance(value, Tensor) else torch.tensor(value)
            tensors[f"{index}.{name}"] = whole.detach().cpu().clone()
    return tensors


def _put_moments(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    for name, value in tensors.items():
        index, kind = name.split(".", 1)
        weight = weights[int(index)]
        # torch counts steps in a float tensor beside the weight, bitsandbytes in a Python integer
        is_count = value.ndim == 0 and not value.is_floating_point()
        optimizer.state[weight][kind] = int(value) if is_count else _moved(optimizer, weight, value)


def _moved(optimizer: torch.optim.Optimizer, weight: Tensor, value: Tensor) -> Tensor:
    """Return a moment beside its weight; bitsandbytes gives the room itself, to page it out."""
    room_for = getattr(optimizer, "get_state_buffer", None)
    if room_for is None or value.shape != weight.shape:
        return value.to(weight.device)
    return room_for(weight, dtype=value.dtype).copy_(value)  # type: ignore[no-any-return]
