"""Accuracies over two settings at once: a heat map, and bars with what the second setting adds."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mkdkit.show import canvas
from mkdkit.show.canvas import COLOR
from mkdkit.show.points import Row, labels_of
from mkdkit.show.points import label as label_of


def plot_heat_map(
    rows: Sequence[Row], *, x: str, y: str, xlabel: str, ylabel: str, ax: Axes | None = None
) -> Axes:
    """Mean accuracy (%) over seeds in every cell of two settings, written into it.

    Args:
        rows: with both columns and accuracy (%).
        x: the column along the horizontal axis.
        y: the one along the vertical axis.
        xlabel: the setting's name.
        ylabel: the setting's name.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there are no rows, or a row lacks a column.
    """
    cells = _by_cell(rows, x, y)
    across, up = labels_of(rows, x), labels_of(rows, y)
    means = np.full((len(up), len(across)), np.nan)
    for (one, other), values in cells.items():
        means[up.index(other), across.index(one)] = fmean(values)
    ax = canvas.start(ax, size=(1.1 * len(across) + 2.2, 0.55 * len(up) + 1.3))
    drawn = ax.imshow(means, cmap="cividis", vmin=0, vmax=100, origin="lower", aspect="auto")
    for (row, column), mean in np.ndenumerate(means):
        if not np.isnan(mean):
            color = "black" if mean > 55 else "white"  # against its ground
            ax.text(column, row, f"{mean:.1f}", ha="center", va="center", color=color)
    canvas.figure_of(ax).colorbar(drawn, ax=ax, label="accuracy (%)")
    ax.set_xticks(range(len(across)), across)
    ax.set_yticks(range(len(up)), up)
    ax.grid(visible=False)
    seeds = {len(values) for values in cells.values()}
    note = f"mean of {min(seeds)} seeds" if len(seeds) == 1 else "mean over seeds"
    ax.set(xlabel=f"{xlabel}\n{note}", ylabel=ylabel)
    return ax


def plot_gain(
    rows: Sequence[Row],
    *,
    x: str,
    by: str,
    xlabel: str,
    names: Mapping[str, str],
    ax: Axes | None = None,
) -> Axes:
    """A bar for each value of one setting; hatched is what the other's second value adds.

    A second value that takes away is hatched too, inside the bar and in red.

    Args:
        rows: with both columns and accuracy (%), several seeds.
        x: the column of the bars.
        by: the column with two values.
        xlabel: the first setting's name.
        names: what the legend calls the two values of `by`, in their order.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there are no rows, a row lacks a column, or `by` has not two values.
    """
    cells = _by_cell(rows, x, by)
    kinds = labels_of(rows, by)
    if len(kinds) != 2 or list(names) != kinds:
        rule = f"{by} must have two values, each with a name"
        raise ValueError(f"{rule}; got {', '.join(kinds)} and names of {', '.join(names)}")
    bars = labels_of(rows, x)
    if missing := [bar for bar in bars for kind in kinds if (bar, kind) not in cells]:
        raise ValueError(f"every bar needs both values of {by}; {missing[0]} lacks one")
    first, second = (np.array([fmean(cells[bar, kind]) for bar in bars]) for kind in kinds)
    places, gain = np.arange(len(bars)), second - first
    ax = canvas.start(ax)
    ax.bar(places, first, width=0.5, color=COLOR["student"], alpha=0.75, label=names[kinds[0]])
    edge = np.where(gain < 0, "#b00020", COLOR["student"])
    look: dict[str, Any] = {"width": 0.5, "fill": False, "hatch": "////", "edgecolor": edge}
    ax.bar(places, gain, bottom=first, label=names[kinds[1]], **look)
    for place, bar in zip(places, bars, strict=True):
        for kind, shift in zip(kinds, (-0.12, 0.12), strict=True):
            seeds = cells[bar, kind]
            rings = {"facecolor": "white", "edgecolor": "black", "s": 16, "zorder": 3}
            ax.scatter([place + shift] * len(seeds), seeds, **rings)
    ax.set_xticks(places, bars)
    ax.set(xlabel=f"{xlabel}\neach ring: one seed", ylabel="accuracy (%)", ylim=(0, 102))
    ax.grid(axis="x", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8)
    return ax


def _by_cell(rows: Sequence[Row], x: str, y: str) -> dict[tuple[str, str], list[float]]:
    """Accuracies of each cell, however many seeds it has."""
    if not rows:
        raise ValueError("a figure over two settings needs rows, got none")
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if missing := [name for name in (x, y, "accuracy") if name not in row]:
            raise ValueError(f"a row has no {missing[0]!r}; it has {', '.join(row)}")
        found.setdefault((label_of(row[x]), label_of(row[y])), []).append(float(row["accuracy"]))
    return found
