"""A recorded file read again: what our rules call correct, and where its flags say otherwise."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mkdkit.records import Question
from mkdkit.tasks import answers, catalogue
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers.formats import Format, Row, read_rows
from mkdkit.teachers.question_sets import check_answer
from mkdkit.teachers.recorded import Known, predict


def grade(
    path: str | Path,
    *,
    task: Task | str,
    format: Format,
    questions: Sequence[Question] | None = None,
) -> dict[str, Any]:
    """Extract and grade every rationale of a file again by our own rules.

    Args:
        path: the file.
        task: whose answers they end in, or its name.
        format: the file's format.
        questions: where the reference answers come from; None: from the file's own rows.

    Returns:
        {"rows": rationales read, "correct": right by our rules, "flagged_correct": right by the
        file's own flags (None if it has none), "disagreements": [{"line": row or line from 1,
        "reason": text}, ...]} with one entry for every flag that is not ours.

    Raises:
        ValueError: a malformed file, or a row without a reference answer.
    """
    task = catalogue.find(task) if isinstance(task, str) else task
    known = None if questions is None else Known(questions)
    rows = read_rows(path, format=format)
    correct, disagreements = 0, []
    for row in rows:
        answer = _reference(row, task) if known is None else known.find(row).answer
        prediction = predict(row, task)
        is_correct = answers.same_answer(prediction, answer, task)
        correct += is_correct
        if row.flag is not None and row.flag != is_correct:
            reason = explain(row, prediction, answer)
            disagreements.append({"line": row.number, "reason": reason})
    flags = [row.flag for row in rows if row.flag is not None]
    return {
        "rows": len(rows),
        "correct": correct,
        "flagged_correct": sum(flags) if flags else None,
        "disagreements": disagreements,
    }


def explain(row: Row, prediction: str | None, answer: str) -> str:
    """Say in one line why our grade differs from the file's flag."""
    place = "at the end of the text" if row.final is None else f"from {row.final!r:.60}"
    if prediction is None:
        ours = f"we read no answer {place}; the answer is {answer!r}"
    elif row.flag:
        ours = f"we read {prediction!r} {place}; the answer is {answer!r}"
    elif prediction == answer:
        ours = f"we read {prediction!r} {place}, which is the answer"
    elif prediction.casefold() == answer.casefold():
        ours = f"we read {prediction!r} {place}; from the answer {answer!r} case differs only"
    else:
        ours = f"we read {prediction!r} {place}; it is the same as the answer {answer!r}"
    return f"{ours}; flag {'true' if row.flag else 'false'}"


def _reference(row: Row, task: Task) -> str:
    if row.answer is None:
        raise ValueError(
            f"{row.where}: no reference answer to grade by; add an `answer` to every row, or give "
            "the questions"
        )
    return check_answer(row.answer, task, row.where)
