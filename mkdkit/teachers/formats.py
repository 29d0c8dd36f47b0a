"""The published file formats, translated once: foreign names go in, one kind of row comes out.

`input`, `chain`, `completion`, `initial_correct`, `instruction`, `output`, `label` and
`reasoning_completion` are known here and nowhere else.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from mkdkit import json_lines, strict_json
from mkdkit.records import Source

Format = Literal["mentor-kd", "mcc-kd", "fine-tune-cot", "jsonl"]
Numbered = tuple[int, str, dict[str, Any]]  # row number from 1, where it stands, the row


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rationale as a file has it, before our own rules have read it."""

    number: int  # of the row (or line) in the file, from 1
    where: str  # file and row, for messages
    question: str | None = None  # its text; None: the file gives the id
    question_id: str | None = None
    answer: str | None = None  # the reference; None: the file has none
    text: str  # what the model wrote
    final: str | None = None  # the final answer where the file has it apart; None: look in the text
    is_completion: bool = False  # the text is rationale, mark and answer; else reasoning alone
    flag: bool | None = None  # the file's own word on whether it is correct; None: it has none
    source: Source = "teacher"
    is_complete: bool = True


def read_rows(path: str | Path, *, format: Format) -> list[Row]:
    """Read every rationale of a file; see `each_row`."""
    return list(each_row(path, format=format))


def each_row(path: str | Path, *, format: Format) -> Iterator[Row]:
    """Yield every rationale of a file of a published format, in reading order.

    A file of format "jsonl" is read line by line; the others are read whole.

    Raises:
        ValueError: an unknown format, a file that is empty or not JSON, a missing or renamed
            column, a wrong type; the message names file, row, rule and remedy.
    """
    if format not in READERS:
        raise ValueError(f"format must be one of {', '.join(get_args(Format))}, got {format!r}")
    rows = READERS[format](Path(path))
    first = next(rows, None)
    if first is None:
        raise ValueError(f"{path}: no rationale in it; is it a file of questions alone?")
    yield first
    yield from rows


def read_json(path: str | Path) -> Any:
    """Read a JSON file; errors name the file and the line.

    Raises:
        ValueError: there is no such file, it is empty, not UTF-8 or not JSON.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; check the path, or fetch it first")
    raw = path.read_bytes()
    if not raw.strip():
        raise ValueError(f"{path}: the file is empty; fetch or write it again")
    try:
        return strict_json.parse(raw.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        hint = "a file with one object a line is of format 'jsonl'; else fetch or write it again"
        raise ValueError(
            f"{path}, line {error.lineno}: not JSON: {error.msg}; a published file is one JSON "
            f"array; {hint}"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file: {error}; fetch or write it again") from error


def read_table(path: str | Path) -> Iterator[Numbered]:
    """Yield the rows of a JSON array, or of the array under "data" beside "metadata"."""
    table = read_json(path)
    if isinstance(table, dict) and "data" in table:
        table = table["data"]
    if not isinstance(table, list):
        kind = type(table).__name__
        raise ValueError(f"{path}: expected a JSON array of rows, got {kind}; is it this format?")
    for number, row in enumerate(table, start=1):
        where = f"{path}, row {number}"
        if not isinstance(row, dict):
            raise ValueError(f"{where}: expected an object, got {type(row).__name__} {row!r:.40}")
        yield number, where, row


def column(row: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    """Return a row's value in column `name`; a ValueError says what is missing or mistyped."""
    if name not in row:
        have = ", ".join(map(str, row)) or "none"
        raise ValueError(
            f"{where}: the column {name!r} is missing; the row has {have}; "
            "rename it, or choose the format the file is in"
        )
    value = row[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        expected = {"str": "text", "bool": "true or false"}.get(kind.__name__, kind.__name__)
        raise ValueError(
            f"{where}: {name} must be {expected}, got {type(value).__name__} {value!r:.40}; "
            "correct the row"
        )
    return value


def _optional(row: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    return None if row.get(name) is None else column(row, name, kind, where)


def _mentor_kd(path: Path) -> Iterator[Row]:
    """Read `data/main`, `data/aug` and `data/prompt`: they differ in their columns."""
    is_main = path.parent.name == "main"  # its test files hold an older teacher's completions
    for number, where, row in read_table(path):
        if "instruction" in row and "input" not in row:
            yield from _pool(number, where, row)
            continue
        final = _optional(row, "completion", str, where)
        yield Row(
            number=number,
            where=where,
            question=column(row, "input", str, where),
            answer=column(row, "answer", str, where),
            text=column(row, "chain", str, where),
            final=final,
            flag=column(row, "initial_correct", bool, where),
            source="teacher" if final is None or is_main else "mentor",
        )


def _mcc_kd(path: Path) -> Iterator[Row]:
    for number, where, row in read_table(path):
        yield from _pool(number, where, row)


def _pool(number: int, where: str, row: Mapping[str, Any]) -> Iterator[Row]:
    """Read one question with several outputs; "" in their place means none were written."""
    question = column(row, "instruction", str, where)
    answer = column(row, "label", str, where)
    outputs = [] if row.get("output") == "" else column(row, "output", list, where)
    for position, text in enumerate(outputs, start=1):
        here = f"{where}, output {position}"
        if not isinstance(text, str):
            kind = type(text).__name__
            raise ValueError(f"{here}: must be text, got {kind} {text!r:.40}; correct the row")
        yield Row(number=number, where=here, question=question, answer=answer, text=text)


def _fine_tune_cot(path: Path) -> Iterator[Row]:
    """Read a completion file: under "data" a list of completions for each question's number.

    Zero-shot-CoT files hold the rationale and the answer apart, files of fine-tuned models one
    text with a mark in it.
    """
    table = read_json(path)
    samples = table.get("data") if isinstance(table, dict) else None
    if not isinstance(samples, dict):
        raise ValueError(
            f'{path}: a fine-tune-cot completion file is {{"metadata": ..., "data": {{"0": [...]}}'
            f"}}, got {type(samples or table).__name__}; choose the format the file is in"
        )
    number = 0
    for index, completions in samples.items():
        if not isinstance(completions, list):
            kind = type(completions).__name__
            raise ValueError(f'{path}, data["{index}"]: must be a list, got {kind}; correct it')
        for position, row in enumerate(completions):
            number += 1
            where = f'{path}, data["{index}"][{position}]'
            if not isinstance(row, dict):
                raise ValueError(f"{where}: expected an object, got {type(row).__name__}")
            yield _fine_tune_cot_row(number, where, row)


def _fine_tune_cot_row(number: int, where: str, row: Mapping[str, Any]) -> Row:
    completion = column(row, "completion", str, where)
    rationale = _optional(row, "reasoning_completion", str, where)
    ends = (row.get("finish_reason"), row.get("reasoning_finish_reason"))
    return Row(
        number=number,
        where=where,
        question=column(row, "question", str, where),
        answer=column(row, "answer", str, where),
        text=completion if rationale is None else rationale,
        final=None if rationale is None else completion,
        is_completion=rationale is None,
        is_complete="length" not in ends,
    )


def _jsonl(path: Path) -> Iterator[Row]:
    """Read lines of the user's own, among them those written by `records.write_rationales`.

    A line has `question` or `question_id`; `completion` (rationale, mark and answer) or `text`
    (the rationale alone); and may have `prediction`, `answer`, `source`, `is_correct` and
    `is_complete`.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; check the path")
    for number, row in json_lines.read(path):
        where = f"{path}, line {number}"
        by_id = "question_id" in row
        final = _optional(row, "prediction", str, where)
        is_complete = _optional(row, "is_complete", bool, where)
        source = _optional(row, "source", str, where) or "teacher"
        if source not in get_args(Source):
            known = ", ".join(get_args(Source))
            raise ValueError(f"{where}: source must be one of {known}, got {source!r}")
        yield Row(
            number=number,
            where=where,
            question=None if by_id else column(row, "question", str, where),
            question_id=column(row, "question_id", str, where) if by_id else None,
            answer=_optional(row, "answer", str, where),
            text=column(row, "text" if "text" in row else "completion", str, where),
            final="" if "prediction" in row and final is None else final,
            is_completion="text" not in row,
            flag=_optional(row, "is_correct", bool, where),
            source=source,
            is_complete=True if is_complete is None else is_complete,
        )


READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "mentor-kd": _mentor_kd,
    "mcc-kd": _mcc_kd,
    "fine-tune-cot": _fine_tune_cot,
    "jsonl": _jsonl,
}
