"""An adapter and its base made one model of plain weights, and how far that is from what was."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mkdkit import strict_json
from mkdkit.models import encoding, loading


@dataclass(frozen=True, slots=True)
class Change:
    """What merging changed in what a model expects next, on some texts."""

    tokens: int  # that were compared
    same_choice: float  # % of them at which the likeliest token is the same
    divergence: float  # KL from the model before, nats per token
    dtype: str  # of the merged weights


def merge(folder: str | Path) -> Any:
    """Return the model of a folder with an adapter as `loading.save` left it, merged.

    A base that was held in 4 bits is merged as it was held: every weight the number its 4 bits
    stand for, in the dtype of all else. Beside those the adapter was trained, and the whole scored;
    beside the weights from before they were quantised it would be another model.
    """
    from peft import PeftModel

    record = strict_json.read(Path(folder) / loading.BASE)
    four_bits = record["quantization"]
    dtype = loading.dtype_beside_4bit(loading.device()) if four_bits else torch.float32
    model = loading.load_base(record["base"], quantization=four_bits, dtype=dtype)
    with loading.quiet(), warnings.catch_warnings(action="ignore"):
        if four_bits:
            model = model.dequantize(dtype=dtype)
        return PeftModel.from_pretrained(model, str(folder)).merge_and_unload().eval()


@torch.no_grad()
def compare(before: Any, after: Any, batch: Mapping[str, Tensor]) -> Change:
    """Return how far two models are apart at the scored tokens of a batch.

    Args:
        before: the model as it was scored.
        after: the same, merged.
        batch: as `encoding.collate` makes it.
    """
    logs = []
    for model in (before, after):
        here = {name: tensor.to(model.device) for name, tensor in batch.items()}
        logits, _ = encoding.predict_scored(model, here)
        logs.append(logits.float().log_softmax(-1).cpu())
    old, new = logs
    same = (old.argmax(-1) == new.argmax(-1)).float().mean()
    divergence = (old.exp() * (old - new)).sum(-1).mean()
    dtype = str(after.dtype).removeprefix("torch.")
    return Change(len(old), 100 * float(same), float(divergence), dtype)
