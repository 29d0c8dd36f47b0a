"""Questions and rationales: the two records everything else passes around, and their files.

Files are JSON Lines: UTF-8, one object a line. A line that is not a record stops the reading
with the file's name and the line's number; nothing is skipped in silence.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from mkdkit import strict_json

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

    train: list[Question]
    validation: list[Question]
    test: list[Question]


def _require_text(record: Any, *names: str) -> None:
    for name in names:
        value = getattr(record, name)
        if not isinstance(value, str):
            raise ValueError(f"{name} must be text, got {type(value).__name__} {value!r:.60}")


def read_json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) for every line of a JSON Lines file; blank lines are skipped.

    Raises:
        ValueError: a line is not UTF-8, not JSON, or not an object; the message names the line.
    """
    # not splitlines(): U+2028 may stand inside a text; bytes, so that a bad byte has a line number
    with Path(path).open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n \t")
                if not line:
                    continue
                value = strict_json.parse(line)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: not JSON: {error}") from error
            if not isinstance(value, dict):
                kind = type(value).__name__
                raise ValueError(f"{path}, line {number}: expected an object, got a {kind}")
            yield number, value


def write_json_lines(path: str | Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write one object a line; the file appears under its name only when it is whole."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    partial.replace(path)


def read_questions(path: str | Path) -> list[Question]:
    """Read questions from a JSON Lines file with the keys id, text, answer."""
    questions = list(_read(path, Question, "question"))
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise ValueError(f"{path}: question id {question.id!r} stands twice; ids must differ")
        seen.add(question.id)
    return questions


def read_rationales(path: str | Path) -> list[Rationale]:
    """Read rationales from a JSON Lines file, one object per line."""
    return list(_read(path, Rationale, "rationale"))


def write_questions(path: str | Path, questions: Iterable[Question]) -> None:
    """Write questions as JSON Lines, readable by `read_questions`."""
    write_json_lines(path, (asdict(question) for question in questions))


def write_rationales(path: str | Path, rationales: Iterable[Rationale]) -> None:
    """Write rationales as JSON Lines, readable by `read_rationales`."""
    write_json_lines(path, (asdict(rationale) for rationale in rationales))


def _read(path: str | Path, record: type[Record], name: str) -> Iterator[Record]:
    for number, row in read_json_lines(path):
        try:
            yield record(**row)
        except (TypeError, ValueError) as error:
            where = f"{path}, line {number}: not a {name} record"
            raise ValueError(f"{where}: {_explain(row, record) or error}") from error


def _explain(row: dict[str, Any], record: Any) -> str:
    """Say which keys are missing or unknown, in the reader's words; "" if the keys are right."""
    known = [field.name for field in fields(record)]
    needed = [field.name for field in fields(record) if field.default is MISSING]
    missing = [key for key in needed if key not in row]
    unknown = [key for key in row if key not in known]
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"unknown {', '.join(unknown)}"] if unknown else []
    return "; ".join(parts) + (f" (the keys are {', '.join(known)})" if parts else "")
