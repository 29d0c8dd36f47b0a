"""Every question of a recorded source, uncut: which files, which columns, which answers.

A question's id says task, split and row, counted from 0 in the source's own order:
"svamp/train/0012".
"""

import random
import re
import warnings
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mkdkit import json_lines
from mkdkit.records import Question, Splits, by_id
from mkdkit.sequences import Chosen, Made, digest
from mkdkit.settings import QuestionSettings
from mkdkit.tasks import answers, catalogue
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers import hub, places
from mkdkit.teachers.formats import column, read_json, read_table

TEST_SHARE = 0.2  # of a single file of questions, where the settings name no number


def read_all_questions(settings: QuestionSettings) -> Splits:
    """Read every question of a recorded source, uncut; ids say task, split and row from 0.

    Questions whose text stands in the test split or earlier are left out, with a warning.
    """
    return _without_repeats(read_with_repeats(settings))


def read_with_repeats(settings: QuestionSettings) -> Splits:
    """Read the same with the questions that are asked again: rationales may be about those."""
    task = catalogue.find(settings.task)
    if settings.source == "rule-made":
        raise ValueError("source 'rule-made' is not recorded; `tasks.procedural` makes questions")
    if settings.source == "fine-tune-cot":
        return _fine_tune_cot(settings, task)
    if settings.source == "hub":
        return _hub(settings, task)
    if settings.source == "jsonl":
        return _jsonl(settings, task)
    names = ("input", "answer") if settings.source == "mentor-kd" else ("instruction", "label")
    read = {}
    for split in ("train", "validation", "test"):
        is_there = split in places.LAYOUTS[settings.source]
        rows = read_table(places.find(settings, split)) if is_there else ()
        pairs = [
            (where, column(row, names[0], str, where), column(row, names[1], str, where))
            for _, where, row in rows
        ]
        read[split] = _questions(pairs, task, split)
    return Splits(**read)


def check_answer(answer: str, task: Task, where: str) -> str:
    """Return a reference answer as its task writes it; a ValueError if it is not of its type.

    CommonsenseQA's training answers are "A. bank", its test answers "A": only the letter stays.
    """
    answer = answer.strip()
    if task.answer_type == "choice" and re.match(rf"[{task.options}][.)]\s", answer):
        return answer[0]
    if answers.read_answer(answer, task) is None:
        kind = task.answer_type.replace("_", " ")
        raise ValueError(
            f"{where}: task {task.name!r} asks for an answer of type {kind}, got {answer!r:.60}; "
            "correct the answer, or choose the right task"
        )
    return answer


def first_shuffled(
    questions: Sequence[Question], n: int | None, *, seed: str
) -> Sequence[Question]:
    """Return n questions drawn with the seed, in their own order; all if n is None."""
    return questions if n is None else split_off(questions, n, seed=seed)[0]


def split_off(
    questions: Sequence[Question], n: int, *, seed: str
) -> tuple[Sequence[Question], Sequence[Question]]:
    """Return n questions drawn with the seed, and the others, both in their own order."""
    order = array("q", range(len(questions)))
    random.Random(seed).shuffle(order)
    return Chosen(questions, sorted(order[:n])), Chosen(questions, sorted(order[n:]))


def same_text(text: str) -> str:
    """Return a text as it is compared with others: runs of white space are one space."""
    return " ".join(text.split())


def _question(number: int, where: str, text: str, answer: str, task: Task, split: str) -> Question:
    if not text.strip():
        raise ValueError(f"{where}: the question is empty; give it a text or remove the row")
    answer = check_answer(answer, task, where)
    return Question(f"{task.name}/{split}/{number:04d}", text.strip(), answer)


def _questions(rows: Sequence[tuple[str, str, str]], task: Task, split: str) -> list[Question]:
    return [_question(number, *row, task, split) for number, row in enumerate(rows)]


def _without_repeats(splits: Splits) -> Splits:
    """Leave out of train what stands in test, validation, or twice; say so in a warning."""
    held_out = set(map(_text_digest, splits.test))
    seen, repeats = held_out | set(map(_text_digest, splits.validation)), []

    def kept(questions: Sequence[Question], earlier: set[int], is_growing: bool) -> Iterator[int]:
        for place, question in enumerate(questions):
            text = _text_digest(question)
            if text in earlier:
                repeats.append(question.id)
            else:
                yield place
            if is_growing:
                earlier.add(text)

    train = Chosen(splits.train, kept(splits.train, seen, True))
    validation = Chosen(splits.validation, kept(splits.validation, held_out, False))
    if repeats:
        warnings.warn(
            f"{len(repeats)} questions are left out: their text stands in the test split or "
            f"earlier: {', '.join(repeats)}",
            stacklevel=4,
        )
    return Splits(train=train, validation=validation, test=splits.test)


def _text_digest(question: Question) -> int:
    return digest(same_text(question.text))


def _fine_tune_cot(settings: QuestionSettings, task: Task) -> Splits:
    """Read Fine-tune-CoT's questions: split files are row numbers of the raw data set."""
    path = places.find(settings, "split")
    numbers = read_json(path)
    rows = list(read_table(places.find(settings, "questions")))
    read = {}
    for split in ("train", "test"):
        pairs = []
        for number in column(numbers, split, list, str(path)):
            if not isinstance(number, int) or not 0 <= number < len(rows):
                raise ValueError(
                    f"{path}, {split}: {number!r} is not a row of the {len(rows)} of the data "
                    "set; the two files must be of one release"
                )
            _, where, row = rows[number]
            text, answer = (column(row, name, str, where) for name in ("question", "answer"))
            pairs.append((where, text, answer))
        read[split] = _questions(pairs, task, split)
    return Splits(validation=[], **read)


def _hub(settings: QuestionSettings, task: Task) -> Splits:
    """Read the splits "train" and "test" of a data set named by data_dir."""
    if not settings.data_dir:
        raise ValueError("source 'hub' needs the data set's name as data_dir, got none")
    columns = {"text": settings.text_column, "answer": settings.answer_column}
    read = {}
    for split in ("train", "test"):
        found = hub.read_hub_questions(
            settings.data_dir,
            split=split,
            columns=columns,
            prefix=f"{task.name}/{split}",
            config=settings.hub_config,
            answer_mark=settings.answer_mark,
        )

        def checked(_: int, question: Question, split: str = split) -> Question:
            where = f"{settings.data_dir}, split {split}, question {question.id}"
            return replace(question, answer=check_answer(question.answer, task, where))

        read[split] = Made(found, checked)
    return Splits(validation=[], **read)


def _jsonl(settings: QuestionSettings, task: Task) -> Splits:
    """Read a reader's folder (train, test and, if there, validation .jsonl) or single file.

    Of a single file the test split is drawn first, the same for every seed.
    """
    if settings.data_dir and Path(settings.data_dir).is_file():
        every = read_lines(Path(settings.data_dir), task, "all")
        n_test = min(settings.test or max(1, round(TEST_SHARE * len(every))), len(every) - 1)
        test, train = split_off(every, n_test, seed="test")
        return Splits(train=train, validation=[], test=test)
    read = {
        split: read_lines(places.find(settings, split), task, split)
        for split in ("train", "validation", "test")
        if split != "validation" or places.exists(settings, "validation")
    }
    return Splits(**{"validation": [], **read})


def read_lines(path: Path, task: Task, split: str) -> Sequence[Question]:
    """Return questions with `text` and `answer`, left on disk; without an `id` the line gives one.

    Raises:
        ValueError: a line that is no question, an id that stands twice, or no question at all.
    """

    def make(number: int, where: str, row: dict[str, Any]) -> Question:
        text, answer = (column(row, name, str, where) for name in ("text", "answer"))
        question = _question(number, where, text, answer, task, split)
        own = column(row, "id", str, where) if "id" in row else None
        return replace(question, id=own) if own else question

    questions = json_lines.Lines(path, make)
    if not questions:
        raise ValueError(f"{path}: no question in it; give one object a line, with text and answer")
    ids = by_id(questions)
    if (twice := ids.repeated()) is not None:
        name = questions[twice].id
        lines = [number for number, _ in json_lines.read(path)]
        where = f"{path}, line {lines[twice]}: id {name!r} stands in line"
        raise ValueError(f"{where} {lines[ids.place(name) or 0]} too; ids must differ")
    return questions
