"""Mistakes of published code, made on purpose: what they cost is measured, not guessed.

Arms with a mistake (`pipeline.arms`) train a student in this way and are scored as any other.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mkdkit.models.rows import Row
from mkdkit.settings import StudentSettings
from mkdkit.training import losses
from mkdkit.training.chunks import OfWholeBatch
from mkdkit.training.soft_labels import LabelSource, SoftLabels


def with_padding(rows: Sequence[Row], fill: int) -> list[Row]:
    """Return the rows with labels as long as the set's longest, padding among what is scored.

    Mentor-KD's code pads the whole set to its longest row, and its mask hides none of it: the soft
    labels of what comes after the end mark are learnt too.

    Args:
        rows: with labels that end in an end mark.
        fill: the id of the padding.
    """
    longest = max(len(row.label) for row in rows)
    return [replace(row, label=row.label + (fill,) * (longest - len(row.label))) for row in rows]


def padding_learnt(
    store: LabelSource, settings: StudentSettings, *, fill: int, end: int
) -> OfWholeBatch:
    """Return the student's loss on rows `with_padding`: soft labels of all places, padding too.

    As published, the rationale loss is a mean over the words and the soft-label loss one over
    words and padding: the more padding, the less the mentor says about words.

    Args:
        store: the soft labels, of padding too.
        settings: of the loss.
        fill: the id of the padding.
        end: of the end mark, which is a word, also where padding has the same id.
    """

    def loss_of(logits: Tensor, labels: Tensor, rows: Sequence[Row]) -> Tensor:
        words = torch.cat([_is_word(row, fill, end) for row in rows]).to(labels.device)
        # the loop divides by all places: so this is a mean over words
        rationale = losses.rationale_loss(logits[words], labels[words]) * len(labels) / words.sum()
        return losses.student_loss(
            rationale,
            store.read(rows).loss(
                logits, temperature=settings.kd_temperature, divergence=settings.divergence
            ),
            kd_weight=settings.kd_weight,
            temperature=settings.kd_temperature,
            tau_squared=settings.tau_squared,
        )

    return OfWholeBatch(loss_of)


def _is_word(row: Row, fill: int, end: int) -> Tensor:
    """Which places of a label were there before it was padded: (label's tokens,) truth values."""
    words = len(row.label)
    while words and row.label[words - 1] == fill:
        words -= 1
    return torch.arange(len(row.label)) < words + (fill == end)


class OtherRows:
    """A store that gives each row of a batch what belongs to the next: labels found by position.

    So it comes out where soft labels are looked up by the number of a step while rows are shuffled.
    A batch of one row is right by accident, so the loss must be `OfWholeBatch`.
    """

    def __init__(self, store: LabelSource) -> None:
        self._store = store

    def read(self, rows: Sequence[Row]) -> SoftLabels:
        """Return the soft labels of the rows, the first one's last."""
        return self._store.read([*rows[1:], *rows[:1]])
