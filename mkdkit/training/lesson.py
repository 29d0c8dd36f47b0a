"""What a training is given: rows, and the loss on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mkdkit.models.rows import Row
from mkdkit.training.chunks import LossOf


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the training loop is given."""

    rows: Sequence[Row]
    loss_of: LossOf
    together: int = 1  # rows that must stand in one batch
