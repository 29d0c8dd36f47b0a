"""Checkpoints of a pre-training run with two optimisers: safetensors and JSON, no pickles."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mkdkit import strict_json

POSITION = "position.json"  # written last: what it names is whole


def write(
    folder: Path, model: Any, optimizers: Sequence[torch.optim.Optimizer], position: dict[str, Any]
) -> None:
    """Write weights, optimiser state and `position` (JSON values; its "step" names the file)."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"state-{position['step']}.safetensors"
    save_file(_tensors(model, optimizers), weights)
    partial = folder / (POSITION + ".part")
    partial.write_text(json.dumps(position | {"weights": weights.name}), encoding="utf-8")
    partial.replace(folder / POSITION)
    for old in folder.glob("state-*.safetensors"):
        if old != weights:
            old.unlink()


def read_position(folder: Path) -> dict[str, Any] | None:
    """The position of the last checkpoint in `folder`; None without one."""
    if not (folder / POSITION).is_file():
        return None
    return strict_json.read(folder / POSITION)


def restore(
    folder: Path,
    position: dict[str, Any],
    model: Any,
    optimizers: Sequence[torch.optim.Optimizer],
) -> None:
    """Put the weights and optimiser state of the checkpoint at `position` in place.

    Raises:
        ValueError: the checkpoint is damaged.
    """
    tensors = _read(folder / position["weights"])
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        parameter.data.copy_(tensors.pop(f"weight/{name}"))
    owner = {p: o for o in optimizers for group in o.param_groups for p in group["params"]}
    for entry, value in tensors.items():
        key, _, name = entry.partition("/")
        owner[parameters[name]].state[parameters[name]][key] = value


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"{path}: the checkpoint cannot be read: {error}; remove its folder to begin anew"
        ) from error


def _tensors(model: Any, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
    names = {parameter: name for name, parameter in model.named_parameters()}
    tensors = {f"weight/{name}": parameter.data for parameter, name in names.items()}
    for optimizer in optimizers:
        for parameter, state in optimizer.state.items():
            for key, value in state.items():
                tensors[f"{key}/{names[parameter]}"] = torch.as_tensor(value)
    return tensors
