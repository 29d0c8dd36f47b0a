"""Which rows stand in which batch: a function of lengths and settings, planned before a run."""

import math
import random
from array import array
from collections.abc import Iterable, Iterator, Sequence

from mkdkit.models.rows import Row, Rows
from mkdkit.sequences import OnDemand
from mkdkit.settings import TrainingSettings

BUCKET_BATCHES = 32  # batches are cut from runs of this many, sorted by length


def count_steps(rows: int, settings: TrainingSettings) -> int:
    """Return the optimiser steps that training on so many rows takes."""
    if settings.max_steps is not None:
        return settings.max_steps
    return max(1, round(settings.epochs * steps_per_epoch(rows, settings)))


def steps_per_epoch(rows: int, settings: TrainingSettings) -> int:
    """Return the optimiser steps of one pass over so many rows."""
    return math.ceil(math.ceil(rows / settings.batch_size) / settings.accumulation_steps)


class Plan(OnDemand[list[list[int]]]):
    """The batches of every optimiser step, as row numbers; settings alone decide them.

    Rows 0 to `together` - 1, and so on, always stand in one batch, in their order. One epoch at a
    time is held: some 20 bytes a row.
    """

    def __init__(
        self, lengths: Sequence[int], settings: TrainingSettings, *, together: int = 1
    ) -> None:
        if settings.batch_size % together:
            size = settings.batch_size
            raise ValueError(f"batch_size must be a multiple of {together}, got {size}")
        starts = range(0, len(lengths), together)
        self._longest = array("i", (max(lengths[i : i + together]) for i in starts))
        self._settings, self._together = settings, together
        self._steps = count_steps(len(lengths), settings)
        self._planned, self._epoch = self._plan(0), 0

    def _plan(self, epoch: int) -> "list[array[int]]":
        size = self._settings.batch_size // self._together
        return plan_epoch(self._longest, size, seed=self._settings.seed, epoch=epoch)

    def __len__(self) -> int:
        return self._steps

    def make(self, number: int) -> list[list[int]]:
        """Return the batches of a step, counted from 0."""
        several = self._settings.accumulation_steps
        epoch, step = divmod(number, math.ceil(len(self._planned) / several))
        if epoch != self._epoch:
            self._planned, self._epoch = self._plan(epoch), epoch
        batches = self._planned[step * several : (step + 1) * several]
        return [[row for group in batch for row in self._rows(group)] for batch in batches]

    def _rows(self, group: int) -> range:
        return range(group * self._together, (group + 1) * self._together)


def plan_epoch(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int
) -> "list[array[int]]":
    """Return the batches of one epoch as row numbers, rows of like length together.

    Every row is in exactly one batch. Rows are shuffled, then sorted by length within runs of
    `BUCKET_BATCHES` batches, so padding is small and the order still changes with every epoch.
    """
    draw = random.Random(f"batches {seed} {epoch}")
    order = array("i", range(len(lengths)))
    draw.shuffle(order)
    run = batch_size * BUCKET_BATCHES
    batches = []
    for start in range(0, len(order), run):
        bucket = array("i", sorted(order[start : start + run], key=lambda row: lengths[row]))
        batches += [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
    draw.shuffle(batches)
    return batches


def lengths_of(rows: Sequence[Row]) -> Sequence[int]:
    """Return how many tokens each row has."""
    return rows.lengths() if isinstance(rows, Rows) else [len(row) for row in rows]


def split(
    batch: Sequence[Row], most_tokens: int | None, together: int = 1
) -> Iterator[Sequence[Row]]:
    """Yield the batch in parts that each fit into one forward pass.

    Args:
        batch: the rows of one batch, which share a gradient however they are split.
        most_tokens: of a part, its rows times its longest row; None: no limit. Rows that belong
            together stay so, even where they alone are longer.
        together: rows that belong together follow one another in runs of this many.
    """
    start, longest = 0, 0
    for place in range(0, len(batch), together):
        group = max(len(row) for row in batch[place : place + together])
        tokens = max(longest, group) * (place + together - start)
        if most_tokens is not None and place > start and tokens > most_tokens:
            yield batch[start:place]
            start, longest = place, 0
        longest = max(longest, group)
    yield batch[start:]


def padding_share(lengths: Sequence[int], plan: Iterable[Iterable[Sequence[int]]]) -> float:
    """Return the share of all places in a plan's batches that hold no token, 0 to 1.

    Args:
        lengths: of the rows.
        plan: steps, each of batches, each of row numbers.

    >>> padding_share([2, 4], [[[0, 1]]])
    0.25
    """
    places = tokens = 0
    for batch in (batch for step in plan for batch in step):
        places += max(lengths[row] for row in batch) * len(batch)
        tokens += sum(lengths[row] for row in batch)
    return 1 - tokens / places
