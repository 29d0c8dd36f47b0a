"""Questions and rationales: the two records everything else passes around, and their files.

What is read stays on disk, and a record is made each time one is asked for: a set may be larger
than memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from mkdkit import json_lines
from mkdkit.sequences import Index

Source = Literal["teacher", "mentor", "student"]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Question:
    """One problem, with its reference answer as the data set writes it."""

    id: str
    text: str
    answer: str

    def __post_init__(self) -> None:
        _require_text(self, "id", "text", "answer")
        if not self.text.strip():
            raise ValueError(f"a question needs a text; that of {self.id!r} is empty")


@dataclass(frozen=True, slots=True)
class Rationale:
    """One chain of thought for one question, and the answer it ends in."""

    question_id: str
    text: str  # the reasoning alone, without the final answer
    prediction: str | None  # None: no answer could be extracted
    source: Source
    is_correct: bool  # the prediction matches Question.answer
    is_complete: bool = True  # the writer ended by itself, not at the length limit

    def __post_init__(self) -> None:
        _require_text(self, "question_id", "text")
        if self.prediction is not None:
            _require_text(self, "prediction")
        if self.source not in get_args(Source):
            raise ValueError(f"source must be one of {get_args(Source)}, got {self.source!r}")
        for name in ("is_correct", "is_complete"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class Splits:
    """Questions to learn from, to choose by, and to report on; no question is in two of them."""

    train: Sequence[Question]
    validation: Sequence[Question]
    test: Sequence[Question]


def _require_text(record: Any, *names: str) -> None:
    for name in names:
        value = getattr(record, name)
        if not isinstance(value, str):
            raise ValueError(f"{name} must be text, got {type(value).__name__} {value!r:.60}")


def read_questions(path: str | Path) -> Sequence[Question]:
    """Return the questions of a JSON Lines file with the keys id, text, answer; they stay on disk.

    Raises:
        ValueError: a line is no question, or an id stands twice.
    """
    questions = _read(path, Question, "question")
    if (twice := by_id(questions).repeated()) is not None:
        raise ValueError(
            f"{path}: question id {questions[twice].id!r} stands twice; ids must differ"
        )
    return questions


def by_id(questions: Sequence[Question]) -> Index[Question]:
    """Return where the question of each id stands."""
    return Index(questions, lambda question: question.id)


def read_rationales(path: str | Path) -> Sequence[Rationale]:
    """Return the rationales of a JSON Lines file, one object a line; they stay on disk."""
    return _read(path, Rationale, "rationale")


def write_questions(path: str | Path, questions: Iterable[Question]) -> int:
    """Write questions as JSON Lines, readable by `read_questions`; return how many."""
    return json_lines.write(path, map(asdict, questions))


def write_rationales(path: str | Path, rationales: Iterable[Rationale]) -> int:
    """Write rationales as JSON Lines, readable by `read_rationales`; return how many."""
    return json_lines.write(path, map(asdict, rationales))


def _read(path: str | Path, record: type[Record], name: str) -> Sequence[Record]:
    def make(_: int, where: str, row: dict[str, Any]) -> Record:
        try:
            return record(**row)
        except (TypeError, ValueError) as error:
            why = _explain(row, record) or error
            raise ValueError(f"{where}: not a {name} record: {why}") from error

    return json_lines.Lines(path, make)


def _explain(row: dict[str, Any], record: Any) -> str:
    """Say which keys are missing or unknown, in the reader's words; "" if the keys are right."""
    known = [field.name for field in fields(record)]
    needed = [field.name for field in fields(record) if field.default is MISSING]
    missing = [key for key in needed if key not in row]
    unknown = [key for key in row if key not in known]
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"unknown {', '.join(unknown)}"] if unknown else []
    return "; ".join(parts) + (f" (the keys are {', '.join(known)})" if parts else "")
