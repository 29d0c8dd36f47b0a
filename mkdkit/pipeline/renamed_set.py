"""A recorded set with copies of its training questions about other things, as a folder to run on.

    python -m mkdkit.pipeline.renamed_set FOLDER --data-dir DATA --copies 7
    mkdkit run --task tracking_shuffled_objects --source jsonl --data-dir FOLDER

Each copy has the question's rationales, renamed with it. Validation and test stay as they are.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from mkdkit import records
from mkdkit.models import tiny_tokenizer
from mkdkit.pipeline import folders
from mkdkit.records import Question, Rationale
from mkdkit.settings import QuestionSettings, Recipe
from mkdkit.tasks import renaming
from mkdkit.teachers import recorded

TRIES = 100  # to rename a question so that it is read as the same
LENGTHS = range(3, 9)  # letters of a thing's new name

Naming = tuple[Question, renaming.Names]  # a question in its copy, and what was renamed


def write(
    settings: QuestionSettings, folder: Path, *, copies: int, seed: int = 0
) -> dict[str, int]:
    """Write a set's questions and rationales, and copies of those that training is given.

    Args:
        settings: source, data_dir, task and sizes of a recorded set.
        folder: where train, validation, test and rationales .jsonl go.
        copies: of each training question, each about other things.
        seed: draws the names.

    Returns:
        File -> lines in it.

    Raises:
        ValueError: the set cannot be read, or a question's things are not known.
    """
    splits = recorded.read_recorded_questions(settings)
    rationales = list(recorded.each_rationale_for(settings, splits.train))
    words = words_beside(splits.train, rationales)
    copied = {
        question.id: list(copies_of(question, words, copies, seed)) for question in splits.train
    }
    questions = [one for question in splits.train for one in (question, *_all(copied[question.id]))]
    folder.mkdir(parents=True, exist_ok=True)
    counts = {
        f"{name}.jsonl": records.write_questions(folder / f"{name}.jsonl", found)
        for name, found in (
            ("train", questions),
            ("validation", splits.validation),
            ("test", splits.test),
        )
    }
    every = (one for rationale in rationales for one in renamed(rationale, copied))
    counts["rationales.jsonl"] = records.write_rationales(folder / "rationales.jsonl", every)
    return counts


def with_copies(recipe: Recipe, *, copies: int) -> Recipe:
    """Return the recipe for a recorded source's set with copies, which is written if need be."""
    asked = recipe.questions
    whole = replace(asked, train=None, test=None)
    folder = folders.runs_folder() / f"renamed-{asked.source}-{asked.task}-{copies}"
    if not (folder / "rationales.jsonl").is_file():  # the last that is written
        write(whole, folder, copies=copies)
    return replace(recipe, questions=replace(asked, source="jsonl", data_dir=str(folder)))


def words_beside(questions: Sequence[Question], rationales: Sequence[Rationale]) -> list[str]:
    """Return common words that no question or rationale has: a thing called "then" would puzzle."""
    texts = [one.text for one in (*questions, *rationales)]
    used = {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}
    common = tiny_tokenizer.read_words()[0]
    return [word for word in common if len(word) in LENGTHS and word.islower() and word not in used]


def copies_of(question: Question, words: Sequence[str], copies: int, seed: int) -> Iterator[Naming]:
    """Yield copies of a question about other things, each read as the same but for its things.

    Raises:
        ValueError: the question is not about things that are swapped.
    """
    for number in range(1, copies + 1):
        rng = Random(f"renamed {seed} {number} {question.id}")
        for _ in range(TRIES):
            names = renaming.draw_names(question.text, words, rng)
            if names is None:
                raise ValueError(f"question {question.id!r}: no things that are swapped in it")
            text = renaming.rename(question.text, names)
            if renaming.is_same_deal(question.text, text, names):
                yield replace(question, id=f"{question.id}#{number}", text=text), names
                break


def renamed(rationale: Rationale, copied: dict[str, list[Naming]]) -> Iterator[Rationale]:
    """Yield a rationale, and it again for each copy of its question.

    A copy in which a word of an old name is left ("the winger") is left out.
    """
    yield rationale
    for question, names in copied[rationale.question_id]:
        text = renaming.rename(rationale.text, names)
        if not renaming.names_left(text, names):
            yield replace(rationale, question_id=question.id, text=text)


def _all(namings: Sequence[Naming]) -> list[Question]:
    return [question for question, _ in namings]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Copy a recorded set's questions, things renamed.")
    parser.add_argument("folder", type=Path, help="where the set goes")
    parser.add_argument("--task", default="tracking_shuffled_objects")
    parser.add_argument("--source", default="mentor-kd", help="of the recorded set")
    parser.add_argument("--data-dir", help="folder of the recorded set; default: the downloads")
    parser.add_argument("--validation", type=int, default=100, help="questions held out")
    parser.add_argument("--copies", type=int, default=7, help="of each training question")
    parser.add_argument("--seed", type=int, default=0, help="draws the names")
    chosen = parser.parse_args(arguments)
    try:
        settings = QuestionSettings(
            task=chosen.task,
            source=chosen.source,
            data_dir=chosen.data_dir,
            train=None,
            validation=chosen.validation,
            test=None,
        )
        counts = write(settings, chosen.folder, copies=chosen.copies, seed=chosen.seed)
    except ValueError as error:
        parser.error(str(error))
    for name, count in counts.items():
        print(f"{chosen.folder / name}: {count:,} lines")


if __name__ == "__main__":
    main()
