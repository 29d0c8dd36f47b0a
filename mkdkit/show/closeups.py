"""Figures from inside a model: its distributions, its memory, its weights. Numbers in, Axes out."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.patches import Rectangle

from mkdkit.show import canvas
from mkdkit.show.canvas import COLOR, OTHERS
from mkdkit.show.tokens import REST, visible


def plot_soft_label(
    tokens: Sequence[str],
    mentor: Mapping[float, Sequence[float]],
    student: Mapping[float, Sequence[float]] | None = None,
    *,
    label: str | None = None,
) -> Axes:
    """The mentor's and the student's likeliest next tokens, one panel per temperature.

    The last row is what the shown tokens leave to all others.

    Args:
        tokens: the k tokens shown, as text, in the order of the rows.
        mentor: temperature τ -> k probabilities, softened by τ over the whole vocabulary.
        student: the same of the student; None: the mentor alone.
        label: the token that stands in the rationale, marked in the list.

    Returns:
        The first panel's Axes.
    """
    size = (2.1 * len(mentor) + 1.3, 0.3 * (len(tokens) + 1) + 1.1)
    axes = canvas.start_row(len(mentor), size=size, share_y=True)
    rows = np.arange(len(tokens) + 1)
    for ax, temperature in zip(axes, mentor, strict=True):
        sides = {"mentor": mentor} | ({"student": student} if student is not None else {})
        height = 0.8 / len(sides)
        for place, (role, table) in enumerate(sides.items()):
            shown = list(table[temperature])
            values = [*shown, max(0.0, 1.0 - sum(shown))]
            offset = (place - (len(sides) - 1) / 2) * height
            ax.barh(rows + offset, values, height=height, color=COLOR[role], label=role)
        ax.set(xlabel="probability", xlim=(0, 1), title=f"τ = {temperature:g}")
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.grid(axis="y", visible=False)
    names = [f"► {_visible(token)}" if token == label else _visible(token) for token in tokens]
    axes[0].set_yticks(rows, [*names, REST])
    axes[0].invert_yaxis()
    canvas.figure_of(axes[0]).legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2
    )
    return axes[0]


def plot_draws(
    tokens: Sequence[str],
    expected: Mapping[float, Sequence[float]],
    drawn: Mapping[float, Sequence[float]],
) -> Axes:
    """What a temperature makes of a distribution, and how often each token was drawn from it.

    Bars are probabilities, diamonds shares of the draws, one panel per temperature. The last
    row is what the shown tokens leave to all others.

    Args:
        tokens: the k tokens shown, as text, in the order of the rows.
        expected: sampling temperature -> k probabilities, over the whole vocabulary.
        drawn: sampling temperature -> share of the draws that each of the k tokens got.

    Returns:
        The first panel's Axes.
    """
    size = (2.1 * len(expected) + 1.3, 0.3 * (len(tokens) + 1) + 1.1)
    axes = canvas.start_row(len(expected), size=size, share_y=True)
    rows = np.arange(len(tokens) + 1)
    for ax, temperature in zip(axes, expected, strict=True):
        bars, marks = (
            [*values, max(0.0, 1.0 - sum(values))]
            for values in (expected[temperature], drawn[temperature])
        )
        ax.barh(rows, bars, height=0.7, color=COLOR["mentor"], alpha=0.55, label="probability")
        look: dict[str, Any] = {"color": "black", "markersize": 5, "clip_on": False}
        ax.plot(marks, rows, "d", label="share of the draws", **look)
        ax.set(xlabel="probability", xlim=(0, 1), title=f"temperature {temperature:g}")
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(rows, [*map(_visible, tokens), REST])
    axes[0].invert_yaxis()
    canvas.figure_of(axes[0]).legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2
    )
    return axes[0]


def _visible(token: str) -> str:
    return visible(token).replace("$", r"\$")  # a dollar is text, not the start of a formula


def plot_token_kl(
    tokens: Sequence[str],
    values: Sequence[float],
    *,
    quantity: str = "KL(mentor ‖ student), nats",
    highest: float | None = None,
    width: int = 78,
    ax: Axes | None = None,
) -> Axes:
    """A text token by token, each box as dark as its value: where two models disagree.

    Values below zero, if there are any, have the other side of a two-coloured scale.

    Args:
        tokens: the tokens as text, with their leading spaces.
        values: one value per token.
        quantity: what the values are, with its unit.
        highest: value of the darkest colour, to compare figures; the largest one if None.
        width: characters in a line.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there are not as many values as tokens.
    """
    if len(tokens) != len(values):
        counts = f"{len(tokens)} tokens and {len(values)} values"
        raise ValueError(f"each token needs one value, got {counts}")
    texts = [token.replace("\n", "↵") or "∅" for token in tokens]
    places = _wrap(texts, width)
    lines = places[-1][0] + 1 if places else 1
    ax = canvas.start(ax, size=(8.0, 0.34 * lines + 0.75))
    top = (highest if highest is not None else max(map(abs, values), default=0.0)) or 1.0
    is_signed = min(values, default=0.0) < 0
    scale = Normalize(-top if is_signed else 0.0, top)
    shades = _between(*("PuOr_r", 0.2, 0.8) if is_signed else ("Oranges", 0.0, 0.75))
    for text, value, (line, column) in zip(texts, values, places, strict=True):
        shade = shades(scale(value))
        box = Rectangle((column, line), len(text), 0.86, facecolor=shade, edgecolor="white")
        ax.add_patch(box)
        look: dict[str, Any] = {"family": "monospace", "fontsize": 8.5, "va": "center"}
        middle = (column + len(text) / 2, line + 0.45)
        ax.text(*middle, text.replace("$", r"\$"), ha="center", color="black", **look)
    ax.set(xlim=(0, width), ylim=(lines, 0))
    ax.axis("off")
    bar = ScalarMappable(scale, shades)
    legend = canvas.figure_of(ax).colorbar(bar, ax=ax, location="bottom", aspect=60, pad=0.02)
    legend.set_label(quantity)
    return ax


def _between(name: str, start: float, end: float) -> Colormap:
    """A colour map without its darkest ends, which would hide the text."""
    return ListedColormap(plt.get_cmap(name)(np.linspace(start, end, 256)))


def _wrap(texts: Sequence[str], width: int) -> list[tuple[int, int]]:
    """(line, column) of each text when they are set in lines of `width` characters."""
    places, line, column = [], 0, 0
    for text in texts:
        if column and column + len(text) > width:
            line, column = line + 1, 0
        places.append((line, column))
        column += len(text)
    return places


def plot_memory(
    parts: Mapping[str, Mapping[str, float]], *, unit: str = "GiB", ax: Axes | None = None
) -> Axes:
    """Memory of each way to train, stacked by part, with the total at the bar's end.

    Args:
        parts: way (e.g. "full", "LoRA", "QLoRA") -> part (weights, gradients, ...) -> amount;
            parts are stacked in the order in which they are first named.
        unit: of the amounts.
        ax: where to draw; a new figure if None.
    """
    ax = canvas.start(ax, size=(6.6, 0.45 * len(parts) + 1.3))
    names = list(dict.fromkeys(part for way in parts.values() for part in way))
    for name, color in zip(names, OTHERS * (1 + len(names) // len(OTHERS)), strict=False):
        amounts = [way.get(name, 0.0) for way in parts.values()]
        before = [
            sum(way.get(n, 0.0) for n in names[: names.index(name)]) for way in parts.values()
        ]
        ax.barh(list(parts), amounts, left=before, color=color, label=name, height=0.65)
    for row, way in enumerate(parts.values()):
        total = sum(way.values())
        ax.annotate(f"{total:.3g}", (total, row), (4, 0), textcoords="offset points", va="center")
    ax.set(xlabel=f"memory ({unit})")
    ax.margins(x=0.1)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    canvas.figure_of(ax).legend(loc="outside upper center", ncols=min(len(names), 5), fontsize=8)
    return ax


def plot_nf4_block(weights: Any, restored: Any, *, columns: int = 8) -> Axes:
    """A block of weights, the same block after 4-bit storage, and the error; the first Axes.

    Weights and restored weights share one colour scale; the error has its own.

    Args:
        weights: the block's weights, e.g. the 64 numbers that share one scale.
        restored: the same after quantisation to NF4 and back.
        columns: how many weights stand in a row.

    Raises:
        ValueError: the two differ in size, or do not fill rows of `columns`.
    """
    before, after = (np.asarray(block, dtype=float).ravel() for block in (weights, restored))
    if before.size != after.size or before.size % columns:
        sizes = f"{before.size} and {after.size} weights in rows of {columns}"
        raise ValueError(f"both blocks must have one size that fills their rows, got {sizes}")
    error = after - before
    levels = len(np.unique(after))
    top, worst = np.abs(before).max(), np.abs(error).max() or 1.0
    share = 100 * np.abs(error).mean() / (np.abs(before).mean() or 1.0)
    panels = [
        ("weights", before, top, f"{len(np.unique(before))} different values"),
        ("in 4 bits (NF4)", after, top, f"{levels} different values"),
        ("error", error, worst, f"mean {share:.1f}% of a weight"),
    ]
    axes = canvas.start_row(3, size=(8.4, 2.7))
    for ax, (title, block, limit, note) in zip(axes, panels, strict=True):
        grid = block.reshape(-1, columns)
        picture = ax.imshow(grid, cmap="RdBu_r", vmin=-limit, vmax=limit)
        ax.set(title=title, xlabel=note, xticks=[], yticks=[])
        ax.grid(visible=False)
        canvas.figure_of(ax).colorbar(picture, ax=ax, shrink=0.75)
    return axes[0]
