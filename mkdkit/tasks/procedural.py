"""Questions made by rule: as many as wanted, of a chosen number of steps, each with its solution.

A text belongs to one split for ever, by a hash of its words: no question of any training set,
whatever its seed and size, is a test or validation question of any other run. Validation and test
are drawn with seeds of their own, so they change with the difficulty alone.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from random import Random
from types import ModuleType
from typing import Any, Literal

from mkdkit.records import Question, Splits
from mkdkit.sequences import digest
from mkdkit.settings import QuestionSettings
from mkdkit.tasks import arithmetic, coins, dates, letters, swaps
from mkdkit.tasks.catalogue import find

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Family:
    """The module that makes, writes, reads and solves a task's questions."""

    module: ModuleType
    steps: int | None  # how many a solution takes by default; None: as many as there are objects
    most_steps: int = 16


FAMILIES = {
    "coin_flip": Family(coins, 6),
    "date_understanding": Family(dates, 2, most_steps=8),
    "last_letter_concatenation": Family(letters, 4),
    "multi_step_arithmetic": Family(arithmetic, 4),
    "tracking_shuffled_objects": Family(swaps, None),
}
_SHARES = {"test": range(1), "validation": range(1, 2), "train": range(2, 10)}  # tenths


def family_of(task_name: str) -> Family:
    """Return the family of a rule-made task.

    Raises:
        ValueError: there is no such task, or its questions are not made by rule.
    """
    find(task_name)
    if task_name not in FAMILIES:
        names = ", ".join(FAMILIES)
        raise ValueError(f"only {names} can be made by rule, not {task_name!r}; name a data set")
    return FAMILIES[task_name]


def make_questions(task_name: str, n: int, **rest: Any) -> list[Question]:
    """Return n questions with distinct texts; takes what `each_question` takes."""
    return list(each_question(task_name, n, **rest))


def each_question(
    task_name: str,
    n: int,
    *,
    seed: int | str,
    steps: int | None = None,
    objects: int = 3,
    exclude: Collection[str] = (),
    split: Split | None = None,
    templates: Collection[str] | None = None,
) -> Iterator[Question]:
    """Yield n questions with distinct texts; the same arguments give the same questions.

    Args:
        task_name: one of `FAMILIES`.
        n: how many.
        seed: draws the questions.
        steps: steps a solution takes; None: the task's own number.
        objects: tracking_shuffled_objects alone: how many people and items.
        exclude: texts that must not be among them.
        split: only texts that belong to this split; None: any.
        templates: only questions of these wordings; None: of all there are.

    Raises:
        ValueError: `steps` or `objects` is out of range, or there are too few different questions.
    """
    family = family_of(task_name)
    steps = steps if steps is not None else _usual_steps(family, objects)
    if not 1 <= steps <= family.most_steps or objects not in (3, 5, 7):
        message = (
            f"steps of {task_name} must be from 1 to {family.most_steps} and objects 3, 5 or 7"
        )
        raise ValueError(f"{message}; got steps={steps}, objects={objects}")
    rng = Random(f"{task_name} {steps} {objects} {split} {seed}")
    label = f"{task_name}/{split or f'seed-{seed}'}"
    texts: set[int] = set()  # digests: there may be more questions than memory holds
    misses = 0
    while len(texts) < n:
        puzzle = family.module.make(rng, steps=steps, objects=objects)
        text = family.module.write(puzzle, rng)
        is_other = templates is not None and puzzle.template not in templates
        known = digest(text)
        if is_other or known in texts or text in exclude or (split and split_of(text) != split):
            misses += 1
            if misses > 1_000 + 100 * n:
                message = f"{task_name} with {steps} steps has too few different questions for {n}"
                raise ValueError(message + "; ask for fewer, or for more steps")
            continue
        yield Question(f"{label}/{len(texts):04d}", text, family.module.answer(puzzle))
        texts.add(known)


def steps_of(settings: QuestionSettings) -> int:
    """Return how many steps the solutions of a rule-made task's questions take."""
    return settings.steps or _usual_steps(family_of(settings.task), settings.objects)


def _usual_steps(family: Family, objects: int) -> int:
    return family.steps or objects


def split_of(text: str) -> Split:
    """Return the split a text belongs to: one text in ten to test, one to validation."""
    tenth = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 10
    if tenth in _SHARES["test"]:
        return "test"
    return "validation" if tenth in _SHARES["validation"] else "train"


def make_splits(settings: QuestionSettings) -> Splits:
    """Return train, validation and test of a rule-made task; see `each_split`."""
    return Splits(**{split: list(made) for split, made in each_split(settings)})


def each_split(settings: QuestionSettings) -> Iterator[tuple[Split, Iterator[Question]]]:
    """Yield train, validation and test of a rule-made task; no text is in two of them.

    Train is drawn with `settings.seed`; validation and test only depend on the task, `steps`,
    `objects` and `wordings`, and a smaller set is the beginning of a larger one. With wordings
    apart, every other wording is the test's, and the others are those of train and validation.
    """
    if settings.train is None or settings.test is None:
        message = "rule-made questions have no end, so train and test must be numbers"
        raise ValueError(f"{message}; got train={settings.train!r}, test={settings.test!r}")
    sizes: dict[Split, tuple[int, int | str]] = {
        "train": (settings.train, settings.seed),
        "validation": (settings.validation, "fixed"),
        "test": (settings.test, "fixed"),
    }
    for split, (n, seed) in sizes.items():
        templates = _templates_of(settings, split)
        yield (
            split,
            each_question(
                settings.task,
                n,
                seed=seed,
                steps=settings.steps,
                objects=settings.objects,
                split=split,
                templates=templates,
            ),
        )


def _templates_of(settings: QuestionSettings, split: Split) -> list[str] | None:
    """Return the wordings of a split; None: all."""
    if settings.wordings == "shared":
        return None
    every: list[str] = list(getattr(family_of(settings.task).module, "TEMPLATES", ()))
    if len(every) < 2:
        rule = "wordings can be apart where a task has several"
        raise ValueError(f"{rule}, and {settings.task} has {len(every)}; leave them shared")
    return every[1::2] if split == "test" else every[::2]


def read_puzzle(question: Question, task_name: str) -> Any:
    """Return what a question is about, read from its text; None if its wording is unknown.

    Its type is the family's: `Story`, `Deal`, `Flips`, `Words` or `Course`.
    """
    return family_of(task_name).module.read(question.text)


def solve(question: Question, task_name: str) -> str | None:
    """Return the answer worked out from the question's text; None if its wording is unknown."""
    puzzle = read_puzzle(question, task_name)
    return None if puzzle is None else family_of(task_name).module.answer(puzzle)


def template_of(question: Question, task_name: str) -> str | None:
    """Return the name of the wording a question has; None if it is unknown."""
    puzzle = read_puzzle(question, task_name)
    return None if puzzle is None else puzzle.template
