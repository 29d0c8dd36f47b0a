"""The making of the tiny bases: loss while they read, and what they can do at the end."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from mkdkit.show import canvas
from mkdkit.show.canvas import COLOR, OTHERS

COLORS = {"student": COLOR["student"], "middle": OTHERS[0], "mentor": COLOR["mentor"]}


def plot_pretraining(records: Mapping[str, Mapping[str, Any]]) -> Axes:
    """Loss against tokens read, and the accuracy per skill at the end, for each size.

    Args:
        records: size -> its record, as `data/results/pretrain_<size>.json` holds it; what a base
            read in an earlier course is in its "before".
    """
    left, right = canvas.start_row(2, size=(8.4, 4.2))
    for size, record in records.items():
        read, losses = _curve(record)
        millions = record["parameters"] / 1e6
        label = f"tiny-{size} ({millions:.1f}M)"
        left.plot(read, losses, color=COLORS[size], label=label)
    left.set(xlabel="million tokens read", ylabel="loss (nats per scored token)", yscale="log")
    left.set_yticks([0.3, 0.5, 1, 2, 4], ["0.3", "0.5", "1", "2", "4"])
    left.minorticks_off()
    left.legend()
    ends = {size: record["probes"][-1]["accuracy"] for size, record in records.items()}
    _dots(right, ends)
    return left


def _curve(record: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Millions of tokens read, and the loss since the point before; over all courses."""
    earlier = _curve(record["before"]) if "before" in record else ([], [])
    done = earlier[0][-1] if earlier[0] else 0.0
    read = [done + tokens / 1e6 for tokens, _, _ in record["curve"]]
    return earlier[0] + read, earlier[1] + [loss for _, _, loss in record["curve"]]


def _dots(ax: Axes, ends: Mapping[str, Mapping[str, float]]) -> None:
    """One row per skill, best known at the top; each size a dot."""
    first: Sequence[str] = list(next(iter(ends.values())))
    skills = sorted(first, key=lambda skill: -sum(end[skill] for end in ends.values()))
    for size, end in ends.items():
        ax.plot([end[skill] for skill in skills], range(len(skills)), "o", color=COLORS[size])
    ax.set_yticks(range(len(skills)), [skill.replace("_", " ") for skill in skills])
    ax.set(xlim=(0, 102), ylim=(len(skills) - 0.5, -0.5), xlabel="held-out items right (%)")
    ax.grid(axis="y", visible=False)
