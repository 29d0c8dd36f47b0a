"""The scripted teacher: a program that solves rule-made questions and writes how, with slips.

It stands in for a large model where there is none, and is never passed off as one. A known share
of its rationales has a slip, so that filters have work to do.
"""

from collections.abc import Iterable
from random import Random
from typing import Any, Literal

from mkdkit.records import Question, Rationale
from mkdkit.settings import TeacherSettings
from mkdkit.tasks.answers import same_answer
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.procedural import read_puzzle
from mkdkit.teachers.chains import WRITERS, Chain, Plan

Slipped = Literal["carried", "flawed", "no answer", "duplicate"]

# kind of slip -> its share of the slips
SLIPS: dict[Slipped, float] = {
    "carried": 0.45,  # a wrong step that the next ones build on: mostly a wrong answer
    "flawed": 0.25,  # a wrong step, and a right answer all the same
    "no answer": 0.15,  # it breaks off before the end
    "duplicate": 0.15,  # the rationale before this one, word for word (never the first)
}


def write_rationales(
    questions: Iterable[Question], *, task: Task, settings: TeacherSettings
) -> list[Rationale]:
    """Return the scripted teacher's rationales, question by question, in the order written.

    Each depends on the seed, the question and its own number alone, so asking for more, or for
    other questions, changes none. Without slips, up to nine (multi_step_arithmetic: twelve) of
    one question have different texts.

    Raises:
        ValueError: the task has no rule-made questions, or a question's wording is not known.
    """
    return [
        write_one(question, number, task=task, settings=settings)
        for question in questions
        for number in range(settings.rationales_per_question)
    ]


def write_one(
    question: Question, number: int, *, task: Task, settings: TeacherSettings
) -> Rationale:
    """Return rationale `number` (from 0) of a question."""
    slip = slip_of(question, number, settings)
    if slip == "duplicate":
        return write_one(question, number - 1, task=task, settings=settings)
    chain = _chain(question, number, slip, task=task, settings=settings)
    if slip == "no answer":
        half = chain.sentences[: max(1, len(chain.sentences) // 2)]
        return Rationale(question.id, " ".join(half), None, "teacher", False, is_complete=False)
    is_correct = same_answer(chain.answer, question.answer, task)
    return Rationale(question.id, " ".join(chain.sentences), chain.answer, "teacher", is_correct)


def slip_of(question: Question, number: int, settings: TeacherSettings) -> Slipped | None:
    """Return the kind of slip in rationale `number` of a question; None for most."""
    rng = _random(settings.seed, question, number, "slip")
    if rng.random() >= settings.slip_rate:
        return None
    kinds: list[Slipped] = [kind for kind in SLIPS if number or kind != "duplicate"]
    return rng.choices(kinds, [SLIPS[kind] for kind in kinds])[0]


def _chain(
    question: Question, number: int, slip: Slipped | None, *, task: Task, settings: TeacherSettings
) -> Chain:
    puzzle = _puzzle(question, task)
    write, styles, closings = WRITERS[type(puzzle)]
    plans = [Plan(style, closing) for style in range(styles) for closing in range(closings)]
    _random(settings.seed, question, "plans").shuffle(plans)
    plan = plans[number % len(plans)]
    wrong = slip if slip in ("carried", "flawed") else None
    seed = f"{settings.seed} {question.text} {number}"
    return write(puzzle, Plan(plan.style, plan.closing, wrong, seed))


def _puzzle(question: Question, task: Task) -> Any:
    puzzle = read_puzzle(question, task.name)
    if puzzle is None:
        message = f"question {question.id!r} is not in a wording the scripted teacher can read"
        raise ValueError(f"{message}: {question.text[:80]!r}; use recorded rationales or a model")
    return puzzle


def _random(seed: int, question: Question, *what: object) -> Random:
    return Random(f"{seed} {question.text} {' '.join(map(str, what))}")
