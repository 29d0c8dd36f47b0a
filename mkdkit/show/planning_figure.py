"""Memory of trainings against the GPUs there are. Numbers in, Axes out."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from mkdkit.show import canvas, closeups

GPUS = (8, 16, 24, 40, 80)  # GiB
CHOSEN = {"color": "#b00020", "linewidth": 2.0, "linestyle": "-"}
OTHER = {"color": "#4c4c4c", "linewidth": 0.8, "linestyle": ":"}
APART = 0.055  # share of the axis that a GPU's number takes


def plot_memory_on_gpus(
    parts: Mapping[str, Mapping[str, float]],
    *,
    gpus: Sequence[float] = GPUS,
    chosen: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Memory of each way to train, stacked by part, with a line for each GPU's memory.

    Lines that would lie on top of one another have one number, that of the smaller GPU.

    Args:
        parts: way -> part -> GiB, such as `pipeline.sizing.memory` counts.
        gpus: their memory, in GiB; those far beyond the longest bar are left out.
        chosen: the GPU that is planned for, in GiB: its line is thick.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there is nothing to draw, or a GPU without memory.
    """
    marked: list[float] = sorted({*gpus, *([] if chosen is None else [chosen])})
    if not parts or not marked or marked[0] <= 0:
        rule = "a figure of memory needs ways to train and GPUs of more than 0 GiB"
        raise ValueError(f"{rule}, got {[*parts]} and {marked}; pass both")
    ax = closeups.plot_memory(parts, ax=ax or canvas.start(None, size=_size(parts)))
    longest = max(sum(way.values()) for way in parts.values())
    # always the smallest GPU that holds the longest bar, so that one sees what would do
    enough = next((gpu for gpu in marked if gpu >= longest), 0)
    right = 1.14 * max(longest, enough, chosen or 0)
    ax.set_xlim(0, right)
    for text, way in zip(ax.texts, parts.values(), strict=True):
        # a line must not strike a number out, and a large one is to be read
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
        if (total := sum(way.values())) >= 1000:
            text.set_text(f"{total:,.0f}")
    _draw_lines(ax, [gpu for gpu in marked if gpu < right], right, chosen)
    return ax


def _size(parts: Mapping[str, Mapping[str, float]]) -> tuple[float, float]:
    return 7.4, 0.45 * len(parts) + 1.75


def _draw_lines(ax: Axes, gpus: Sequence[float], right: float, chosen: float | None) -> None:
    """A line for each GPU, with its number above where there is room for it."""
    first = [chosen] if chosen in gpus else []
    numbered: list[float] = []
    for gpu in [*first, *(gpu for gpu in gpus if gpu not in first)]:
        is_chosen = gpu == chosen
        look: dict[str, Any] = CHOSEN if is_chosen else OTHER
        ax.axvline(gpu, **look)
        if all(abs(gpu - other) > APART * right for other in numbered):
            numbered.append(gpu)
            weight = "bold" if is_chosen else "normal"
            at: dict[str, Any] = {"xycoords": ax.get_xaxis_transform(), "ha": "center"}
            ax.annotate(
                f"{gpu:g}", (gpu, 1), (0, 3), **at, textcoords="offset points", weight=weight
            )
    side: dict[str, Any] = {"xycoords": "axes fraction", "ha": "right", "fontsize": 8}
    ax.annotate("GPU, GiB:", (0, 1), (-6, 4), **side, textcoords="offset points")
