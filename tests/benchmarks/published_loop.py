"""Mentor-KD's published training step, written anew, to time ours against.

A batch is padded to the longest row of the whole set (`dynamic`: of the batch), the mentor is asked
in every step of every epoch, and padded positions take part in the soft-label loss.

Source: the code that Lee et al. (EMNLP 2024) published; its behaviour, not its lines.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mkdkit.models import encoding
from mkdkit.models.encoding import IGNORE_INDEX
from mkdkit.models.rows import Row


def pad(rows: Sequence[Row], model: Any, lengths: tuple[int, int] | None) -> dict[str, Tensor]:
    """Return a batch for an encoder-decoder; `lengths`: (prompt, label) to pad to."""
    batch = encoding.collate(rows, fill=0, model=model)
    if lengths is None:
        return batch
    fills = {"input_ids": 0, "attention_mask": 0, "decoder_input_ids": 0, "labels": IGNORE_INDEX}
    wanted = {"input_ids": 0, "attention_mask": 0, "decoder_input_ids": 1, "labels": 1}
    return {
        name: F.pad(value, (0, lengths[wanted[name]] - value.shape[1]), value=fills[name])
        for name, value in batch.items()
    }


def longest(rows: Sequence[Row]) -> tuple[int, int]:
    """Longest prompt and longest label of a set."""
    return max(len(row.prompt) for row in rows), max(len(row.label) for row in rows)


def step(
    student: Any,
    mentor: Any,
    optimizer: torch.optim.Optimizer,
    batch: dict[str, Tensor],
    *,
    kd_weight: float = 0.3,
    temperature: float = 2.0,
) -> float:
    """Take one step on a padded batch; return its loss."""
    labels = batch["labels"]
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    logits = student(**inputs, use_cache=False).logits.flatten(0, 1)
    hard = F.cross_entropy(logits, labels.flatten(), ignore_index=IGNORE_INDEX)
    with torch.no_grad():
        said = mentor(**inputs, use_cache=False).logits.flatten(0, 1)
    soft = F.kl_div(
        (logits / temperature).log_softmax(-1),
        (said / temperature).softmax(-1),
        reduction="batchmean",
    )
    loss = (1 - kd_weight) * hard + kd_weight * soft
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()
