"""The file of rationales: questions asked now have their rows renewed, all others keep theirs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mkdkit import json_lines
from mkdkit.records import Question
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers.asking import collect, prompts
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.settings import AskSettings

Row = dict[str, Any]
NEEDED = {"question_id", "text", "prompt", "is_correct"}


@dataclass
class Written:
    """What a file of rationales holds."""

    rationales: int = 0
    correct: int = 0  # of them
    repeated: int = 0  # of them, word for word an earlier one of the same question


def write_collected(
    path: Path,
    questions: Sequence[Question],
    *,
    task: Task,
    settings: AskSettings,
    journal: Journal,
) -> Written:
    """Write all whole rationales as JSON Lines; returns what the file holds then.

    A question that the file has keeps its place; new ones follow, as they were asked. Rows of
    questions that are not asked now stay as they are.
    """
    count = Written()

    def renewed(question: Question) -> Iterator[Row]:
        found = collect.rationales_of(question, task=task, settings=settings, journal=journal)
        for rationale, origin in found:
            about = {"answer": question.answer, "task": task.name}
            yield asdict(rationale) | about | origin

    json_lines.write(path, _counted(_rows(path, questions, renewed), count))
    return count


def require_ours(
    path: Path, questions: Sequence[Question], *, task: Task, settings: AskSettings
) -> None:
    """Make sure that the file's rows and those of `questions` may stand in one file.

    Raises:
        ValueError: a row was not collected here, or for another task, with other settings, or for
            another question of the same id.
    """
    places = _places(questions)
    parameters = collect.parameters_of(settings)
    for number, row in _old_rows(path):
        where, name = f"{path}, line {number}", str(row.get("question_id"))
        if row.get("parameters") != parameters or not row.keys() >= NEEDED:
            raise ValueError(f"{where}: was not collected with these settings; give another file")
        if row.get("task", task.name) != task.name:  # older rows do not say
            raise ValueError(
                f"{where}: is of task {row['task']}, not {task.name}; give another file"
            )
        asked = [prompts.first_prompt(questions[k], settings) for k in places.get(name, ())]
        if asked and row.get("prompt") not in asked:
            raise ValueError(
                f"{where}: {name} is another question there; give another file, or other ids"
            )


def _rows(
    path: Path, questions: Sequence[Question], renewed: Callable[[Question], Iterator[Row]]
) -> Iterator[Row]:
    places = _places(questions)
    asked = set(places)
    for _, row in _old_rows(path):
        if row["question_id"] not in asked:
            yield row
        for place in places.pop(row["question_id"], ()):
            yield from renewed(questions[place])
    for new in places.values():
        for place in new:
            yield from renewed(questions[place])


def _old_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of the file as it was, read one by one while the new one is written."""
    return json_lines.read(path) if path.exists() else iter(())


def _places(questions: Sequence[Question]) -> dict[str, list[int]]:
    """Id -> where it stands; the questions themselves may be on disk."""
    places: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        places.setdefault(question.id, []).append(place)
    return places


def _counted(rows: Iterator[Row], count: Written) -> Iterator[Row]:
    """Count the rows on their way; those of a question stand together."""
    last, texts = None, set()
    for row in rows:
        if row["question_id"] != last:
            last, texts = row["question_id"], set()
        count.rationales += 1
        count.correct += row["is_correct"]
        count.repeated += row["text"] in texts
        texts.add(row["text"])
        yield row
