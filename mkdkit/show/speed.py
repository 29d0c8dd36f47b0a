"""How many times as fast as something else, as one figure for the README."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from mkdkit.show import canvas
from mkdkit.show.canvas import COLOR

TICKS = (1, 2, 5, 10, 20, 50, 100)


def plot_speedups(
    seconds: Mapping[str, tuple[float, float]],
    *,
    xlabel: str = "times as fast, measured in turn on one machine (log scale)",
    ax: Axes | None = None,
) -> Axes:
    """What was timed beside something else: a dot where ours stands, a line from 1, both times.

    Args:
        seconds: what was timed, and against what -> (seconds of the other, seconds of ours).
        xlabel: of the axis.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there is nothing to draw, or a time is not above 0.
    """
    if not seconds:
        raise ValueError("a figure needs something that was timed, got none; run mkdkit bench")
    if wrong := [name for name, pair in seconds.items() if min(pair) <= 0]:
        raise ValueError(f"seconds must be above 0, and are not for {', '.join(wrong)}")
    ax = canvas.start(ax, size=(7.0, 0.55 * len(seconds) + 0.8))
    for row, (theirs, ours) in enumerate(seconds.values()):
        ratio = theirs / ours
        ax.plot([1, ratio], [row, row], color=COLOR["student"], linewidth=2)
        ax.plot(ratio, row, "o", color=COLOR["student"])
        note = f"{ratio:.3g} ×   {_time(theirs)} to {_time(ours)}"
        ax.text(1.03, row, note, transform=ax.get_yaxis_transform(), va="center")
    ax.axvline(1, color="black", linewidth=1)
    ratios = [theirs / ours for theirs, ours in seconds.values()]
    low, high = min([0.9, *ratios]), max([2.2, *ratios])
    ax.set_xscale("log")
    ax.set_xticks([tick for tick in TICKS if tick <= 1.2 * high])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel=xlabel, xlim=(low, 1.2 * high), ylim=(len(seconds) - 0.5, -0.5))
    ax.set_yticks(range(len(seconds)), list(seconds))
    ax.grid(axis="y", visible=False)
    return ax


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
