"""Recorded teachers: questions and rationales of published sets, of the reader's own, of the Hub.

Rationales are read again by our own rules: the prediction is what `tasks.answers` extracts, and
`is_correct` compares it with the question's answer. The file's own flag is only compared (see
`grading`). Published chains stay as they are, a closing "so the answer is 5" included, as the
papers trained on them, but for space at their ends; `models.encoding` normalises them. A whole
completion is cut at its answer mark.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mkdkit.records import Question, Rationale, Splits, by_id
from mkdkit.sequences import Index, Joined
from mkdkit.settings import QuestionSettings
from mkdkit.tasks import answers, catalogue
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers import hub, places
from mkdkit.teachers.formats import Format, Row, each_row, read_rows
from mkdkit.teachers.published import MENTOR
from mkdkit.teachers.question_sets import (
    first_shuffled,
    read_all_questions,
    read_with_repeats,
    same_text,
    split_off,
)


def read_recorded_questions(settings: QuestionSettings) -> Splits:
    """Read a recorded source's questions and cut them to the sizes asked for.

    Test questions are the published ones, all or the first `settings.test`. Validation is the
    source's own where it has one (MCC-KD, a reader's folder), else taken from train; it is the
    same for every seed. Train is what remains, or `settings.train` of it drawn with the seed.
    `train` and `test` are limits: a smaller set gives all it has.

    Args:
        settings: source, data_dir, task, sizes, seed, and for the Hub the columns.

    Raises:
        ValueError: a file that is missing or malformed, an answer of the wrong type, or a
            validation that leaves nothing to learn from.
    """
    return cut(read_all_questions(settings), settings)


def cut(whole: Splits, settings: QuestionSettings) -> Splits:
    """Cut all questions of a source to the sizes asked for; see `read_recorded_questions`."""
    train, validation = whole.train, whole.validation
    if validation:
        validation = first_shuffled(validation, settings.validation, seed="validation")
    else:
        if settings.validation >= len(train):
            raise ValueError(
                f"validation must be less than the {len(train)} training questions it is taken "
                f"from, got {settings.validation}"
            )
        validation, train = split_off(train, settings.validation, seed="validation")
    train = first_shuffled(train, settings.train, seed=f"train {settings.seed}")
    return Splits(train=train, validation=validation, test=whole.test[: settings.test])


def read_recorded_rationales(
    path: str | Path,
    *,
    format: Format,
    task: Task,
    questions: Sequence[Question],
    trust_flags: bool = False,
) -> list[Rationale]:
    """Read a file of rationales, in reading order, each extracted and graded by our rules.

    Args:
        path: the file.
        format: "mentor-kd" (data/main, data/aug and data/prompt), "mcc-kd", "fine-tune-cot" (a
            completion file) or "jsonl".
        task: whose answers they end in.
        questions: every question the file may be about (see `read_all_questions`); rows are
            matched by id or by text, where runs of white space count as one space.
        trust_flags: take the file's word for a rationale without an answer apart: if it is
            flagged correct, the question's answer is its prediction. Mentor-KD trained on its
            teacher file so, though some of those rationales end in another answer.

    Raises:
        ValueError: a malformed row, or one about none of these questions.
    """
    rows = read_rows(path, format=format)
    return list(match_rows(rows, task=task, questions=questions, trust_flags=trust_flags))


def match_rows(
    rows: Iterable[Row],
    *,
    task: Task,
    questions: Sequence[Question],
    trust_flags: bool = False,
) -> Iterator[Rationale]:
    """Turn rows into rationales of known questions; a ValueError names a row without one."""
    known = Known(questions)
    for row in rows:
        yield _to_rationale(row, known.find(row), task, trust_flags)


class Known:
    """Questions by id and by text; of two with one text the first."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._by_id = by_id(questions)
        self._by_text = Index(questions, lambda question: same_text(question.text))

    def find(self, row: Row) -> Question:
        """Return the question a row is about; a ValueError if it is none of the known ones."""
        if row.question_id is not None:
            key, found = row.question_id, self._by_id.find(row.question_id)
        else:
            key = same_text(row.question or "")
            found = self._by_text.find(key)
        if found is None:
            raise ValueError(
                f"{row.where}: its question is none of the known ones: {key!r:.60}; is the file "
                "for this task, and are the questions of the same source?"
            )
        return found


def read_rationales_for(
    settings: QuestionSettings, questions: Sequence[Question], **rest: Any
) -> list[Rationale]:
    """Return a source's own rationales of `questions`; takes what `each_rationale_for` takes."""
    return list(each_rationale_for(settings, questions, **rest))


def each_rationale_for(
    settings: QuestionSettings,
    questions: Sequence[Question],
    *,
    kind: places.Kind = "teacher",
    mentor: str = MENTOR,
    trust_flags: bool = False,
) -> Iterator[Rationale]:
    """Yield a source's own rationales of `questions`, as they stand there.

    Args:
        settings: source, data_dir and task, as for the questions.
        questions: whose rationales are wanted, such as the train split.
        kind: "teacher"; "pool" (Mentor-KD: up to six per question) or "mentor".
        mentor: whose augmentation, as Mentor-KD names it.
        trust_flags: see `read_recorded_rationales`.
    """
    task = catalogue.find(settings.task)
    if settings.source == "rule-made":
        raise ValueError("rule-made questions have no recorded rationales; `scripted` writes them")
    whole = read_with_repeats(settings)
    known = Joined(whole.train, whole.validation, whole.test)
    if settings.source == "hub":
        rows, trust_flags = _hub_rows(settings), False
    else:
        path = places.find(settings, kind, mentor=mentor)
        rows = each_row(path, format=settings.source)
    wanted = by_id(questions)
    for one in match_rows(rows, task=task, questions=known, trust_flags=trust_flags):
        if wanted.place(one.question_id) is not None:
            yield one


def _hub_rows(settings: QuestionSettings) -> Iterator[Row]:
    if not settings.data_dir or not settings.rationale_column:
        raise ValueError(
            "the rationales of a data set of the Hub need its name (data_dir) and the column they "
            f"stand in (rationale_column), got {settings.data_dir!r}, {settings.rationale_column!r}"
        )
    columns = {"question": settings.text_column, "completion": settings.rationale_column}
    return hub.read_hub_rows(
        settings.data_dir, split="train", columns=columns, config=settings.hub_config
    )


def predict(row: Row, task: Task) -> str | None:
    """Return the answer our rules read in a row: in its final answer, if the file has it apart."""
    if row.final is None:
        return answers.extract(row.text, task).flexible
    return answers.read_answer(row.final, task)


def _to_rationale(row: Row, question: Question, task: Task, trust_flags: bool) -> Rationale:
    text, prediction = row.text, predict(row, task)
    if row.is_completion:
        text, _ = answers.split_completion(text, task)
    if trust_flags and row.flag and row.final is None:
        prediction = question.answer
    return Rationale(
        question_id=question.id,
        text=text.strip(),
        prediction=prediction,
        source=row.source,
        is_correct=answers.same_answer(prediction, question.answer, task),
        is_complete=row.is_complete,
    )
