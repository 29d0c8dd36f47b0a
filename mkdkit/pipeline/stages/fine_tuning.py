"""One fine-tuning run as a stage's work: mentors and students are trained by the same lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mkdkit import events
from mkdkit.evaluation import scoring
from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row, Rows
from mkdkit.pipeline import interrupts, launched
from mkdkit.pipeline.folders import Stage, Work, peak_gib
from mkdkit.progress import bar
from mkdkit.records import Question, Rationale, Splits
from mkdkit.settings import Recipe, TrainingSettings
from mkdkit.tasks import catalogue
from mkdkit.training import batches, checkpoints, loop
from mkdkit.training.chunks import LossOf

MODEL = "model"


def encode(
    tokenizer: Any,
    base: str,
    settings: TrainingSettings,
    train: Sequence[Question],
    rationales: Iterable[Rationale],
) -> Rows:
    """Return the rows that a base learns from rationales."""
    return encoding.encode_completions(
        tokenizer,
        train,
        rationales,
        family=loading.family_of_base(base),
        template=settings.template,
        max_tokens=settings.max_tokens,
        find_answers=settings.answer_weight != 1,
    )


def fine_tune(
    work: Work,
    recipe: Recipe,
    base: str,
    settings: TrainingSettings,
    rows: Sequence[Row],
    loss_of: LossOf,
    splits: Splits,
    label: str,
    *,
    together: int = 1,
) -> None:
    """Train a base on rows, follow it step by step in the event file, and save what was trained."""
    if launched.is_first():
        events.forget_stop(work.folder)  # of a run that is no more: this one has just been started
    tokenizer = loading.load_tokenizer(base)
    model = loading.load_trainable(base, settings)
    encoding.require_positions(model, max(batches.lengths_of(rows), default=0), "the longest row")
    steps = loop.train(
        model,
        rows,
        loss_of,
        settings,
        fill=encoding.fill_token(tokenizer),
        validate=_validation(tokenizer, recipe, splits.validation),
        folder=work.folder,
        together=together,
        team=launched.team(),
    )
    total, done = batches.count_steps(len(rows), settings), checkpoints.count_steps(work.folder)
    with interrupts.at_checkpoint(work.folder):
        for step in progress(steps, f"train {label}", "step", total, done):
            work.event(**asdict(step), steps=total, peak_gib=round(peak_gib(), 3))
    if not launched.is_first():
        return
    trainable, parameters = loading.count_parameters(model)
    work.counts = {
        "rows": len(rows),
        "steps": total,
        "scored_tokens": sum(len(row.label) for row in rows),
        "padding_share": _padding_share(rows, settings, together),
        "trainable": trainable,
        "parameters": parameters,
        "validation": _best_validation(work.folder, settings),
    }
    loading.save(model, tokenizer, work.folder / MODEL, base=base, method=settings.method)
    checkpoints.remove(work.folder)


def _padding_share(rows: Sequence[Row], settings: TrainingSettings, together: int) -> float:
    lengths = batches.lengths_of(rows)
    plan = batches.Plan(lengths, settings, together=together)
    return round(batches.padding_share(lengths, plan), 4)


def _validation(
    tokenizer: Any, recipe: Recipe, held_out: Sequence[Question]
) -> loop.Validate | None:
    if not held_out:
        return None
    task = catalogue.find(recipe.questions.task)

    def accuracy(model: Any) -> float:
        found = scoring.answer_questions(model, tokenizer, held_out, task, recipe.scoring)
        return scoring.summarise(found).accuracy

    return accuracy


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Return a training stage's steps, in order; of steps done again after a kill, the last."""
    return events.read_steps(folder)


def _best_validation(folder: Path, settings: TrainingSettings) -> float | None:
    scores = [row["validation"] for row in read_history(folder) if row["validation"] is not None]
    if not scores:
        return None
    return max(scores) if settings.keep == "best" else scores[-1]


def load_model(stage: Stage, dtype: torch.dtype | None = None) -> tuple[Any, Any]:
    """Return the model (as `loading.load_trained` does) and the tokenizer of a training stage."""
    folder = stage.folder / MODEL
    return loading.load_trained(folder, dtype), loading.load_tokenizer(str(folder))


def progress(
    steps: Iterable[Any], label: str, unit: str, total: int | None, done: int = 0
) -> Iterator[Any]:
    """Yield what comes, with a progress bar that begins behind what was `done` before."""
    is_shown = launched.is_first()
    yield from bar(steps, is_shown=is_shown, desc=label, unit=unit, total=total, initial=done)
