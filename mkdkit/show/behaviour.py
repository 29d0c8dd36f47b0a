"""How students behave beyond one accuracy: sure of what, alike whom, at what cost, how far.

Each function takes the rows of a table of `pipeline.student_tables`, several seeds of each arm.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from mkdkit.settings import QuestionSettings
from mkdkit.show import canvas, exploring
from mkdkit.show.points import Row, StudentT
from mkdkit.tasks import procedural


def plot_reliability(rows: Sequence[Row], *, student_t: StudentT, ax: Axes | None = None) -> Axes:
    """How often answers are right that a model is so and so sure of, an arm a colour.

    A model that is as often right as it says lies on the diagonal; below it, it claims too much.
    Small marks are bins of one seed, a line goes through the bins of all. The legend has each
    arm's calibration error, and the highest that chance alone would give in 95 of 100 tests.

    Args:
        rows: of `tiny_confidences`.
        student_t: values -> their mean and its 95% interval, `statistics.mean_interval`.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there are no rows.
    """
    ax = canvas.start(ax, size=(4.6, 4.4))
    ax.plot([0, 100], [0, 100], color="black", linewidth=1, linestyle=":")
    arms = _by("arm", rows)
    for (arm, own), color in zip(arms.items(), canvas.colors(list(arms)), strict=True):
        errors = {row["seed"]: row["error"] for row in own}
        chance = fmean({row["seed"]: row["error by chance, at most"] for row in own}.values())
        mean, ends = _mean([*errors.values()], student_t)
        sure = f" [{max(0, ends[0]):.1f}, {ends[1]:.1f}]" if ends else ""
        said = f"{arm}: {mean:.1f}{sure}, by chance up to {chance:.1f}"
        bins = _by("low", own).values()
        middles = [_weighed(one, "confidence") for one in bins]
        heights = [_weighed(one, "accuracy") for one in bins]
        pairs = sorted(zip(middles, heights, strict=True))
        ax.plot(*zip(*pairs, strict=True), color=color, label=said, gid="means")
        # the area of a mark is the share of answers in its bin
        largest = max(row["n"] for row in own)
        ax.scatter(
            [row["confidence"] for row in own],
            [row["accuracy"] for row in own],
            s=[4 + 60 * row["n"] / largest for row in own],
            facecolor="none",
            edgecolor=color,
            gid="rows",
        )
    ax.set(xlim=(-2, 102), ylim=(-2, 102), ylabel="of them right (%)")
    ax.set_xlabel(
        "share of ten new attempts that give the same answer (%)\n"
        "each ring: one bin of one seed; the larger, the more answers"
    )
    title = "calibration error (points)"
    look: dict[str, Any] = {"fontsize": 8, "title_fontsize": 8, "alignment": "left"}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), title=title, **look)
    return ax


def _weighed(bins: Sequence[Row], column: str) -> float:
    """The mean of a column over all answers of several bins."""
    return sum(one["n"] * one[column] for one in bins) / sum(one["n"] for one in bins)


def plot_agreement(rows: Sequence[Row], *, student_t: StudentT, ax: Axes | None = None) -> Axes:
    """Of the questions that student and mentor both miss, how often with the same wrong answer.

    A vertical line is what chance would give. An arm that never met the mentor shows how far a
    question's own trap leads two models to the same mistake; what lies above it was learnt.

    Args:
        rows: of `tiny_agreement`.
        student_t: as for `plot_reliability`.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there are no rows.
    """
    arms = _by("arm", rows)
    ax = canvas.start(ax, size=(6.4, 0.5 * len(arms) + 1.2))
    for place, (arm, own) in enumerate(arms.items()):
        shares = [float(row["same_wrong_share"]) for row in own]
        mean, ends = _mean(shares, student_t)
        color = canvas.COLOR[canvas.role_of(arm)]
        if ends:
            ax.plot(ends, [place, place], color=color, linewidth=5, alpha=0.3)
        ax.plot(shares, [place] * len(shares), "o", color=color, fillstyle="none", markersize=4)
        ax.plot(mean, place, "|", color=color, markersize=12, markeredgewidth=2, gid="means")
        chance = fmean(float(row["by_chance"]) for row in own)
        by_chance = {"color": "black", "linestyle": ":", "linewidth": 1.5}
        ax.vlines(chance, place - 0.35, place + 0.35, **by_chance)
        ax.text(1.02, place, f"{mean:.1f}", transform=ax.get_yaxis_transform(), va="center")
    ax.set_yticks(range(len(arms)), list(arms))
    ax.set(xlim=(0, 100), ylim=(len(arms) - 0.5, -0.5))
    ax.set_xlabel(
        "the mentor's very answer, of questions both miss (%), 95% intervals\n"
        "each ring: one seed; dotted: by chance"
    )
    ax.grid(axis="y", visible=False)
    return ax


def plot_cost(rows: Sequence[Row], *, student_t: StudentT, ax: Axes | None = None) -> Axes:
    """Accuracy against the work of training, the mentor's included; each arm a mark with its name.

    Args:
        rows: of `tiny_cost`.
        student_t: as for `plot_reliability`.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there are no rows.
    """
    arms = _by("arm", rows)
    ax = canvas.start(ax, size=(6.8, 4.4))
    for number, (arm, color) in enumerate(zip(arms, canvas.colors(list(arms)), strict=True)):
        own, shape = arms[arm], exploring.MARKERS[number % len(exploring.MARKERS)]
        work = fmean(row["teraflop"] for row in own)
        mean, ends = _mean([row["accuracy"] for row in own], student_t)
        seconds = fmean(row["seconds"] for row in own)
        if ends:
            ax.vlines(work, *ends, color=color, linewidth=5, alpha=0.3)
        said = f"{arm} ({seconds:,.0f} s)"
        ax.plot(work, mean, shape, color=color, markersize=7, linestyle="", label=said, gid="means")
        hollow = {"fillstyle": "none", "markersize": 4, "linestyle": ""}
        ax.plot([row["teraflop"] for row in own], [row["accuracy"] for row in own], shape,
                color=color, gid="rows", **hollow)  # fmt: skip
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    n = {row["n"] for row in rows}
    ax.set_xlabel("work of training, 10¹² operations (log scale)\nhollow: one seed; filled: mean")
    asked = f" of {n.pop():,} questions" if len(n) == 1 else ""
    ax.set(ylabel=f"accuracy (%{asked})\nbars, 95%: Student's t", ylim=(-2, 102))
    title = "arm (seconds on one core)"
    look: dict[str, Any] = {"ncols": 2, "fontsize": 8, "title_fontsize": 8, "alignment": "left"}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), title=title, **look)
    return ax


def plot_steps(rows: Sequence[Row], *, student_t: StudentT, ax: Axes | None = None) -> Axes:
    """Accuracy by a question's number of steps; dotted: the number that was learnt from.

    Args:
        rows: of `tiny_steps`.
        student_t: as for `plot_reliability`.
        ax: where to draw; a new figure if None.
    """
    learnt = procedural.steps_of(QuestionSettings(task=_by("task", rows).popitem()[0]))
    name = f"steps of a question ({learnt} were learnt)"
    shown = [{name if c == "question_steps" else c: v for c, v in row.items()} for row in rows]
    ax = exploring.plot_rows(shown, x=name, color="arm", student_t=student_t, ax=ax)
    ax.axvline(learnt, color="black", linestyle=":", linewidth=1, zorder=1)
    return ax


def _mean(values: Sequence[float], student_t: StudentT) -> tuple[float, tuple[float, float] | None]:
    """The mean over seeds and its interval; one seed has none."""
    if len(values) == 1:
        return values[0], None
    mean, low, high = student_t(values)
    return mean, (low, high)


def _by(column: str, rows: Sequence[Row]) -> dict[Any, list[Row]]:
    """The rows by a column's values, in the order in which these first appear."""
    if not rows:
        raise ValueError("a figure of behaviour needs rows, got none")
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


FIGURES: dict[str, Callable[..., Axes]] = {  # by the names of their tables
    "tiny_steps": plot_steps,
    "tiny_confidences": plot_reliability,
    "tiny_agreement": plot_agreement,
    "tiny_cost": plot_cost,
}
