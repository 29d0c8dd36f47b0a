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
from mkdkit.pipeline.stages import data
from mkdkit.records import Question, Rationale, Splits
from mkdkit.settings import QuestionSettings, Recipe
from mkdkit.tasks import renaming
from mkdkit.teachers import recorded

TRIES = 100  # to rename a question so that it is read as the same
LENGTHS = range(3, 9)  # letters of a thing's new name

Naming = tuple[Question, renaming.Names]  # a question in its copy, and what was renamed


def with_copies(recipe: Recipe, *, copies: int) -> Recipe:
    """Return the recipe on its own questions and rationales with copies, a stage of their own."""
    asked, written = data.questions(recipe), data.teacher_rationales(recipe)
    stage = folders.compute_or_load(
        "renamed-set",
        _write,
        asked,
        written,
        copies,
        settings={"copies": copies},
        inputs=[asked, written],
    )
    folder = str(stage.folder)  # all of its training questions: they were drawn before
    questions = replace(recipe.questions, source="jsonl", data_dir=folder, train=None)
    return replace(recipe, questions=questions)


def _write(work: folders.Work, asked: folders.Stage, written: folders.Stage, copies: int) -> None:
    splits, rationales = data.read_splits(asked), data.read_written(written)
    work.counts |= write(splits, rationales, work.folder, copies=copies)


def write(
    splits: Splits, rationales: Sequence[Rationale], folder: Path, *, copies: int, seed: int = 0
) -> dict[str, int]:
    """Write questions and rationales, and copies of those that training is given.

    Args:
        splits: the questions.
        rationales: of the training questions.
        folder: where train, validation, test and rationales .jsonl go.
        copies: of each training question, each about other things.
        seed: draws the names.

    Returns:
        File -> lines in it.

    Raises:
        ValueError: a question's things are not known.
    """
    words = words_beside(splits.train, rationales)
    copied = {one.id: list(copies_of(one, words, copies, seed)) for one in splits.train}
    train = [
        one
        for question in splits.train
        for one in (question, *(copy for copy, _ in copied[question.id]))
    ]
    folder.mkdir(parents=True, exist_ok=True)
    counts = {
        f"{name}.jsonl": records.write_questions(folder / f"{name}.jsonl", found)
        for name, found in (
            ("train", train),
            ("validation", splits.validation),
            ("test", splits.test),
        )
    }
    every = (one for rationale in rationales for one in renamed(rationale, copied))
    counts["rationales.jsonl"] = records.write_rationales(folder / "rationales.jsonl", every)
    return counts


def words_beside(questions: Sequence[Question], rationales: Sequence[Rationale]) -> list[str]:
    """Return common words that no question or rationale has: a thing called "then" would puzzle."""
    texts = [one.text for one in (*questions, *rationales)]
    used = {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}
    common = tiny_tokenizer.read_words()[0]
    return [word for word in common if len(word) in LENGTHS and word.islower() and word not in used]


def copies_of(question: Question, words: Sequence[str], copies: int, seed: int) -> Iterator[Naming]:
    """Yield copies of a question about other things, each read as the same but for its things.

    Raises:
        ValueError: the question is not about things that are swapped, or not read as the same.
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
        else:
            raise ValueError(f"question {question.id!r} is not read as the same with other things")


def renamed(rationale: Rationale, copied: dict[str, list[Naming]]) -> Iterator[Rationale]:
    """Yield a rationale, and it again for each copy of its question.

    A copy in which a word of an old name is left ("the winger") is left out.
    """
    yield rationale
    for question, names in copied[rationale.question_id]:
        text = renaming.rename(rationale.text, names)
        if not renaming.names_left(text, names):
            yield replace(rationale, question_id=question.id, text=text)


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
        splits = recorded.read_recorded_questions(settings)
        rationales = list(recorded.each_rationale_for(settings, splits.train))
        counts = write(splits, rationales, chosen.folder, copies=chosen.copies, seed=chosen.seed)
    except ValueError as error:
        parser.error(str(error))
    for name, count in counts.items():
        print(f"{chosen.folder / name}: {count:,} lines")


if __name__ == "__main__":
    main()
