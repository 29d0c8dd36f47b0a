"""Soft labels: what a mentor says to a scored token, and what a student makes of it.

Of every distribution the k likeliest tokens are kept, and the log of all other tokens' mass at each
temperature of `TEMPERATURES`. `label_store` keeps them on disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row
from mkdkit.settings import Divergence, SoftLabelSettings
from mkdkit.training import losses
from mkdkit.training.coarse import coarse_log_probs
from mkdkit.training.divergences import diverge

TEMPERATURES = (1.0, 1.5, 2.0, 3.0, 4.0)  # fixed, so that a new τ never asks the mentor again


@dataclass(frozen=True, slots=True)
class SoftLabels:
    """The mentor's distributions over the next token, for some scored tokens."""

    token_ids: Tensor  # (scored tokens, k), int64
    log_probs: Tensor  # (scored tokens, k), at temperature 1
    log_tail: Tensor  # (scored tokens, temperatures), float32: log of the mass outside the k

    def tail_at(self, temperature: float) -> Tensor:
        """Return (scored tokens,): the log of the tail's mass at one of the stored temperatures."""
        require_stored(temperature)
        return self.log_tail[:, TEMPERATURES.index(temperature)]

    def loss(
        self, student_logits: Tensor, *, temperature: float, divergence: Divergence = "forward"
    ) -> Tensor:
        """Return the soft-label loss of (scored tokens, vocabulary) logits, summed, in nats."""
        where = student_logits.device
        return losses.top_k_soft_label_loss(
            student_logits,
            self.token_ids.to(where),
            self.log_probs.to(where),
            self.tail_at(temperature).to(where),
            temperature=temperature,
            divergence=divergence,
        )

    def both_losses(
        self,
        student_logits: Tensor,
        labels: Tensor,
        *,
        temperature: float,
        divergence: Divergence = "forward",
    ) -> tuple[Tensor, Tensor]:
        """Return `losses.rationale_loss` and `loss` of the same logits, in few passes over them.

        Args:
            student_logits: (scored tokens, vocabulary); their gradient can be taken once.
            labels: (scored tokens,), token ids.
            temperature: one of `TEMPERATURES`.
            divergence: as in `losses.soft_label_loss`.
        """
        where = student_logits.device
        if self.token_ids.shape[-1] >= student_logits.shape[-1]:  # there are no others to merge
            soft = self.loss(student_logits, temperature=temperature, divergence=divergence)
            return losses.rationale_loss(student_logits, labels), soft
        label, head, rest = coarse_log_probs(
            student_logits, labels, self.token_ids.to(where), temperature=temperature
        )
        mentor, tail = losses.mentor_log_probs(
            self.log_probs.to(where), self.tail_at(temperature).to(where), temperature=temperature
        )
        soft = diverge(mentor, head, divergence).sum() + diverge(tail, rest, divergence).sum()
        return -label.sum(), soft


def require_stored(temperature: float) -> None:
    """Raise a ValueError unless soft labels are stored for a temperature."""
    if temperature not in TEMPERATURES:
        raise ValueError(
            f"soft labels are stored for the temperatures {TEMPERATURES}, got {temperature}; "
            "choose one of them as kd_temperature"
        )


class LabelSource(Protocol):
    """Where soft labels come from: a store, above all."""

    def read(self, rows: Sequence[Row]) -> SoftLabels:
        """Return the soft labels of some rows, in their order: one entry per scored token."""
        ...


def keep_top_k(logits: Tensor, k: int) -> SoftLabels:
    """Return the k likeliest tokens of (scored tokens, vocabulary) logits and the tail's mass.

    Raises:
        ValueError: k is larger than the vocabulary.
    """
    if k > logits.shape[-1]:
        raise ValueError(f"top_k must be at most the vocabulary's {logits.shape[-1]}, got {k}")
    head, token_ids = logits.float().topk(k, dim=-1)
    others = logits.float().scatter(-1, token_ids, float("-inf"))
    tails, wholes = [], []
    for temperature in TEMPERATURES:
        # the tail from itself, not as 1 - head: that difference cancels to noise, or below zero
        tail = (others / temperature).logsumexp(-1)
        wholes.append(torch.logaddexp((head / temperature).logsumexp(-1), tail))
        tails.append(tail - wholes[-1])
    log_probs = head - wholes[TEMPERATURES.index(1.0)].unsqueeze(-1)
    return SoftLabels(token_ids, log_probs, torch.stack(tails, dim=-1))


@torch.no_grad()
def speak(
    mentor: Any,
    rows: Sequence[Row],
    settings: SoftLabelSettings,
    *,
    fill: int,
    vocabulary: int | None = None,
) -> SoftLabels:
    """Return what a mentor says to the scored tokens of some rows, in one forward pass.

    Args:
        mentor: in evaluation mode. Held in float32 it is run in `settings.precision`; else as it is
            held.
        rows: one batch.
        settings: top_k, precision.
        fill: the id in padded places.
        vocabulary: the student's, if the mentor's output layer is wider; what is beyond is padding
            that no token has, and is left out.
    """
    batch = encoding.collate(rows, fill=fill, model=mentor)
    batch = {name: value.to(mentor.device) for name, value in batch.items()}
    is_whole = mentor.dtype == torch.float32
    with loading.autocast(settings.precision if is_whole else "fp32", mentor.device):
        logits, _ = encoding.predict_scored(mentor, batch)
    return keep_top_k(logits[:, :vocabulary], settings.top_k)
