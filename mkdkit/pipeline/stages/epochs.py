"""An arm's student after every epoch: how many validation and test questions it gets right."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mkdkit import events
from mkdkit.evaluation import scoring
from mkdkit.models import encoding, loading
from mkdkit.pipeline import interrupts
from mkdkit.pipeline.folders import Stage, Work
from mkdkit.pipeline.stages.data import read_splits
from mkdkit.pipeline.stages.fine_tuning import progress
from mkdkit.pipeline.stages.lessons import lesson_of
from mkdkit.pipeline.stages.students import Given, given_to, stage_of
from mkdkit.settings import Recipe
from mkdkit.tasks import catalogue
from mkdkit.training import batches, checkpoints, loop

SPLITS = ("validation", "test")


def by_epoch(recipe: Recipe, arm: str = "mentor_kd", *, fresh: bool = False) -> Stage:
    """Return the stage with an arm's accuracy after each epoch, on validation and on test.

    The student is trained once more as its arm says: the same steps, with more looks at it. The
    test has no part in the training; what would come of choosing an epoch by it, one can see.

    Raises:
        ValueError: the arm trains no student, or there are no validation questions.
    """
    if recipe.questions.validation == 0:
        raise ValueError("accuracy by epoch needs validation questions; questions.validation is 0")
    given = given_to(recipe, arm)
    # no weights are chosen; how often it is looked at follows from its steps
    student = replace(given.recipe.student, validations=0, keep="last")
    given = replace(given, recipe=replace(given.recipe, student=student))
    return stage_of("epochs", _by_epoch, given, fresh)


def _by_epoch(work: Work, given: Given) -> None:
    recipe, splits = given.recipe, read_splits(given.asked)
    events.forget_stop(work.folder)  # of a run that is no more: this one has just been started
    lesson = lesson_of(recipe, given.method, given.asked, given.sets, given.store)
    tokenizer = loading.load_tokenizer(recipe.student_base)
    model = loading.load_trainable(recipe.student_base, recipe.student)
    task = catalogue.find(recipe.questions.task)
    total = batches.count_steps(len(lesson.rows), recipe.student)
    epochs = max(1, round(total / batches.steps_per_epoch(len(lesson.rows), recipe.student)))
    found: dict[str, Any] = {}

    def look(model: Any) -> float:
        for split in SPLITS:
            asked = getattr(splits, split)
            said = scoring.answer_questions(model, tokenizer, asked, task, recipe.scoring)
            found[split] = asdict(scoring.summarise(said))
        return found["validation"]["accuracy"]

    done = checkpoints.count_steps(work.folder)
    steps = loop.train(
        model,
        lesson.rows,
        lesson.loss_of,
        replace(recipe.student, validations=epochs),
        fill=encoding.fill_token(tokenizer),
        validate=look,
        folder=work.folder,
        together=lesson.together,
    )
    with interrupts.at_checkpoint(work.folder):
        for step in progress(steps, f"epochs of {given.method.name}", "step", total, done):
            seen = dict(found) if step.validation is not None else {}
            looks = {f"of_{name}": one for name, one in seen.items()}
            work.event(**asdict(step), steps=total, **looks)
    work.counts = {"arm": given.method.name, "steps": total, "epochs": len(_looks(work.folder))}
    checkpoints.remove(work.folder)


def _looks(folder: Path) -> list[dict[str, Any]]:
    """The steps after which the student was looked at, in order; of steps done again, the last."""
    return [step for step in events.read_steps(folder) if step["validation"] is not None]


def read_epochs(stage: Stage) -> list[dict[str, Any]]:
    """Return a row for every epoch and split of an `epochs` stage: epoch, split, and its score."""
    columns = ("accuracy", "n", "correct")
    return [
        {"epoch": number, "split": split} | {name: step[f"of_{split}"][name] for name in columns}
        for number, step in enumerate(_looks(stage.folder), start=1)
        for split in SPLITS
    ]
