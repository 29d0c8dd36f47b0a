"""Copies of recorded training questions about other things, and of their rationales.

The swaps are the question's own, so its rationales hold for every copy, renamed alike. What its
things are called is drawn for each copy, and lies beside the questions.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from mkdkit import json_lines
from mkdkit.models import tiny_tokenizer
from mkdkit.pipeline.single_steps_words import syllables
from mkdkit.records import Question, Rationale
from mkdkit.tasks import renaming

NAMES = "names.jsonl"  # beside the questions: copies, and what was renamed in them
TRIES = 100  # to rename a question so that it is read as the same
LENGTHS = range(3, 9)  # letters of a thing's new name
SYLLABLES = (1, 2)  # of a name that is made up

Naming = tuple[Question, renaming.Names]  # a question in its copy, and what was renamed


def add_copies(
    questions: Sequence[Question],
    rationales: Iterable[Rationale],
    folder: Path,
    *,
    copies: int,
) -> list[Question]:
    """Return the questions, each with its copies after it; write the names into a folder.

    Args:
        questions: to learn from.
        rationales: of them; no thing is called by a word of theirs.
        folder: where the names go.
        copies: of each question, each about other things.

    Raises:
        ValueError: a question's things are not known.
    """
    words, every = words_beside(questions, rationales), []
    with json_lines.writing(folder / NAMES) as write:
        for question in questions:
            every.append(question)
            for copy, names in copies_of(question, words, copies):
                every.append(copy)
                write({"of": question.id, "id": copy.id, "names": names})
    return every


def words_beside(questions: Sequence[Question], rationales: Iterable[Rationale]) -> list[str]:
    """Return words for things to be called by, none of which a question or rationale has.

    More than half are made up: a tiny model reads common words whole and others letter by letter,
    as it will most things of the published questions. A thing called "then" would puzzle any.
    """
    texts = (one.text for some in (questions, rationales) for one in some)
    used = {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}
    common = tiny_tokenizer.read_words()[0]
    words = [word for word in common if len(word) in LENGTHS and word.islower()]
    rng = Random("made-up names of things")
    made_up = [syllables(rng, rng.choice(SYLLABLES)) for _ in range(2 * len(words))]
    words += [word for word in made_up if len(word) in LENGTHS]
    return [word for word in dict.fromkeys(words) if word not in used]


def copies_of(question: Question, words: Sequence[str], copies: int) -> Iterator[Naming]:
    """Yield copies of a question about other things, each read as the same but for its things.

    Raises:
        ValueError: the question is not about things that are swapped, or not read as the same.
    """
    for number in range(1, copies + 1):
        rng = Random(f"renamed {number} {question.id}")
        for _ in range(TRIES):
            names = renaming.draw_names(question.text, words, rng)
            if names is None:
                raise ValueError(
                    f"question {question.id!r}: no things that are swapped in it, so it has no "
                    "copies about other things; leave renamed_copies at 0"
                )
            text = renaming.rename(question.text, names)
            if renaming.is_same_deal(question.text, text, names):
                yield replace(question, id=f"{question.id}#{number}", text=text), names
                break
        else:
            raise ValueError(f"question {question.id!r} is not read as the same with other things")


def with_renamed(rationales: Iterable[Rationale], folder: Path) -> Iterator[Rationale]:
    """Yield each rationale, and it again for each copy of its question, named as in a folder.

    A copy in which a word of an old name is left ("the winger") is left out.
    """
    copied: dict[str, list[tuple[str, renaming.Names]]] = defaultdict(list)
    if (folder / NAMES).is_file():
        for _, row in json_lines.read(folder / NAMES):
            copied[row["of"]].append((row["id"], row["names"]))
    for rationale in rationales:
        yield rationale
        for copy, names in copied.get(rationale.question_id, []):
            text = renaming.rename(rationale.text, names)
            if not renaming.names_left(text, names):
                yield replace(rationale, question_id=copy, text=text)
