"""Figures: plain numbers in, Axes out. No function here loads, saves or chooses a title.

Rationales and training are drawn here, accuracies in `comparisons`, kinds of mistakes in
`mistakes`, the inside of a model in `closeups`, the method in `method`; all can be called through
this module.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mkdkit.show import canvas
from mkdkit.show.canvas import COLOR, STYLE, colors, folder, role_of, save
from mkdkit.show.closeups import (
    plot_draws,
    plot_memory,
    plot_nf4_block,
    plot_soft_label,
    plot_token_kl,
)
from mkdkit.show.comparisons import (
    add_published,
    plot_ablation,
    plot_accuracies,
    plot_annotators,
    plot_differences,
    plot_published,
    plot_seed_differences,
)
from mkdkit.show.exploring import plot_rows
from mkdkit.show.method import plot_method
from mkdkit.show.mistakes import plot_error_kinds
from mkdkit.show.planning_figure import plot_memory_on_gpus
from mkdkit.show.pretraining import plot_pretraining
from mkdkit.show.speed import plot_speedups

__all__ = [
    "COLOR",
    "STYLE",
    "folder",
    "save",
    "plot_method",
    "plot_training",
    "plot_funnel",
    "plot_lengths",
    "plot_coverage",
    "plot_accuracies",
    "plot_differences",
    "plot_seed_differences",
    "plot_error_kinds",
    "plot_pretraining",
    "plot_ablation",
    "add_published",
    "plot_annotators",
    "plot_published",
    "plot_rows",
    "plot_draws",
    "plot_soft_label",
    "plot_token_kl",
    "plot_memory",
    "plot_memory_on_gpus",
    "plot_speedups",
    "plot_nf4_block",
]


def plot_training(
    losses: Mapping[str, Sequence[float]],
    *,
    validations: Mapping[str, Mapping[int, float]] | None = None,
    window: int = 10,
    axes: Sequence[Axes] | None = None,
) -> Axes:
    """Loss by optimiser step and, in a second panel, validation accuracy; the loss's Axes.

    Args:
        losses: name of a run -> loss of each step, in nats per scored token. A role's name has
            its colour. Drawn faint, with the mean of the last `window` steps over it.
        validations: name of a run -> {step: accuracy in percent}.
        window: steps in the running mean.
        axes: where to draw, one or two; a new figure if None.
    """
    panels = 2 if validations else 1
    axes = axes or canvas.start_row(panels, size=(3.2 * panels + 0.6, 2.9))
    for name, color in zip(losses, colors(list(losses)), strict=True):
        values = np.asarray(losses[name], dtype=float)
        steps = np.arange(1, len(values) + 1)
        axes[0].plot(steps, values, color=color, alpha=0.25, linewidth=0.8)
        axes[0].plot(steps, _running_mean(values, window), color=color, label=name)
    axes[0].set(xlabel="optimiser step", ylabel="loss (nats per scored token)")
    for name, color in zip(validations or {}, colors(list(validations or {})), strict=True):
        points = (validations or {})[name]
        steps, accuracies = list(points), list(points.values())
        axes[1].plot(steps, accuracies, "o-", color=color, markersize=4, label=name)
    if validations:
        axes[1].set(xlabel="optimiser step", ylabel="validation accuracy (%)")
    for ax in axes[:panels]:
        ax.set(xlim=(0, None), ylim=(0, None))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes[panels - 1].legend()
    return axes[0]


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    return (sums[ends] - sums[starts]) / (ends - starts)


def plot_funnel(
    counts: Mapping[str, int], *, source: str = "teacher", ax: Axes | None = None
) -> Axes:
    """How many rationales are left after each filter rule, from all that were read to those kept.

    Args:
        counts: "kept" and every reason -> rationales, as `Filtered.counts()` gives them; the
            reasons in the order in which the rules are asked.
        source: whose rationales; gives the colour.
        ax: where to draw; a new figure if None.
    """
    reasons = {reason: n for reason, n in counts.items() if reason != "kept"}
    read = sum(counts.values())
    ax = canvas.start(ax, size=(6.0, 0.32 * (len(reasons) + 2) + 0.9))
    color, left = COLOR[role_of(source)], read
    labels = [f"{source}: all read", *reasons, "kept"]
    ax.barh(0, read, color=color, height=0.7)
    for row, dropped in enumerate(reasons.values(), start=1):
        left -= dropped
        ax.barh(row, left, color=color, alpha=0.3, height=0.7)
        if dropped:  # nothing dropped has no outline
            ax.barh(row, dropped, left=left, fc="none", ec=color, hatch="////", height=0.7)
    ax.barh(len(labels) - 1, left, color=color, height=0.7)
    for row, n in enumerate([read, *reasons.values(), left]):
        sign = "−" if n and 0 < row < len(labels) - 1 else ""
        note = f"{sign}{n:,}" + (f" ({100 * n / read:.1f}%)" if row and read else "")
        ax.text(1.02, row, note, transform=ax.get_yaxis_transform(), va="center")
    ax.set_yticks(range(len(labels)), labels)
    ax.set(xlabel="rationales left", xlim=(0, max(read, 1)))
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    return ax


def plot_lengths(
    lengths: Mapping[str, Sequence[int]],
    *,
    unit: str = "tokens",
    limit: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """How long texts are, one outline for each source, with its median.

    Args:
        lengths: source -> length of each text.
        unit: what is counted.
        limit: where to draw the longest length allowed.
        ax: where to draw; a new figure if None.
    """
    ax = canvas.start(ax)
    longest = max((max(values, default=0) for values in lengths.values()), default=0)
    width = 1 + longest // 40  # whole numbers, or some bins would hold more lengths than others
    bins = list(range(0, longest + width + 1, width))
    for name, color in zip(lengths, colors(list(lengths)), strict=True):
        values = lengths[name]
        if not len(values):
            ax.plot([], [], color=color, label=f"{name}: none")
            continue
        median, share = float(np.median(values)), np.full(len(values), 100 / len(values))
        label = f"{name}: {len(values):,}, median {median:g}"
        look: dict[str, Any] = {"histtype": "stepfilled", "linewidth": 1.4, "label": label}
        look |= {"facecolor": color + "30", "edgecolor": color}
        ax.hist(values, bins=bins, weights=share, **look)
        ax.plot(median, 0, "^", color=color, clip_on=False, zorder=5, markersize=8)
    if limit is not None:
        ax.axvline(limit, color="black", linestyle=":", label=f"limit: {limit}")
    ax.set(xlabel=f"length ({unit})", ylabel="share of the source's texts (%)", xlim=(0, None))
    ax.legend()
    return ax


def plot_length_bars(
    bars: Mapping[str, Sequence[int]], *, width: int, medians: Mapping[str, float]
) -> Axes:
    """How long texts are, from counts alone; the last bar holds all that is longer.

    Args:
        bars: source -> number of texts by length, in bars of `width` words from 0.
        width: of one bar, in words.
        medians: source -> median length (words).
    """
    ax = canvas.start(None)
    for name, color in zip(bars, colors(list(bars)), strict=True):
        counts = np.asarray(bars[name])
        edges = width * np.arange(len(counts) + 1)
        label = f"{name}: {counts.sum():,}, median {medians[name]:g}"
        share = 100 * counts / counts.sum()
        ax.stairs(share, edges, color=color, facecolor=color + "30", fill=True, label=label)
        ax.stairs(share, edges, color=color, linewidth=1.4)
        ax.plot(medians[name], 0, "^", color=color, clip_on=False, zorder=5, markersize=8)
    last = width * (max(len(counts) for counts in bars.values()) - 1)
    ax.set(ylabel="share of the source's texts (%)", xlim=(0, last + width))
    ax.set_xlabel(f"length (words; the last bar: {last} or more)")
    ax.legend()
    return ax


def plot_coverage(
    samples: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    *,
    xlabel: str = "rationales per question",
    ylabel: str = "questions (%)",
    ax: Axes | None = None,
) -> Axes:
    """What more samples of one question bring, each line in percent, on an axis from 0 to 100.

    Args:
        samples: how many rationales of each question are looked at, length n.
        lines: name -> up to n percentages, e.g. "at least one is right", "a random one is right".
        xlabel: what is on the horizontal axis.
        ylabel: of what 100% would be all.
        ax: where to draw; a new figure if None.
    """
    ax = canvas.start(ax)
    for name, color in zip(lines, colors(list(lines)), strict=True):
        shares = lines[name]
        ax.plot(samples[: len(shares)], shares, "o-", color=color, markersize=4, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 102))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return ax
