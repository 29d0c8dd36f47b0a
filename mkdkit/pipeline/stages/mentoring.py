"""The mentor: trained on the teacher's rationales, it writes its own."""

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mkdkit import json_lines, records
from mkdkit.models import encoding, loading, sampling
from mkdkit.models.rows import TokenLists
from mkdkit.pipeline import launched
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages import renamed_copies
from mkdkit.pipeline.stages.base_files import base_files
from mkdkit.pipeline.stages.data import (
    filtered,
    questions,
    read_kept,
    read_splits,
    teacher_set,
    with_new_questions,
)
from mkdkit.pipeline.stages.fine_tuning import encode, fine_tune, load_model, progress
from mkdkit.pipeline.stages.written import keep_rationales, keep_some
from mkdkit.records import Question, Rationale
from mkdkit.sequences import Chosen, digest
from mkdkit.settings import Recipe
from mkdkit.tasks import answers, catalogue
from mkdkit.teachers import places, recorded
from mkdkit.training import loop


def mentor(recipe: Recipe, *, base: str | None = None, fresh: bool = False) -> Stage:
    """Return the stage with the mentor, fine-tuned on the teacher's rationales."""
    base = base or recipe.mentor_base
    asked, taught = questions(recipe), teacher_set(recipe)
    return compute_or_load(
        "mentor",
        _mentor,
        recipe,
        base,
        asked,
        taught,
        settings={"base": base, **asdict(recipe.mentor), "scoring": asdict(recipe.scoring)},
        inputs=[asked, taught],
        files=base_files(base),
        fresh=fresh,
        shared=True,
    )


def _mentor(work: Work, recipe: Recipe, base: str, asked: Stage, taught: Stage) -> None:
    tokenizer = loading.load_tokenizer(base)
    splits = read_splits(asked)
    rows = encode(tokenizer, base, recipe.mentor, splits.train, read_kept(taught))
    fine_tune(work, recipe, base, recipe.mentor, rows, loop.hard_labels, splits, "mentor")


def augmentation(
    recipe: Recipe, *, base: str | None = None, more: bool = False, fresh: bool = False
) -> Stage:
    """Return the stage with what the mentor wrote for the training questions, unfiltered.

    With `more`, also for as many questions that the teacher never saw.

    Raises:
        ValueError: recorded rationales of a mentor with another base are asked for.
    """
    asked = questions(with_new_questions(recipe) if more else recipe)
    if recipe.augmentation == "recorded":
        require_recorded(recipe, base)
        settings = {"recorded": recipe.sampling.degree, "seed": recipe.seed}
        inputs, files = [asked], [places.find(recipe.questions, "mentor", mentor=_recorder(recipe))]
        compute: Callable[..., None] = _recorded_augmentation
    else:
        settings = asdict(recipe.sampling)
        inputs, files = [asked, mentor(recipe, base=base)], []
        compute = _augmentation
    return compute_or_load(
        "augmentation",
        compute,
        recipe,
        *inputs,
        settings=settings,
        inputs=inputs,
        files=files,
        fresh=fresh,
        shared=recipe.augmentation != "recorded",
    )


def require_recorded(recipe: Recipe, base: str | None) -> None:
    """Refuse recorded rationales of a mentor with another base than the recipe's."""
    if base not in (None, recipe.mentor_base):
        raise ValueError(
            f"there are no recorded rationales of a mentor made from {base}; "
            "with augmentation 'own' it writes them itself"
        )


def _recorder(recipe: Recipe) -> str:
    return places.published_mentor(recipe.mentor_base)


def _recorded_augmentation(work: Work, recipe: Recipe, asked: Stage) -> None:
    train, mentor = read_splits(asked).train, _recorder(recipe)
    every = recorded.each_rationale_for(recipe.questions, train, kind="mentor", mentor=mentor)
    every = renamed_copies.with_renamed(every, asked.folder)
    keep_some(work, every, train, recipe.sampling.degree, recipe.seed)


def _augmentation(work: Work, recipe: Recipe, asked: Stage, trained: Stage) -> None:
    """Sample batch by batch into part files, so that a run that is killed goes on from there.

    Several processes take turns at the batches, and each has a part file of its own.
    """
    model, tokenizer = load_model(trained)
    train, team = read_splits(asked).train, launched.team()
    if team.is_first:
        for path in _parts(work.folder):
            with path.open("rb+") as file:
                json_lines.cut_half_line(file)
    team.wait()
    last = recipe.sampling.degree - 1  # a question's samples are written in their order
    done = {digest(row["id"]) for row in _read_parts(work.folder) if row["sample"] == last}
    team.wait()  # before one of them writes more
    digests = enumerate(digest(question.id) for question in train)
    waiting = Chosen(train, (place for place, one in digests if one not in done))
    family = encoding.family_of(model)
    prompts = TokenLists(encoding.encode_prompt(tokenizer, one.text, family) for one in waiting)
    names = [question.id for question in waiting]
    batches = sampling.write_samples(
        model, tokenizer, prompts, names, recipe.sampling, part=(team.index, team.processes)
    )
    total = -(-len(waiting) // recipe.sampling.batch_size) // team.processes
    part = work.folder / f"written.part-{team.index}.jsonl"
    for batch in progress(batches, "mentor writes", "batch", total):
        rows = [{"id": names[one.prompt], **asdict(one)} for one in batch]
        with part.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))
    team.wait()
    if team.is_first:
        keep_rationales(work, "written.jsonl", _as_rationales(work.folder, train, recipe))
        for path in _parts(work.folder):
            path.unlink()


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("written.part-*.jsonl"))


def _read_parts(folder: Path) -> Iterator[dict[str, Any]]:
    for path in _parts(folder):
        yield from (row for _, row in json_lines.read(path))


def _as_rationales(folder: Path, train: Sequence[Question], recipe: Recipe) -> Iterator[Rationale]:
    """Yield what the part files hold, in the order of the questions and of their samples.

    A question that a kill left with some of its samples was asked again; each sample counts once.
    """
    task = catalogue.find(recipe.questions.task)
    known = records.by_id(train)
    parts = [json_lines.Lines(path, lambda number, where, row: row) for path in _parts(folder)]
    found = array("i")
    for part, rows in enumerate(parts):
        for number, row in enumerate(rows):
            place = known.place(row["id"])
            if place is None:
                raise ValueError(f"{folder}: samples of {row['id']!r}, which was not asked")
            found.extend((place, row["sample"], part, number))
    order = np.asarray(found).reshape(-1, 4)
    before = None
    for line in np.lexsort(order.T[1::-1]):
        place, sample, part, number = map(int, order[line])
        if (place, sample) == before:
            continue
        before = place, sample
        row = parts[part][number]
        yield answers.to_rationale(
            row["text"], train[place], task, "mentor", is_complete=row["is_complete"]
        )


def mentor_set(
    recipe: Recipe, *, base: str | None = None, more: bool = False, fresh: bool = False
) -> Stage:
    """Return the stage with the mentor's rationales, each kept or dropped for a reason."""
    written = augmentation(recipe, base=base, more=more)
    wide = with_new_questions(recipe) if more else recipe
    return filtered("mentor-set", wide, recipe.mentor_filter, written, fresh)
