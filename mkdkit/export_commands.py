"""What `mkdkit export` writes: tables for a page or a paper, models for those without this kit."""

import io
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from mkdkit.commands import say
from mkdkit.pipeline.options import RecipeOptions


def table(
    source: Annotated[str, tyro.conf.Positional],
    format: Literal["markdown", "latex"] = "markdown",
    columns: tuple[str, ...] = (),
    pivot: bool = False,
    bold: bool = False,
    digits: int | None = None,
    caption: str | None = None,
    label: str | None = None,
    file: Path | None = None,
) -> None:
    """Write a table of results as Markdown or LaTeX: every accuracy with its 95% interval.

    An interval is Wilson's, over questions; with --pivot it is Student's, over seeds.

    Args:
        source: a table of data/results, a CSV file, the report.json of a run, or one of
            Mentor-KD's tables of accuracies, published_1 to published_5.
        format: markdown (GitHub's) or latex (booktabs).
        columns: only these, in this order.
        pivot: a row for each arm and a column for each task, with means over seeds.
        bold: the highest accuracy of a column is bold.
        digits: decimals; by default 1, and of published tables all that were published, 2.
        caption: what the table shows.
        label: latex: by which it is referred to.
        file: where to; by default it is printed.
    """
    if label is not None and format != "latex":
        raise ValueError(f"a label is for --format latex, got --label {label} for {format}")
    from mkdkit.evaluation import statistics
    from mkdkit.pipeline import results
    from mkdkit.show import points, tables

    if digits is not None and not 0 <= digits <= 9:
        raise ValueError(f"--digits must be 0 to 9, got {digits}")
    published = _published(source)
    digits = digits if digits is not None else 2 if published else 1
    rows = published or results.read_rows(source)
    if pivot:
        rows = tables.pivot(rows, student_t=statistics.mean_interval)
    else:
        rows = tables.with_intervals(rows, wilson=statistics.wilson_interval)
    known = points.columns_of(rows)
    if unknown := [name for name in columns if name not in known]:
        raise ValueError(f"no column {', '.join(unknown)}; there are {', '.join(known)}")
    rows = [{name: row.get(name) for name in columns or known} for row in rows]
    shown = points.columns_of(rows)
    measured = [c for c in shown if any(isinstance(row[c], tables.Measured) for row in rows)]
    best = measured if bold else ()
    if format == "latex":
        text = tables.latex(rows, digits=digits, bold=best, caption=caption, label=label)
    else:
        text = tables.markdown(rows, digits=digits, bold=best, caption=caption)
    if file is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # Windows writes files in a code page
        print(text, end="")
    else:
        file.write_text(text, encoding="utf-8")
        say(f"table: {file}")


def _published(source: str) -> list[dict[str, Any]]:
    from mkdkit.show import published_tables

    number = source.removeprefix("published_")
    return published_tables.rows(int(number)) if number != source and number.isdecimal() else []


def student(
    folder: Annotated[Path, tyro.conf.Positional], recipe: RecipeOptions, arm: str = "mentor_kd"
) -> None:
    """Write a trained student, with its model card, as a folder that transformers alone can load.

    Nothing is computed: `mkdkit run` with the same options trains and scores it first. Arms that
    were run with the same settings stand in the card as its controls.

    Args:
        folder: where to; a new one.
        recipe: which run.
        arm: which of its students.
    """
    _model(folder, recipe, arm)


def mentor(folder: Annotated[Path, tyro.conf.Positional], recipe: RecipeOptions) -> None:
    """Write a trained mentor, with its model card, as a folder that transformers alone can load.

    Nothing is computed: `mkdkit run` with the arm mentor trains and scores it first.

    Args:
        folder: where to; a new one.
        recipe: which run.
    """
    _model(folder, recipe, "mentor")


def _model(folder: Path, options: RecipeOptions, arm: str) -> None:
    recipe = options.make(needs_device=False)
    say(f"{arm} of {recipe.questions.task}, seed {recipe.seed}: loading the libraries ...")
    from mkdkit.pipeline import export as exporting
    from mkdkit.pipeline import finished, folders
    from mkdkit.show import tables

    try:
        run = finished.find(recipe, arm)
    except folders.NotComputedError as error:
        command = f"mkdkit run {options.words()} --arms {arm}"
        raise ValueError(f"nothing to export: {error}; make it: {command}") from error
    exporting.write(run, folder, table=lambda rows: tables.markdown(tables.with_intervals(rows)))
    say(f"model and card: {folder}")


Table = Annotated[Any, tyro.conf.subcommand("table", constructor=table)]
Student = Annotated[Any, tyro.conf.subcommand("student", constructor=student)]
Mentor = Annotated[Any, tyro.conf.subcommand("mentor", constructor=mentor)]


def export(what: Table | Student | Mentor) -> None:
    """Write a table as Markdown or LaTeX, or a trained model as a folder for others.

    Args:
        what: to write.
    """


COMMANDS = {"export": export}
