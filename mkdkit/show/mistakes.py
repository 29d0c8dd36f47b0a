"""Where two arms go wrong: the kinds of their answers side by side, counted."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from mkdkit.show import canvas
from mkdkit.show.canvas import COLOR, role_of

HEIGHT = 0.38  # of a bar; two and a gap make a row


def plot_error_kinds(
    counts: Mapping[str, Mapping[str, int]],
    *,
    xlabel: str = "answers",
    ax: Axes | None = None,
) -> Axes:
    """How many answers of each kind two arms give, such as a student before and after distillation.

    The first arm is hatched, the second filled; a number stands at each bar.

    Args:
        counts: arm -> kind -> answers, for two arms; the kinds from top to bottom, as
            `error_kinds.KINDS` orders them.
        xlabel: what is counted.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there are not two arms, or they do not have the same kinds.
    """
    kinds = [list(one) for one in counts.values()]
    if len(kinds) != 2 or kinds[0] != kinds[1]:
        raise ValueError(
            "two arms with the same kinds in the same order are needed, got "
            f"{ {arm: list(one) for arm, one in counts.items()} }"
        )
    ax = canvas.start(ax, size=(6.4, 0.42 * len(kinds[0]) + 1.3))
    most = max((n for one in counts.values() for n in one.values()), default=0) or 1
    for number, (arm, one) in enumerate(counts.items()):
        color, label = COLOR[role_of(arm)], f"{arm} ({sum(one.values()):,})"
        look: dict[str, Any] = (
            {"color": color} if number else {"fc": "white", "ec": color, "hatch": "////"}
        )
        rows = [row + HEIGHT * (number - 0.5) for row in range(len(one))]
        ax.barh(rows, list(one.values()), height=HEIGHT, label=label, **look)
        for row, n in zip(rows, one.values(), strict=True):
            ax.text(n + 0.01 * most, row, f"{n:,}", va="center", fontsize=8)
    ax.set_yticks(range(len(kinds[0])), kinds[0])
    ax.set(xlabel=xlabel, xlim=(0, 1.1 * most), ylim=(len(kinds[0]) - 0.5, -0.5))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8)
    return ax
