"""A plan as lines to read: memory and disk of every stage, then its work and time."""

import itertools
from collections.abc import Iterator, Sequence

import torch

from mkdkit.pipeline import folders
from mkdkit.pipeline.planning import StagePlan

GIB = 2**30
ABOUT = """\
planned: the arm mentor_kd; other arms train a student each besides
counted: parameters, weights, adapter, gradients, optimiser, disk (for so many rows; a tokenizer's
  files come on top)
rehearsed, on tensors without numbers: activations (what lives when the output layer is reached),
  logits (and what the loss makes of them), peak (the most that lives at one time) and FLOP; what
  the device's own libraries take is in none of them
the most there can be: steps and tokens, as if every rationale were kept, and every row were the
  longest that the recipe learns, half prompt, half completion (or as --prompt-tokens and
  --completion-tokens say)\
"""


def lines(
    plans: Sequence[StagePlan], where: torch.device, *, teraflops: float | None = None
) -> Iterator[str]:
    """Yield the lines of a plan.

    Args:
        plans: of all stages.
        where: the device planned for.
        teraflops: what it does in a second, in 10^12 operations; None: measured, if it is here.
    """
    yield from _memory(plans)
    yield ""
    yield from _work(plans, where, teraflops)
    yield ""
    yield ABOUT
    yield from _verdict(plans, where)


def _memory(plans: Sequence[StagePlan]) -> Iterator[str]:
    names = ("weights", "adapter", "gradients", "optimiser", "activations", "logits", "peak")
    yield f"{'GiB':20}{''.join(f'{name:>12}' for name in names)}{'disk':>10}{'kept':>10}"
    for one in plans:
        held, run = one.held, one.run
        sizes = (held.weights, held.adapter, held.gradients, held.optimiser)
        cells = "".join(
            f"{_gib(size):>12}" for size in (*sizes, run.activations, run.logits, one.peak)
        )
        yield f"{one.name:20}{cells}{_gib(one.disk):>10}{_gib(one.kept):>10}"
    kept = None if any(one.kept is None for one in plans) else sum(one.kept or 0 for one in plans)
    highest = f"{_gib(highest_peak(plans)):>12}{_gib(highest_disk(plans)):>10}{_gib(kept):>10}"
    yield f"{'all':92}{highest}"
    yield ""
    for one in (one for one in plans if one.held.gradients):  # the trainings
        held = one.held
        yield f"{one.name:20}{held.parameters:>16,} parameters, {held.trained:,} of them trained"


def highest_peak(plans: Sequence[StagePlan]) -> int:
    """Return the bytes of memory that the hungriest stage takes."""
    return max(one.peak for one in plans)


def highest_disk(plans: Sequence[StagePlan]) -> int | None:
    """Return the bytes on disk at their highest: what earlier stages keep, and a stage's own."""
    if any(one.disk is None for one in plans):
        return None
    kept = [0, *itertools.accumulate(one.kept or 0 for one in plans)]
    return max(before + (one.disk or 0) for before, one in zip(kept, plans, strict=False))


def _work(
    plans: Sequence[StagePlan], where: torch.device, teraflops: float | None
) -> Iterator[str]:
    is_here = where.type == "cpu" or torch.cuda.is_available()
    yield f"{'at most':20}{'steps':>12}{'tokens':>16}{'10^12 FLOP':>14}{'time':>12}"
    total: float | None = 0.0
    for one in plans:
        seconds = None
        if one.steps is not None and (teraflops is not None or is_here):
            rate = one.rate(where) if teraflops is None else teraflops * 1e12
            seconds = one.steps * one.run.flop / rate
        total = None if total is None or seconds is None else total + seconds
        steps = one.steps
        counts = ("?", "?", "?") if steps is None else (
            f"{steps:,}", f"{steps * one.tokens:,}", f"{steps * one.run.flop / 1e12:,.1f}",
        )  # fmt: skip
        yield f"{one.name:20}{counts[0]:>12}{counts[1]:>16}{counts[2]:>14}{_time(seconds):>12}"
    yield f"{'all':62}{_time(total):>12}"
    if any(one.steps is None for one in plans):
        yield (
            "?: the questions are not here to be counted; `mkdkit fetch` brings published ones, "
            "--data-dir names where others are"
        )
    if teraflops is None and not is_here:
        yield "time: give --teraflops of the device you plan for; none is here to be measured"
    else:
        whose = "this machine's, measured" if teraflops is None else f"{teraflops:g} TFLOP/s, given"
        yield f"time: of so much work, were it matrix products alone ({whose})"


def _verdict(plans: Sequence[StagePlan], where: torch.device) -> Iterator[str]:
    highest, disk = highest_peak(plans), highest_disk(plans)
    if where.type == "cuda" and torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        word = "should fit" if highest < free else "DOES NOT FIT"
        yield f"{word}: {_gib(highest)} of {_gib(free)} GiB free on {torch.cuda.get_device_name()}"
    elif where.type == "cuda":
        yield f"no CUDA device here: yours needs more than {_gib(highest)} GiB"
    else:
        yield f"memory: {_gib(highest)} GiB, and about half a GiB for Python and its libraries"
    runs = folders.runs_folder()
    free = folders.free_space(runs)
    if disk is None:
        yield f"disk: unknown before the questions are here; {_gib(free)} GiB are free in {runs}"
        return
    word = "fits" if disk < free else "DOES NOT FIT"
    yield f"{word}: {_gib(disk)} of {_gib(free)} GiB free in {runs}"


def _gib(size: int | None) -> str:
    if size is None:
        return "?"
    return f"{size / GIB:.3f}" if size else "-"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
