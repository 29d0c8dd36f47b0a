"""Questions and rationales from the Hugging Face Hub, by name, with a mapping of columns.

`datasets` is imported only when something is read. A folder of JSON or Parquet files can stand
where a name does.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mkdkit.records import Question
from mkdkit.sequences import Made
from mkdkit.teachers.formats import Row

QUESTION_COLUMNS = {"text": "question", "answer": "answer"}
RATIONALE_COLUMNS = {"question": "question", "completion": "completion"}


def read_hub_questions(
    name: str,
    *,
    split: str,
    columns: Mapping[str, str] = QUESTION_COLUMNS,
    prefix: str | None = None,
    config: str | None = None,
    answer_mark: str | None = None,
) -> Sequence[Question]:
    """Return one split of a data set as questions, left where `datasets` keeps them on disk.

    Args:
        name: on the Hub, such as "openai/gsm8k", or a local folder.
        split: the data set's own name of it, such as "train" or "test[:100]".
        columns: our name -> theirs, for "text", "answer" and, if there is one, "id".
        prefix: what question ids begin with; None: the name and the split.
        config: the data set's configuration, where it has several (gsm8k: "main").
        answer_mark: where the answer column holds more, what stands before the answer ("####").

    Raises:
        ValueError: it cannot be loaded, lacks a column, or a value has the wrong type.
    """
    prefix = prefix or f"{name}/{split}"
    table = _open(name, split, config, columns, ("text", "answer"), ("id",))

    def make(number: int, row: Mapping[str, Any]) -> Question:
        where = f"{name}, split {split}, row {number + 1}"
        given = {ours: _as_text(row[theirs], theirs, where) for ours, theirs in columns.items()}
        answer = given["answer"]
        if answer_mark is not None:
            answer = _after(answer, answer_mark, where)
        own_id = given.get("id") or f"{prefix}/{number:04d}"
        return Question(own_id, given["text"].strip(), answer.strip())

    return Made(table, make)


def read_hub_rows(
    name: str,
    *,
    split: str,
    columns: Mapping[str, str] = RATIONALE_COLUMNS,
    config: str | None = None,
) -> Iterator[Row]:
    """Yield one split of a data set as rationales, for `recorded.match_rows`.

    Args:
        name: on the Hub, or a local folder.
        split: the data set's own name of it.
        columns: our name -> theirs, for "question" and "completion" (rationale, mark and
            answer) and, if there are such, "final" (the final answer apart) and "answer".
        config: the data set's configuration, where it has several.
    """
    more = ("final", "answer")
    needed = ("question", "completion")
    table = _open(name, split, config, columns, needed, more)
    for number, row in enumerate(table, start=1):
        where = f"{name}, split {split}, row {number}"
        texts = {ours: _as_text(row[theirs], theirs, where) for ours, theirs in columns.items()}
        yield Row(
            number=number,
            where=where,
            question=texts["question"],
            answer=texts.get("answer"),
            text=texts["completion"],
            final=texts.get("final"),
            is_completion="final" not in texts,
        )


def _open(
    name: str,
    split: str,
    config: str | None,
    columns: Mapping[str, str],
    needed: tuple[str, ...],
    more: tuple[str, ...],
) -> Any:
    """Return the table of a split; that it has the columns is known, and nothing of its values."""
    for key in columns:
        if key not in needed + more:
            known = ", ".join(needed + more)
            raise ValueError(f"columns may map {known}, got {key!r}; it is our name -> theirs")
    if unmapped := [key for key in needed if key not in columns]:
        raise ValueError(f"columns must map {', '.join(unmapped)} to columns of {name}")
    table = _load(name, split, config)
    if absent := [theirs for theirs in columns.values() if theirs not in table.column_names]:
        have = ", ".join(table.column_names)
        raise ValueError(
            f"{name}, split {split}: no column {', '.join(absent)}; it has {have}; map ours to them"
        )
    if not len(table):
        raise ValueError(f"{name}, split {split}: no rows; choose another split")
    return table


def _load(name: str, split: str, config: str | None) -> Any:
    from datasets import load_dataset

    try:
        # trust_remote_code is never given: a data set with a script of its own is refused
        return load_dataset(name, config, split=split)
    except Exception as error:  # the Hub's client has many kinds of error for one mistake
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"data set {name!r}, configuration {config!r}, split {split!r} cannot be loaded: "
            f"{cause}; check the name, the split and the network"
        ) from error


def _as_text(value: Any, name: str, where: str) -> str:
    """Return a value as text; numbers are columns of their own type on the Hub."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    kind = type(value).__name__
    raise ValueError(
        f"{where}: {name} must be text or a number, got {kind} {value!r:.40}; map another column"
    )


def _after(answer: str, mark: str, where: str) -> str:
    _, found, tail = answer.rpartition(mark)
    if not found:
        raise ValueError(f"{where}: the answer has no {mark!r} in it; choose another answer_mark")
    return tail
