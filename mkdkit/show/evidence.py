"""The papers' figures and those they lack, with our own points: one table of rows in, Axes out.

Each sweep says which table of `data/results` it draws, which column is its axis and which its
colour, and what was published of it. Published lines are grey, dashed and hollow: other models on
other questions, so compare shapes and not heights.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mkdkit.show import canvas, comparisons, exploring, published, published_cot, two_settings
from mkdkit.show.points import Row, StudentT, Wilson
from mkdkit.show.published import Series

Rows = list[dict[str, Any]]
# millions of parameters of the shipped bases (`data/models/README.md`)
MILLIONS = {"tiny-student": 1.36, "tiny-middle": 3.00, "tiny-mentor": 4.98}
FLAN_T5 = {"small": 80, "base": 250, "large": 780, "XL": 3000}  # as Mentor-KD gives them
TSO = "tracking_shuffled_objects"


def _as_they_are(rows: Rows) -> Rows:
    return rows


@dataclass(frozen=True, slots=True)
class Sweep:
    """One figure: what is drawn of a table, and how its columns are called."""

    x: str  # a column of the rows as they are drawn
    color: str | None = None
    columns: Mapping[str, str] | None = None  # a setting -> what the figure calls it
    shown: Callable[[Rows], Rows] = _as_they_are  # rows of the table -> rows to draw
    published: Sequence[Series] = ()
    is_log: bool = False  # where published values go much further than ours


def _shares(rows: Rows) -> Rows:
    """The number of training questions as a share of the largest."""
    most = max(row["questions.train"] for row in rows)
    found = [dict(row) for row in rows]
    for row in found:  # in its place: two columns that say the same would be two settings
        row["share"] = 100 * row.pop("questions.train") / most
    return found


def _sizes(rows: Rows) -> Rows:
    """The mentor's size as a multiple of the student's."""
    own = MILLIONS["tiny-student"]
    found = [dict(row) for row in rows]
    for row in found:
        row["times"] = round(MILLIONS[row.pop("mentor_base")] / own, 1)
    return found


def _published_weights() -> list[Series]:
    """Figure 7 without its λ = 0, which is a run without a mentor, and what stands in its place."""
    line = published.KD_WEIGHT[TSO]
    true = replace(line, values=(0.0,), accuracies=(published.KD_WEIGHT_0[TSO],), source="Table 4")
    return [replace(line, values=line.values[1:], accuracies=line.accuracies[1:]), true]


def _published_sizes() -> Series:
    line = published.MENTOR_SIZE[TSO]
    times = tuple(round(FLAN_T5[str(name)] / FLAN_T5["small"], 1) for name in line.values)
    return Series(line.task, line.arm, times, line.accuracies, line.source)


def _teachers(rows: Rows) -> Rows:
    """In the place of the slip rate, what it makes of the teacher: the mean accuracy over seeds."""
    own: dict[float, list[float]] = {}
    for row in rows:
        if row["arm"] == "teacher":
            own.setdefault(row["teacher.slip_rate"], []).append(row["accuracy"])
    found = []
    for row in (dict(row) for row in rows if row["arm"] != "teacher"):
        row["teacher"] = round(fmean(own[row.pop("teacher.slip_rate")]), 1)
        found.append(row)
    return found


def _weights(rows: Rows) -> Rows:
    """λ, and whether τ² is there, as one kind."""
    squared = {"True": ", with τ²", "False": ""}  # as words: so a table has them
    return [
        row | {"λ": f"{row['student.kd_weight']}{squared[str(row['student.tau_squared'])]}"}
        for row in rows
    ]


def _kinds(rows: Rows) -> Rows:
    """Answers alone, one rationale a question, several; answers have no rationales to count."""
    count = "teacher.rationales_per_question"
    fewest = min(row[count] for row in rows)
    return [
        row
        | {"learns from": "answers" if row["arm"] == "answer_only" else f"{row[count]} a question"}
        for row in rows
        if row["arm"] != "answer_only" or row[count] == fewest
    ]


PER_QUESTION = "teacher's rationales per question"
SWEEPS: dict[str, Sweep] = {
    "sweep_degree": Sweep(
        x="mentor's rationales per question",
        columns={"sampling.degree": "mentor's rationales per question"},
        published=[published.DEGREE[TSO]],
    ),
    "sweep_data_share": Sweep(
        x="share of the training questions (%)",
        color="arm",
        columns={"share": "share of the training questions (%)"},
        shown=_shares,
        published=[published.DATA_SHARE[TSO], published.DATA_SHARE_VANILLA[TSO]],
    ),
    "sweep_kd_weight": Sweep(
        x="soft-label weight λ",
        columns={"student.kd_weight": "soft-label weight λ"},
        published=_published_weights(),
    ),
    "sweep_mentor_size": Sweep(
        x="mentor's parameters / student's",
        columns={"times": "mentor's parameters / student's"},
        shown=_sizes,
        published=[_published_sizes()],
        is_log=True,
    ),
    "sweep_temperature": Sweep(
        x="temperature τ",
        color="λ",
        columns={"student.kd_temperature": "temperature τ"},
        shown=_weights,
    ),
    "sweep_diverse": Sweep(
        x=PER_QUESTION,
        columns={"teacher.rationales_per_question": PER_QUESTION},
        published=[published_cot.diverse()],
        is_log=True,
    ),
    "sweep_data_size": Sweep(
        x="training questions",
        color="learns from",
        columns={"questions.train": "training questions"},
        shown=_kinds,
        published=[published_cot.data_size(), published_cot.data_size("diverse")],
        is_log=True,
    ),
    "sweep_filtering": Sweep(x="arm"),
    "sweep_mistakes": Sweep(x="arm"),
    "sweep_wordings": Sweep(
        x="wordings of test and train",
        color="arm",
        columns={"questions.wordings": "wordings of test and train"},
    ),
    "sweep_slip_rate": Sweep(
        x="teacher's own accuracy (%)",
        color="arm",
        columns={"teacher": "teacher's own accuracy (%)"},
        shown=_teachers,
        published=[published_cot.teachers()],
    ),
}


def _heat_map(rows: Sequence[Row]) -> Axes:
    x, y = "student.batch_size", "student.learning_rate"
    return two_settings.plot_heat_map(
        rows, x=x, y=y, xlabel="batch size (rows)", ylabel="learning rate"
    )


def _gains(rows: Sequence[Row]) -> Axes:
    names = {"1": "one rationale a question", "4": "what four a question add"}
    by = "teacher.rationales_per_question"
    ordered = sorted(rows, key=lambda row: MILLIONS[row["student_base"]])
    xlabel = "student, the smallest first"
    return two_settings.plot_gain(ordered, x="student_base", by=by, xlabel=xlabel, names=names)


TWO_SETTINGS: dict[str, Callable[[Sequence[Row]], Axes]] = {
    "sweep_learning_rate": _heat_map,
    "sweep_student_size": _gains,
}


FIGURES = (*SWEEPS, *TWO_SETTINGS)


def plot(name: str, rows: Sequence[Row], *, wilson: Wilson, student_t: StudentT) -> Axes:
    """The figure of one of the tables, by its name.

    Args:
        name: of the table and its grid: one of `SWEEPS` or `TWO_SETTINGS`.
        rows: of the table.
        wilson: as for `plot_sweep`.
        student_t: as for `plot_sweep`.

    Raises:
        ValueError: there is no figure of that name.
    """
    if name not in FIGURES:
        raise ValueError(f"no figure is made for {name!r}; there are {', '.join(FIGURES)}")
    if name in TWO_SETTINGS:
        return TWO_SETTINGS[name](rows)
    return plot_sweep(rows, SWEEPS[name], wilson=wilson, student_t=student_t)


def plot_sweep(
    rows: Sequence[Row],
    sweep: Sweep,
    *,
    wilson: Wilson,
    student_t: StudentT,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy over one setting: each seed hollow, the mean filled, and what was published of it.

    Args:
        rows: of the sweep's table.
        sweep: what of them is drawn.
        wilson: the interval of one row, `statistics.wilson_interval`.
        student_t: of a mean over seeds, `statistics.mean_interval`.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there are no rows, or they lack a column.
    """
    if not rows:
        raise ValueError("a sweep's figure needs rows, got none; mkdkit ablate fills its table")
    names = sweep.columns or {}
    shown = [
        {names.get(name, name): value for name, value in row.items()}
        for row in sweep.shown([dict(row) for row in rows])
    ]
    drawn = {"wilson": wilson, "student_t": student_t}
    ax = exploring.plot_rows(shown, x=sweep.x, color=sweep.color, ax=ax, **drawn)
    for line, marker in zip(sweep.published, "sD", strict=False):
        comparisons.draw_published(ax, line, marker=marker)
    if sweep.is_log:
        _stretch(ax, [float(row[sweep.x]) for row in shown], sweep.published)
    # under the figure: above it stand the colours' names
    marks, names = ax.get_legend_handles_labels()
    marks, names = [_own_mark(sweep), *marks], [_own_name(rows, sweep), *names]
    canvas.figure_of(ax).legend(marks, names, loc="outside lower left", fontsize=8)
    return ax


def _own_mark(sweep: Sweep) -> Line2D:
    color = "dimgray" if sweep.color else canvas.COLOR["student"]
    return Line2D([], [], color=color, marker="o", linestyle="" if sweep.color else "-")


def _own_name(rows: Sequence[Row], sweep: Sweep) -> str:
    """What our own points are of: the task, and the arm where it is one."""
    found = {name: dict.fromkeys(str(row[name]) for row in rows) for name in ("arm", "task")}
    said = found["task"] if len(found["arm"]) > 1 else found["arm"] | found["task"]
    return f"measured here: {', '.join(said)}"


def _stretch(ax: Axes, own: Sequence[float], lines: Sequence[Series]) -> None:
    """Let the horizontal axis double from tick to tick, from the least value to the largest."""
    values = [*own, *(float(value) for line in lines for value in line.values)]
    ax.set_xlim(min(values) / 1.3, 1.3 * max(values))
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel(ax.get_xlabel().replace("\n", " (log scale)\n", 1))
