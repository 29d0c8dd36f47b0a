"""Which rows stand in which batch: a function of lengths and settings, planned before a run."""

import math
import random
from collections.abc import Iterator, Sequence

from mkdkit.models.rows import Row
from mkdkit.settings import TrainingSettings

Plan = list[list[list[int]]]  # steps -> batches -> row numbers
BUCKET_BATCHES = 32  # batches are cut from runs of this many, sorted by length


def count_steps(rows: int, settings: TrainingSettings) -> int:
    """Return the optimiser steps that training on so many rows takes."""
    if settings.max_steps is not None:
        return settings.max_steps
    return max(1, round(settings.epochs * steps_per_epoch(rows, settings)))


def steps_per_epoch(rows: int, settings: TrainingSettings) -> int:
    """Return the optimiser steps of one pass over so many rows."""
    return math.ceil(math.ceil(rows / settings.batch_size) / settings.accumulation_steps)


def plan_steps(lengths: Sequence[int], settings: TrainingSettings, *, together: int = 1) -> Plan:
    """Return the batches of every optimiser step, as row numbers; settings alone decide them.

    Rows 0 to `together` - 1, and so on, always stand in one batch, in their order.
    """
    total, steps, epoch = count_steps(len(lengths), settings), [], 0
    if settings.batch_size % together:
        raise ValueError(f"batch_size must be a multiple of {together}, got {settings.batch_size}")
    groups = [range(i, i + together) for i in range(0, len(lengths), together)]
    longest = [max(lengths[row] for row in group) for group in groups]
    size = settings.batch_size // together
    while len(steps) < total:
        planned = plan_epoch(longest, size, seed=settings.seed, epoch=epoch)
        batches = [[row for group in batch for row in groups[group]] for batch in planned]
        several = settings.accumulation_steps
        steps += [batches[i : i + several] for i in range(0, len(batches), several)]
        epoch += 1
    return steps[:total]


def plan_epoch(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int
) -> list[list[int]]:
    """Return the batches of one epoch as lists of row numbers, rows of like length together.

    Every row is in exactly one batch. Rows are shuffled, then sorted by length within runs of
    `BUCKET_BATCHES` batches, so padding is small and the order still changes with every epoch.
    """
    draw = random.Random(f"batches {seed} {epoch}")
    order = list(range(len(lengths)))
    draw.shuffle(order)
    run = batch_size * BUCKET_BATCHES
    batches = []
    for start in range(0, len(order), run):
        bucket = sorted(order[start : start + run], key=lambda row: lengths[row])
        batches += [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
    draw.shuffle(batches)
    return batches


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


def padding_share(lengths: Sequence[int], plan: Plan) -> float:
    """Return the share of all places in a plan's batches that hold no token, 0 to 1.

    >>> padding_share([2, 4], [[[0, 1]]])
    0.25
    """
    batches = [[lengths[row] for row in batch] for step in plan for batch in step]
    places = sum(max(batch) * len(batch) for batch in batches)
    return 1 - sum(map(sum, batches)) / places
