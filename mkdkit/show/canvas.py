"""What every figure shares: one style, a colour for each role, one way to be saved.

A run in profile smoke is no result, so its figures carry a stamp and are saved elsewhere.
"""

import io
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from mkdkit import temporary

STYLE = Path(__file__).with_name("mkdkit.mplstyle")
FIGURES = Path(__file__).parents[2] / "figures"
SMOKE_FIGURES = temporary.FOLDER / "smoke" / "figures"
STAMP = "smoke run\nnot a result"

# told apart by the common forms of colour blindness, and in grey
COLOR = {"teacher": "#4c4c4c", "mentor": "#d95f02", "student": "#1b6ca8", "base": "#9b9b9b"}
# for what has no role: Okabe and Ito's colours that are none of the above
OTHERS = ["#009e73", "#cc79a7", "#e6a700", "#56b4e9", "#7a5195", "#000000"]
Format = Literal["png", "svg", "pdf"]
# what each format would write down of the time and the library, left out
UNDATED: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
PUBLISHED = "#7a7a7a"  # overlays of published numbers are grey, dashed and hollow


def role_of(name: str) -> str:
    """The role whose colour an arm or a source has: its own, that of the base, or the student's."""
    if name in COLOR:
        return name
    if name == "mentor_vote":  # all others that begin so are students
        return "mentor"
    return "base" if name.startswith("base_") else "student"


def colors(names: list[str]) -> list[str]:
    """One colour for each name: the role's if it is one, otherwise the next of a fixed list."""
    others = [name for name in names if name not in COLOR]
    return [COLOR.get(name) or OTHERS[others.index(name) % len(OTHERS)] for name in names]


def is_smoke() -> bool:
    """Whether this run only tries the code out (profile smoke)."""
    return os.environ.get("MKDKIT_PROFILE") == "smoke"


def start(ax: Axes | None, *, size: tuple[float, float] | None = None) -> Axes:
    """The axes to draw on, `ax` or those of a new figure of `size` inches; stamped in smoke."""
    if ax is None:
        _, ax = plt.subplots(figsize=size)
    stamp(figure_of(ax))
    return ax


def start_row(panels: int, *, size: tuple[float, float], share_y: bool = False) -> list[Axes]:
    """The axes of a new figure with `panels` panels side by side; stamped in a smoke run."""
    figure, axes = plt.subplots(1, panels, figsize=size, sharey=share_y, squeeze=False)
    stamp(figure)
    return list(axes[0])


def figure_of(ax: Axes) -> Figure:
    """The whole figure that `ax` is part of."""
    figure = ax.get_figure(root=True)
    if not isinstance(figure, Figure):
        raise ValueError("these axes are no longer part of a figure; draw them again")
    return figure


def stamp(figure: Figure) -> None:
    """Write across a smoke run's figure, once, that it is no result."""
    if is_smoke() and not any(text.get_gid() == "stamp" for text in figure.texts):
        look: dict = {"fontsize": 26, "rotation": 15, "alpha": 0.45, "color": "#b00020"}
        figure.text(0.5, 0.5, STAMP, ha="center", va="center", zorder=100, gid="stamp", **look)


def folder() -> Path:
    """Where figures are saved now: figures/, or a temporary folder in a smoke run."""
    return SMOKE_FIGURES if is_smoke() else FIGURES


def save(
    ax: Axes, name: str, *, scale: float = 1.0, formats: Sequence[Format] = ("png", "svg")
) -> None:
    """Save the figure that `ax` is part of as `name`.png and `name`.svg in `folder()`.

    The same numbers give the same bytes: no date, no random ids.

    Args:
        ax: any of the figure's axes.
        name: without folder and ending.
        scale: size of letters, lines and dots against those on paper; 1.5 reads well on a slide.
            The figure grows with them, its width by the root alone, so that labels have room.
        formats: also "pdf", for a paper.

    Raises:
        ValueError: `name` is not made of letters, digits and underscores, a format is none of
            these, or the scale is not above 0.
    """
    if not re.fullmatch(r"\w+", name):
        rule = "a figure's name has letters, digits and underscores alone"
        raise ValueError(f"{rule}, got {name!r}; folder and ending are added here")
    if unknown := [one for one in formats if one not in UNDATED]:
        raise ValueError(f"a figure's formats are {', '.join(UNDATED)}, got {', '.join(unknown)}")
    if not scale > 0:
        raise ValueError(f"scale must be above 0, got {scale}; 1 is the size on paper")
    figure = figure_of(ax)
    stamp(figure)
    folder().mkdir(parents=True, exist_ok=True)
    with plt.rc_context({"svg.hashsalt": "mkdkit", "pdf.fonttype": 42}), _scaled(figure, scale):
        for ending in formats:
            partial = folder() / f"{name}.part.{ending}"  # never half a figure under its name
            figure.savefig(partial, metadata=UNDATED[ending])
            partial.replace(folder() / f"{name}.{ending}")


@contextmanager
def _scaled(figure: Figure, scale: float) -> Iterator[None]:
    """Let all letters, lines and dots of a figure be larger for a while; the layout follows."""
    before: list[tuple[Callable[[Any], object], Any]] = []
    width, height = figure.get_size_inches()
    if scale != 1.0:
        figure.canvas.draw()  # makes the letters that a draw would make
        figure.set_size_inches(width * math.sqrt(scale), height * scale)
        for text in figure.findobj(Text):
            before.append((text.set_fontsize, float(text.get_fontsize())))
        for line in figure.findobj(Line2D):
            before.append((line.set_linewidth, line.get_linewidth()))
            before.append((line.set_markersize, line.get_markersize()))
        for drawn in figure.findobj(Collection):  # broad bars of intervals, and scattered rings
            before.append((drawn.set_linewidth, np.asarray(drawn.get_linewidth())))
            if isinstance(drawn, PathCollection):
                before.append((_scale_area(drawn), drawn.get_sizes()))
    for put, size in before:
        put(scale * size)
    try:
        yield
    finally:
        figure.set_size_inches(width, height)
        for put, size in before:
            put(size)


def _scale_area(drawn: PathCollection) -> Callable[[Any], None]:
    """A scatter's sizes are areas: once more what its diameters are scaled by."""
    first = drawn.get_sizes()

    def put(sizes: Any) -> None:
        drawn.set_sizes(sizes * np.divide(sizes, first))

    return put


def to_png(ax: Axes, *, dpi: int = 100) -> bytes:
    """The figure that `ax` is part of as PNG bytes, as an Image widget takes them; it is closed."""
    figure, file = figure_of(ax), io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    plt.close(figure)
    return file.getvalue()
