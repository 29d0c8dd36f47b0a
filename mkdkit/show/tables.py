"""Tables of results for a page or a paper: rows in, Markdown or LaTeX out; nothing is read here.

How a value is written is shared with the HTML tables of `cards`. Text is escaped, so that no name
of a setting, an arm or a file can mean something to Markdown or TeX.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mkdkit.show import points
from mkdkit.show.points import Row

DASH = "–"  # where there is no value

# what means something to TeX, or has no sign in its first encoding, and how it is written there
_TEX = str.maketrans(
    {sign: rf"\{sign}" for sign in "_%&#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    | {"−": "$-$", "λ": r"$\lambda$", "τ": r"$\tau$", "α": r"$\alpha$", "≈": r"$\approx$"}
    | {"≤": r"$\leq$", "≥": r"$\geq$", "≠": r"$\neq$", "→": r"$\rightarrow$"}
)
_LABEL = re.compile(r"[A-Za-z0-9:.-]+")  # what \label takes as it stands
# _ inside a word is a plain letter to GitHub, and names are full of it
_MARKDOWN = re.compile(
    r"[\\`*~$|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    r"|\[(?![−\d])|\](?=[(\[:])"  # of a link; an interval is none
)
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Measured:
    """An accuracy, or a mean of several, and how sure it is."""

    mean: float  # %
    interval: tuple[float, float] | None  # 95%, in %
    seeds: int | None = None  # that the mean is over, where cells of one table differ in it


def text_of(value: Any, digits: int = 1) -> str:
    """A value as tables write it: None is a dash, a truth value yes or no, a pair an interval.

    >>> text_of(Measured(54.5, (47.58, 61.28)))
    '54.5 [47.6, 61.3]'
    >>> text_of((47.58, 61.28))
    '47.6 to 61.3'
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return DASH
    if isinstance(value, Measured):
        ends = ", ".join(text_of(float(end), digits) for end in value.interval or ())
        seeds = "" if value.seeds is None else f" (n = {value.seeds})"
        return text_of(float(value.mean), digits) + (f" [{ends}]" if ends else "") + seeds
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")  # no "−0.0"
    if isinstance(value, tuple | list) and len(value) == 2 and is_number(value):
        return " to ".join(text_of(None if end is None else float(end), digits) for end in value)
    return str(value)


def is_number(value: Any) -> bool:
    """Whether a value stands right in its column: a number, several, or none."""
    if isinstance(value, tuple | list):
        return all(is_number(v) for v in value)
    if value is None or isinstance(value, Measured):
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)


def right_columns(rows: Sequence[Row]) -> set[str]:
    """The columns in which every value is a number."""
    columns = points.columns_of(rows)
    return {name for name in columns if all(is_number(row.get(name)) for row in rows)}


def with_intervals(rows: Sequence[Row], *, wilson: points.Wilson | None = None) -> list[Row]:
    """Rows whose accuracy carries its interval: their own, or that of `correct` of `n`.

    Args:
        rows: with `accuracy` (%); what is no number (a cell that failed) stays as it is.
        wilson: (correct, n) -> 95% interval in percent, for rows without an `interval`.
    """
    found = []
    for row in rows:
        kept = {name: value for name, value in row.items() if name != "interval"}
        if points.is_number(row.get("accuracy")):
            interval = points.own_interval(row, wilson)
            kept["accuracy"] = Measured(float(row["accuracy"]), interval)
        found.append(kept)
    return found


def pivot(
    rows: Sequence[Row], *, student_t: points.StudentT, down: str = "arm", across: str = "task"
) -> list[Row]:
    """A row for each arm and a column for each task: the mean over seeds, with its interval.

    How many seeds a mean is over stands in a column `seeds`, or in every cell where the cells of
    some row differ in it. One seed has no interval.

    Args:
        rows: with `accuracy` (%) and `seed`.
        student_t: values -> their mean and its 95% interval.
        down: the column that names a row.
        across: the column whose values become columns.

    Raises:
        ValueError: there are rows without an accuracy, or rows of one cell that differ in more
            than their seeds: a mean over them would speak of nothing that was drawn.
    """
    found = _means(rows, down, across, student_t)
    seeds: dict[Any, set[int]] = {}
    for point in found:
        seeds.setdefault(point.color, set()).add(len(point.rows))
    is_even = all(len(counts) == 1 for counts in seeds.values())
    table: dict[Any, dict[str, Any]] = {}
    for point in found:
        n = len(point.rows)
        start = {down: point.color} | ({"seeds": n} if is_even else {})
        interval = point.interval if n > 1 else None
        cell = Measured(point.mean, interval, None if is_even else n)
        table.setdefault(point.color, start)[str(point.x)] = cell
    return list(table.values())


def _means(
    rows: Sequence[Row], down: str, across: str, student_t: points.StudentT
) -> list[points.Point]:
    if lacking := points.left_out(rows, x=across, color=down):
        said = ", ".join(f"{count} with {why}" for why, count in lacking.items())
        raise ValueError(f"every row of a table of means needs {down}, {across}, accuracy: {said}")
    found = points.grouped(rows, x=across, color=down, student_t=student_t)
    for point in found:
        if point.mixed:
            cell = f"{point.color}, {point.x}"
            raise ValueError(
                f"a mean is over seeds alone, but rows of {cell} have {', '.join(point.mixed)}; "
                "choose rows of one kind"
            )
    return found


def markdown(
    rows: Sequence[Row],
    *,
    digits: int = 1,
    bold: Collection[str] = (),
    caption: str | None = None,
) -> str:
    """A table in GitHub's Markdown, numbers on the right.

    Args:
        rows: column -> value, one mapping a row.
        digits: decimals of what is not whole.
        bold: columns whose highest mean is bold.
        caption: what the table shows, above it.
    """
    columns, right, cells = _cells(rows, digits, bold, _markdown_text, "**{}**".format)
    head = [_markdown_text(name) for name in columns]
    rule = ["---:" if name in right else "---" for name in columns]
    lines = ["| " + " | ".join(line) + " |\n" for line in (head, rule, *cells)]
    return (f"{_markdown_text(caption)}\n\n" if caption else "") + "".join(lines)


def latex(
    rows: Sequence[Row],
    *,
    digits: int = 1,
    bold: Collection[str] = (),
    caption: str | None = None,
    label: str | None = None,
) -> str:
    r"""A table in LaTeX, numbers on the right; it needs the package booktabs.

    Args:
        rows: column -> value, one mapping a row.
        digits: decimals of what is not whole.
        bold: columns whose highest mean is bold.
        caption: what the table shows, above it.
        label: by which \ref names it, such as "tab:arms".

    Raises:
        ValueError: the label is no label, or has no caption to number.
    """
    if label is not None and (caption is None or not _LABEL.fullmatch(label)):
        rule = "a label has letters, digits, ':', '.' or '-', and needs a caption"
        raise ValueError(f"{rule}, got label {label!r} with caption {caption!r}")
    columns, right, cells = _cells(rows, digits, bold, _tex_text, r"\textbf{{{}}}".format)
    lines = ["% needs \\usepackage{booktabs}", r"\begin{table}", r"\centering"]
    lines += [rf"\caption{{{_tex_text(caption)}}}"] if caption else []
    lines += [rf"\label{{{label}}}"] if label else []
    spec = "".join("r" if name in right else "l" for name in columns)
    lines += [rf"\begin{{tabular}}{{{spec}}}", r"\toprule"]
    lines += [_tex_row(map(_tex_text, columns)), r"\midrule", *map(_tex_row, cells), r"\bottomrule"]
    return "\n".join([*lines, r"\end{tabular}", r"\end{table}"]) + "\n"


def _cells(
    rows: Sequence[Row],
    digits: int,
    bold: Collection[str],
    escape: Callable[[str], str],
    strong: Callable[[str], str],
) -> tuple[list[str], set[str], list[list[str]]]:
    """The columns, which of them stand right, and every cell as text."""
    columns = points.columns_of(rows)
    if not columns:
        raise ValueError("a table needs at least one row with a column, got none")
    if unknown := [name for name in bold if name not in columns]:
        raise ValueError(f"no column {', '.join(unknown)} to be bold; there are {columns}")
    best = {name: _best([row.get(name) for row in rows], digits) for name in bold}

    def cell(row: Row, name: str) -> str:
        text = text_of(row.get(name), digits)
        mean, space, rest = text.partition(" ")
        if mean == best.get(name):
            return strong(escape(mean)) + space + escape(rest)
        return escape(text)

    return columns, right_columns(rows), [[cell(row, name) for name in columns] for row in rows]


def _best(values: Sequence[Any], digits: int) -> str | None:
    """The highest mean of a column as it is written: those that read alike are all the best."""
    means = [value.mean if isinstance(value, Measured) else value for value in values]
    numbers = [mean for mean in means if points.is_number(mean)]
    return text_of(max(numbers), digits) if numbers else None


def _markdown_text(text: str) -> str:
    escaped = _MARKDOWN.sub(r"\\\g<0>", " ".join(str(text).split()))
    return escaped.translate(_HTML)


def _tex_text(text: str) -> str:
    escaped = " ".join(str(text).split()).translate(_TEX)
    return re.sub("-(?=-)", "-{}", escaped)  # two of them would become one dash


def _tex_row(cells: Iterable[str]) -> str:
    first, *others = cells
    # after the end of a row TeX takes [ for a length and * for an order
    guard = "{}" if first.startswith(("[", "*")) else ""
    return " & ".join([guard + first, *others]) + r" \\"
