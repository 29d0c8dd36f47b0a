"""Recorded teachers: questions and rationales of published sets, of the reader's own, of the Hub.

Rationales are read again by our own rules: the prediction is what `tasks.answers` extracts, and
`is_correct` compares it with the question's answer. The file's own flag is only compared (see
`grading`). Published chains stay as they are, a closing "so the answer is 5" included, as the
papers trained on them, but for space at their ends; `models.encoding` normalises them. A whole
completion is cut at its answer mark.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from mkdkit.records import Question, Rationale, Splits
from mkdkit.settings import QuestionSettings
from mkdkit.tasks import answers, catalogue
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers import hub, places
from mkdkit.teachers.formats import Format, Row, read_rows
from mkdkit.teachers.question_sets import first_shuffled, read_all_questions, same_text


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
        validation = first_shuffled(train, settings.validation, seed="validation")
        chosen = {question.id for question in validation}
        train = [question for question in train if question.id not in chosen]
    train = first_shuffled(train, settings.train, seed=f"train {settings.seed}")
    return Splits(train=train, validation=validation, test=whole.test[: settings.test])


def read_recorded_rationales(
    path: str | Path,
    *,
    format: Format,
    task: Task,
    questions: Collection[Question],
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
    return match_rows(rows, task=task, questions=questions, trust_flags=trust_flags)


def match_rows(
    rows: Iterable[Row],
    *,
    task: Task,
    questions: Collection[Question],
    trust_flags: bool = False,
) -> list[Rationale]:
    """Turn rows into rationales of known questions; a ValueError names a row without one."""
    by_key = index_questions(questions)
    return [_to_rationale(row, find_question(row, by_key), task, trust_flags) for row in rows]


def index_questions(questions: Iterable[Question]) -> dict[str, Question]:
    """Return questions by id and by text; of two with one text the first."""
    by_key: dict[str, Question] = {}
    for question in questions:
        by_key.setdefault(question.id, question)
        by_key.setdefault(same_text(question.text), question)
    return by_key


def find_question(row: Row, by_key: Mapping[str, Question]) -> Question:
    """Return the question a row is about; a ValueError if it is none of the known ones."""
    key = same_text(row.question or "") if row.question_id is None else row.question_id
    if key not in by_key:
        raise ValueError(
            f"{row.where}: its question is none of the known ones: {key!r:.60}; is the file for "
            "this task, and are the questions of the same source?"
        )
    return by_key[key]


def of_questions(rationales: Iterable[Rationale], questions: Iterable[Question]) -> list[Rationale]:
    """Keep the rationales of these questions, as when training uses a part of the source."""
    ids = {question.id for question in questions}
    return [rationale for rationale in rationales if rationale.question_id in ids]


def read_rationales_for(
    settings: QuestionSettings,
    questions: Collection[Question],
    *,
    kind: places.Kind = "teacher",
    mentor: str = "flan-t5_large",
    trust_flags: bool = False,
) -> list[Rationale]:
    """Read a source's own rationales and keep those of `questions`.

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
    whole = read_all_questions(settings)
    known = [*whole.train, *whole.validation, *whole.test]
    if settings.source == "hub":
        return of_questions(match_rows(_hub_rows(settings), task=task, questions=known), questions)
    path = places.find(settings, kind, mentor=mentor)
    rationales = read_recorded_rationales(
        path, format=settings.source, task=task, questions=known, trust_flags=trust_flags
    )
    return of_questions(rationales, questions)


def _hub_rows(settings: QuestionSettings) -> list[Row]:
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
