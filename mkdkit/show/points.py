"""Rows of any results table grouped into the points of a figure, each with its interval.

Intervals have one home, `evaluation.statistics`, and this room draws without importing it. So its
two functions come in as arguments, as they are: the cell that draws also says what the bars mean,
and rows that bring an `interval` of their own (as `ablations.run` makes them) need neither.
"""

import difflib
import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Wilson = Callable[[int, int], tuple[float, float]]
StudentT = Callable[[Sequence[float]], tuple[float, float, float]]

NO_AXIS = ("accuracy", "correct", "interval", "key", "error")
MEASURED = (*NO_AXIS, "n", "steps", "seconds")  # what a run gives, not what it is told
MOST = {"colour": 12, "x": 40}  # values that can be told apart
LABEL = 28  # characters of a name beside an axis


@dataclass(frozen=True, slots=True)
class Point:
    """The rows that share an x and a colour, and how sure their mean is."""

    x: Any
    color: Any
    rows: tuple[Row, ...]
    mean: float  # %
    interval: tuple[float, float] | None  # %; of one row Wilson's, of a mean over seeds Student's t
    mixed: tuple[str, ...] = ()  # what a mean without an interval goes over, besides seeds


def columns_of(rows: Sequence[Row]) -> list[str]:
    """All columns, in the order in which they first appear."""
    return list(dict.fromkeys(column for row in rows for column in row))


def axes_of(rows: Sequence[Row]) -> list[str]:
    """The columns that vary and are not the accuracy itself: what can be an axis or a colour."""
    return [name for name in columns_of(rows) if name not in NO_AXIS and _varies(rows, name)]


def label(value: Any) -> str:
    """One line of text for a value of a table; what is labelled alike is one value."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    text = f"{value:.12g}" if isinstance(value, float) else " ".join(str(value).split())
    return text or "(empty)"


def labels_of(rows: Sequence[Row], column: str) -> list[str]:
    """The labels of a column: numbers by size, then names in the order in which they appear."""
    values = {label(row[column]): row[column] for row in rows if column in row}
    numbers = sorted((name for name in values if is_number(values[name])), key=values.__getitem__)
    return numbers + [name for name in values if not is_number(values[name])]


def short_labels(rows: Sequence[Row], column: str | None) -> dict[str, str]:
    """Each label of a column and what is written in its place: a long one is numbered and cut."""
    names = labels_of(rows, column) if column else []
    return {
        name: name if len(name) <= LABEL else f"{number}: {name[: LABEL - 5]}…"
        for number, name in enumerate(names, start=1)
    }


def is_number(value: Any) -> bool:
    """Whether a value is a number to draw; a truth value is a name."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def left_out(rows: Sequence[Row], *, x: str, color: str | None = None) -> Counter[str]:
    """What keeps rows from being drawn (a cell that failed, another sweep) -> how many."""
    reasons = [_lacks(row, x, color) for row in rows]
    return Counter(reason for reason in reasons if reason)


def points(
    rows: Sequence[Row],
    *,
    x: str,
    color: str | None = None,
    wilson: Wilson | None = None,
    student_t: StudentT | None = None,
) -> list[Point]:
    """What is drawn: the rows by colour and x, each group with its mean and interval.

    A mean has an interval only if its rows differ in their seeds and in nothing else that was
    set: over several tasks, say, it would speak of a population that nobody drew from.

    Args:
        rows: with `accuracy` (%); `correct` and `n` or an `interval` of their own; and `seed`.
        x: a column of numbers or names.
        color: another; None: all rows are of one kind.
        wilson: (correct, n) -> 95% interval in percent, for a row that has none of its own.
        student_t: values -> their mean and its 95% interval.

    Raises:
        ValueError: there is no such column, no row to draw, or there are too many values.
    """
    return grouped(_require(rows, x, color), x=x, color=color, wilson=wilson, student_t=student_t)


def grouped(
    drawn: Sequence[Row],
    *,
    x: str,
    color: str | None = None,
    wilson: Wilson | None = None,
    student_t: StudentT | None = None,
) -> list[Point]:
    """As `points`, of rows with an accuracy and both columns, however many values there are."""
    groups: dict[tuple[str, str], list[Row]] = {}
    colors = labels_of(drawn, color) if color else [""]
    for pair in itertools.product(colors, labels_of(drawn, x)):
        groups[pair] = []
    for row in drawn:
        groups[label(row[color]) if color else "", label(row[x])].append(row)
    return [_point(group, x, color, wilson, student_t) for group in groups.values() if group]


def differing(rows: Sequence[Row], known: Sequence[str | None]) -> list[str]:
    """The settings that are not the same in all rows, besides the known ones and the seeds."""
    apart = (*MEASURED, "name", *known)  # a name says what differs, the seed among it
    names = [c for c in columns_of(rows) if c not in apart and c.split(".")[-1] != "seed"]
    return [c for c in names if len({label(row.get(c)) for row in rows}) > 1]


def _varies(rows: Sequence[Row], column: str) -> bool:
    return len({label(row[column]) for row in rows if column in row}) > 1


def _lacks(row: Row, x: str, color: str | None) -> str:
    if not is_number(row.get("accuracy")):
        return "no accuracy"
    return next((f"no {name}" for name in (x, color) if name and name not in row), "")


def _require(rows: Sequence[Row], x: str, color: str | None) -> list[Row]:
    """The rows that can be drawn; refuses what no figure can show."""
    known = columns_of(rows)
    for name in (x, color):
        if rows and name is not None and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"rows have no column {name!r}, got {', '.join(known)}{hint}")
    drawn = [row for row in rows if not _lacks(row, x, color)]
    if not drawn:
        rule = "a figure needs rows with an accuracy in percent and a value on each axis"
        raise ValueError(f"{rule}, got none among {len(rows)} rows; choose others")
    found = {"colour": labels_of(drawn, color) if color else []}
    is_scale = all(is_number(row[x]) for row in drawn)
    found["x"] = [] if is_scale else labels_of(drawn, x)
    for what, most in MOST.items():
        if len(found[what]) > most:
            rule = f"at most {most} values of {what} can be told apart"
            column = color if what == "colour" else x
            raise ValueError(f"{rule}, got {len(found[what])} of {column!r}; choose fewer rows")
    return drawn


def _point(
    group: Sequence[Row], x: str, color: str | None, wilson: Wilson | None, t: StudentT | None
) -> Point:
    first, values = group[0], [float(row["accuracy"]) for row in group]
    mixed = tuple(f"different {column}" for column in differing(group, (x, color)))
    if not mixed and len({label(row.get("seed")) for row in group}) < len(group):
        mixed = ("seeds that repeat or are missing",)
    interval = None
    if len(group) == 1:
        interval, mixed = own_interval(first, wilson), ()
    elif not mixed and t is not None:
        interval = t(values)[1:]
    kind = first[color] if color else None
    return Point(first[x], kind, tuple(group), math.fsum(values) / len(values), interval, mixed)


def own_interval(row: Row, wilson: Wilson | None) -> tuple[float, float] | None:
    """The interval (%) that a row brings, or that of its `correct` of `n`; None: it has neither."""
    if row.get("interval"):
        low, high = row["interval"]
        return low, high
    has_counts = is_number(row.get("correct")) and is_number(row.get("n"))
    return wilson(row["correct"], row["n"]) if wilson and has_counts else None
