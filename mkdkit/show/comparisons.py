"""Figures that compare accuracies: arms, differences, ablations, and published lines beside."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes

from mkdkit.show import canvas, published
from mkdkit.show.canvas import COLOR, PUBLISHED, role_of


def plot_accuracies(
    accuracies: Mapping[str, Sequence[float]],
    *,
    intervals: Mapping[str, tuple[float, float]] | None = None,
    chance: float | None = None,
    chance_label: str = "chance",
    xlabel: str = "test accuracy (%)",
    roles: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy of each arm on an axis from 0 to 100%: mean, 95% interval, and each seed a dot.

    Args:
        accuracies: arm -> accuracy of each seed, in percent; drawn from top to bottom.
        intervals: arm -> (low, high) in percent, at the 95% level.
        chance: accuracy of guessing, in percent, as a line.
        chance_label: what that line is, e.g. "majority answer".
        xlabel: what is measured; name the number of questions here.
        roles: arm -> role whose colour it has; the arm's own role if not named.
        ax: where to draw; a new figure if None.
    """
    ax = canvas.start(ax, size=(6.0, 0.36 * len(accuracies) + 1.0))
    for row, (arm, values) in enumerate(accuracies.items()):
        color, mean = COLOR[(roles or {}).get(arm) or role_of(arm)], float(np.mean(values))
        if intervals and arm in intervals:
            ax.plot(intervals[arm], [row, row], color=color, linewidth=5, alpha=0.3)
        if len(values) > 1:
            look = {"fillstyle": "none", "markersize": 4, "clip_on": False}
            ax.plot(values, [row] * len(values), "o", color=color, **look)
            ax.plot(mean, row, "|", color=color, markersize=12, markeredgewidth=2, clip_on=False)
        else:
            ax.plot(mean, row, "o", color=color, clip_on=False)
        ax.text(1.03, row, f"{mean:.1f}", transform=ax.get_yaxis_transform(), va="center")
    if chance is not None:
        ax.axvline(chance, color="black", linestyle=":", linewidth=1, zorder=1)
        note = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        ax.annotate(chance_label, (chance, 1), (2, 1), va="bottom", fontsize=8, **note)
    ax.set_yticks(range(len(accuracies)), list(accuracies))
    ax.set(xlabel=xlabel + (", 95% intervals" if intervals else ""), xlim=(0, 100))
    ax.set_ylim(len(accuracies) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    return ax


def plot_differences(
    differences: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
    *,
    baseline: str,
    ax: Axes | None = None,
) -> Axes:
    """By how many points each arm is above or below a baseline, on the same questions.

    Args:
        differences: arm -> its accuracy minus the baseline's, in percentage points.
        intervals: arm -> (low, high) of that difference, at the 95% level.
        baseline: name of the arm compared with.
        ax: where to draw; a new figure if None.
    """
    ax = canvas.start(ax, size=(6.0, 0.36 * len(differences) + 1.0))
    ax.axvline(0, color="black", linewidth=1)
    for row, (arm, difference) in enumerate(differences.items()):
        color, (low, high) = COLOR[role_of(arm)], intervals[arm]
        ax.plot([low, high], [row, row], color=color, linewidth=5, alpha=0.3)
        is_sure = low > 0 or high < 0  # filled: the interval leaves zero out
        ax.plot(difference, row, "o", color=color, fillstyle="full" if is_sure else "none")
        ax.text(1.02, row, _signed(difference), transform=ax.get_yaxis_transform(), va="center")
    widest = max((abs(end) for pair in intervals.values() for end in pair), default=0.0) or 1.0
    ax.set_yticks(range(len(differences)), list(differences))
    ax.set(xlim=(-1.08 * widest, 1.08 * widest), ylim=(len(differences) - 0.5, -0.5))
    ax.set_xlabel(f"accuracy minus that of {baseline} (points), 95% intervals")
    ax.grid(axis="y", visible=False)
    return ax


def plot_seed_differences(
    differences: Mapping[str, Sequence[float]],
    *,
    intervals: Mapping[str, tuple[float, float]],
    p_values: Mapping[str, float] | None = None,
    xlabel: str,
    ax: Axes | None = None,
) -> Axes:
    """By how many points one arm is above another on each task, each seed a ring.

    Args:
        differences: task -> one difference per seed, in percentage points.
        intervals: task -> (low, high) of the mean difference, at the 95% level.
        p_values: task -> p-value, written beside the mean.
        xlabel: what is subtracted from what.
        ax: where to draw; a new figure if None.
    """
    ax = canvas.start(ax, size=(6.4, 0.5 * len(differences) + 1.0))
    ax.axvline(0, color="black", linewidth=1)
    color = COLOR["student"]
    for row, (task, values) in enumerate(differences.items()):
        ax.plot(intervals[task], [row, row], color=color, linewidth=5, alpha=0.3)
        ax.plot(values, [row] * len(values), "o", color=color, fillstyle="none", markersize=4)
        ax.plot(float(np.mean(values)), row, "|", color=color, markersize=14, markeredgewidth=2)
        note = _signed(float(np.mean(values)))
        note += f", {_p(p_values[task])}" if p_values else ""
        ax.text(1.02, row, note, transform=ax.get_yaxis_transform(), va="center")
    ax.set_yticks(range(len(differences)), [task.replace("_", " ") for task in differences])
    ax.set_ylim(len(differences) - 0.5, -0.5)
    ax.set_xlabel(xlabel)
    ax.grid(axis="y", visible=False)
    return ax


def _signed(points: float) -> str:
    return f"{round(points, 1) + 0.0:+.1f}".replace("-", "−")  # + 0.0: nothing is no "−0.0"


def _p(value: float) -> str:
    return f"p = {value:.3f}" if value >= 0.001 else "p < 0.001"


def plot_ablation(
    values: Sequence[float | str],
    accuracies: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    chosen: float | str | None = None,
    intervals: Sequence[tuple[float, float]] | None = None,
    baseline: tuple[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Student accuracy (%) against one setting: a mean line over seeds, each seed a dot.

    Args:
        values: the setting's values, length n; numbers, or names such as mentor sizes.
        accuracies: seed -> n accuracies in percent, in the order of `values`.
        xlabel: the setting's name and symbol, e.g. "soft-label weight λ".
        chosen: where to draw the value the main results use.
        intervals: n pairs (low, high) in percent, at the 95% level; None for a missing one.
        baseline: (name, accuracy in percent) of an arm drawn as a level line.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: a seed's row is not as long as `values`.
    """
    ax = canvas.start(ax)
    for seed, row in accuracies.items():
        if len(row) != len(values):
            rule = f"each seed needs one accuracy for each of the {len(values)} values"
            raise ValueError(f"{rule}, seed {seed!r} has {len(row)}; give nan for a missing one")
    table = np.array([list(row) for row in accuracies.values()], dtype=float)  # (seeds, n)
    color = COLOR["student"]
    seeds = f"{len(table)} seeds, mean" if len(table) > 1 else "one seed"
    if intervals is not None:
        nothing = (math.nan, math.nan)  # of a cell that failed
        low, high = np.array([pair or nothing for pair in intervals], dtype=float).T
        ax.fill_between(values, low, high, color=color, alpha=0.15, label="95% interval")
    means = np.ma.masked_invalid(table).mean(axis=0).filled(math.nan)  # nan where all are missing
    ax.plot(values, means, "o-", color=color, markersize=5, label=seeds)
    if len(table) > 1:
        for row in table:
            ax.scatter(values, row, facecolor="none", edgecolor=color, s=18)
    if baseline is not None:
        ax.axhline(baseline[1], color=COLOR["base"], linestyle="--", label=baseline[0])
    if chosen is not None:
        ax.axvline(
            cast(float, chosen), color="black", linestyle=":", linewidth=1, label="main results"
        )
    ax.set(xlabel=xlabel, ylabel="student accuracy (%)")
    return _legend_above(ax)


def add_published(
    ax: Axes, line: published.Series, *, label: str | None = None, marker: str = "s"
) -> Axes:
    """Draw a published line over one's own of the same setting, and name both above.

    The models and questions differ from one's own: compare shapes, not heights.
    """
    draw_published(ax, line, label=label, marker=marker)
    return _legend_above(ax)


def draw_published(
    ax: Axes, line: published.Series, *, label: str | None = None, marker: str = "s"
) -> None:
    """Draw a published line, grey, dashed and hollow, without a legend."""
    look = {"color": PUBLISHED, "markerfacecolor": "white", "markersize": 5, "linewidth": 1}
    ax.plot(line.values, line.accuracies, f"{marker}--", label=label or line.label, **look)


def _legend_above(ax: Axes) -> Axes:
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8)
    return ax


def plot_published(task: str = "tracking_shuffled_objects") -> Axes:
    """Mentor-KD's own ablations on one task, Figures 3, 5, 6 and 7 side by side; the first Axes.

    Shaded: the binomial 95% half-width of one run, which the paper does not draw. The last panel
    also has λ = 0 as it should be: the mentor's rationales without soft labels.
    """
    panels = {
        "mentor rationales\nper question (Fig. 3)": published.DEGREE,
        "share of the training\nquestions, % (Fig. 5)": published.DATA_SHARE,
        "mentor's size\n(Fig. 6)": published.MENTOR_SIZE,
        "soft-label weight λ\n(Fig. 7)": published.KD_WEIGHT,
    }
    axes = canvas.start_row(4, size=(9.0, 2.9), share_y=True)
    vanilla: dict[str, Any] = {"color": PUBLISHED, "linestyle": "--"}
    student: dict[str, Any] = {"color": COLOR["student"], "markersize": 4}
    for ax, (xlabel, lines) in zip(axes, panels.items(), strict=True):
        line = lines[task]
        ax.plot(line.values, line.accuracies, "o-", label="mentor_kd", **student)
        low, high = np.array(line.accuracies) + np.outer([-1, 1], line.half_widths)
        ax.fill_between(line.values, low, high, color=COLOR["student"], alpha=0.15, linewidth=0)
        ax.set_xlabel(xlabel)
        if lines is not published.DATA_SHARE:
            ax.axhline(published.VANILLA[task], label="fine_tune_cot", **vanilla)
    line = published.DATA_SHARE_VANILLA[task]
    axes[1].plot(line.values, line.accuracies, "s", markersize=4, **vanilla)
    corrected = published.KD_WEIGHT_0[task]
    student |= {"markersize": 7, "fillstyle": "none"}
    axes[3].plot(0, corrected, "D", label="λ = 0, corrected\n(Table 4)", **student)
    axes[3].legend(fontsize=8, loc="lower right")
    axes[0].set_xticks(range(1, 10, 2))
    axes[0].set_ylabel("published test accuracy (%)")
    return axes[0]


def plot_annotators() -> Axes:
    """Mentor-KD's Figure 4, both halves: who writes the rationales; the first Axes.

    Left, how often each annotator is right on training questions that the teacher got wrong; right,
    the student that learns from what each wrote, its accuracy on test with the binomial 95%
    half-width, which the paper does not draw.
    """
    axes = canvas.start_row(2, size=(9.0, 3.4), share_y=True)
    names = list(published.ANNOTATORS)
    colors = dict(zip(names, canvas.colors(names), strict=True))
    halves = (published.ANNOTATORS, published.ANNOTATORS_STUDENTS)
    titles = ("annotator, on what the teacher got wrong", "student of each annotator, on test")
    for ax, half, title in zip(axes, halves, titles, strict=True):
        for number, (name, heights) in enumerate(half.items()):
            places = np.arange(len(heights)) + 0.2 * (number - 1.5)
            ax.bar(places, heights, width=0.18, color=colors[name], label=name)
            if half is published.ANNOTATORS_STUDENTS:
                pairs = zip(heights, published.ANNOTATED, strict=True)
                widths = [published.half_width(height, task) for height, task in pairs]
                ax.errorbar(places, heights, widths, fmt="none", ecolor="black", linewidth=1)
        tasks = [task.replace("_", "\n", 1).replace("_", " ") for task in published.ANNOTATED]
        ax.set_xticks(range(len(tasks)), tasks, fontsize=8)
        ax.set_title(title, fontsize=9)
        ax.grid(axis="x", visible=False)
    axes[0].set(ylabel="published accuracy (%)", ylim=(0, 100))
    canvas.figure_of(axes[0]).legend(*axes[0].get_legend_handles_labels(),
                                     loc="outside lower center", ncols=4, fontsize=8)  # fmt: skip
    return axes[0]
