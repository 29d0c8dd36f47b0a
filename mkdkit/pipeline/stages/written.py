"""What was written for the questions, as a stage keeps it: all of it, or some of each question."""

import random
from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mkdkit import records
from mkdkit.pipeline.folders import Stage, Work
from mkdkit.records import Question, Rationale
from mkdkit.sequences import digest


def keep_some(
    work: Work,
    rationales: Iterable[Rationale],
    train: Sequence[Question],
    limit: int,
    seed: int | str,
) -> None:
    """Write at most so many rationales of each question, drawn with the seed, in their order."""
    path = work.folder / "every.jsonl"  # there may be more of them than memory holds
    records.write_rationales(path, rationales)
    every = records.read_rationales(path)
    keep_rationales(work, "written.jsonl", draw_per_question(every, train, limit, seed))
    path.unlink()


def draw_per_question(
    rationales: Sequence[Rationale], train: Sequence[Question], limit: int, seed: int | str
) -> Iterator[Rationale]:
    """Yield at most `limit` rationales of each question, drawn with the seed, in their order."""
    known = records.by_id(train)
    found = (known.place(one.question_id) for one in rationales)
    places = array("q", (place for place in found if place is not None))
    number_of = np.bincount(places, minlength=len(train))
    met = array("q", bytes(8 * len(train)))  # how many of each question came before
    for one, place in zip(rationales, places, strict=True):
        number, count = met[place], int(number_of[place])
        met[place] += 1
        draw = random.Random(f"rationales {seed} {one.question_id}")
        if count <= limit or number in draw.sample(range(count), limit):
            yield one


def keep_rationales(work: Work, name: str, rationales: Iterable[Rationale]) -> None:
    """Write a stage's rationales, and count them, their questions, and the right ones."""
    asked: set[int] = set()
    work.counts |= {"rationales": 0, "questions": 0, "correct": 0}

    def counted() -> Iterator[Rationale]:
        for one in rationales:
            asked.add(digest(one.question_id))
            work.counts["correct"] += one.is_correct
            yield one

    work.counts["rationales"] = records.write_rationales(work.folder / name, counted())
    work.counts["questions"] = len(asked)


def read_written(stage: Stage) -> Sequence[Rationale]:
    """Return the unfiltered rationales of a `teacher` or `augmentation` stage."""
    return records.read_rationales(stage.folder / "written.jsonl")
