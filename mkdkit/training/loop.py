"""The training loop: one generator for fine-tuning, mentor and student; only the loss differs.

Everything random is planned before the first step: which rows form which batch is a pure function
of the settings, and dropout is seeded by step. A run that was stopped and goes on from its
checkpoint therefore ends with the same weights as one that was never stopped.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mkdkit.models.rows import Row
from mkdkit.settings import StudentSettings, TrainingSettings
from mkdkit.training import answer_weight, batches, checkpoints, losses, optimizers
from mkdkit.training.chunks import LossOf, OfWholeBatch, batch_loss
from mkdkit.training.soft_labels import LabelSource
from mkdkit.training.team import ALONE, Team

Validate = Callable[[Any], float]  # the model -> a number that is better when higher


@dataclass(frozen=True, slots=True)
class Step:
    """What one optimiser step did."""

    number: int  # from 1
    epoch: float  # passes over the set, after this step
    loss: float  # nats per scored token, before the update
    gradient_norm: float  # before clipping
    learning_rate: float
    scored_tokens: int
    seconds: float
    validation: float | None = None  # what `validate` returned after this step, if it was asked


def hard_labels(logits: Tensor, labels: Tensor, rows: Sequence[Row]) -> Tensor:
    """Return the loss of plain fine-tuning: the rationale loss alone."""
    return losses.rationale_loss(logits, labels)


def distillation(store: LabelSource | None, settings: StudentSettings) -> LossOf:
    """Return the loss of a student: rationale loss and soft-label loss, mixed by λ."""
    if settings.kd_weight == 0:
        return hard_labels
    if store is None:
        raise ValueError(f"kd_weight is {settings.kd_weight}, so the student needs soft labels")

    def loss_of(logits: Tensor, labels: Tensor, rows: Sequence[Row]) -> Tensor:
        rationale, soft = store.read(rows).both_losses(
            logits,
            labels,
            temperature=settings.kd_temperature,
            divergence=settings.divergence,
        )
        return losses.student_loss(
            rationale,
            soft,
            kd_weight=settings.kd_weight,
            temperature=settings.kd_temperature,
            tau_squared=settings.tau_squared,
        )

    return loss_of


def learning_rate_at(number: int, total: int, settings: TrainingSettings) -> float:
    """Return the learning rate of step `number` (from 1): warm-up, then constant or falling."""
    warmup = round(settings.warmup_share * total)
    if number <= warmup:
        return settings.learning_rate * number / warmup
    share = (number - warmup - 1) / max(1, total - warmup)
    if settings.schedule == "cosine":
        return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
    return settings.learning_rate * (1 - share if settings.schedule == "linear" else 1.0)


def accumulate(
    model: Any,
    planned: Sequence[Sequence[Row]],
    loss_of: LossOf,
    settings: TrainingSettings,
    *,
    fill: int,
    team: Team = ALONE,
    together: int = 1,
) -> tuple[float, int]:
    """Add the gradient of one optimiser step; return its loss per scored token, and the tokens.

    Each batch's loss is a sum, divided by the scored tokens of the *whole* step: a mean of the
    batches' means would weigh a token in a short batch more than one in a long batch.
    """
    tokens = sum(len(row.label) for batch in planned for row in batch)
    is_sum = together == 1 and not isinstance(loss_of, OfWholeBatch)
    most, total = None if isinstance(loss_of, OfWholeBatch) else settings.max_batch_tokens, 0.0
    for rows in (part for batch in planned for part in batches.split(batch, most, together)):
        mine, weight = team.share(rows)
        loss = batch_loss(
            model,
            mine,
            loss_of,
            fill=fill,
            precision=settings.precision,
            is_sum_over_rows=is_sum,
        )
        loss = weight * loss / tokens
        (team.processes * loss).backward()  # processes average their gradients: undone
        total += loss.item()
    return team.add_up(total, model.device), tokens


def train(
    model: Any,
    rows: Sequence[Row],
    loss_of: LossOf,
    settings: TrainingSettings,
    *,
    fill: int,
    validate: Validate | None = None,
    folder: Path | None = None,
    together: int = 1,
    team: Team = ALONE,
) -> Iterator[Step]:
    """Train `model` in place, yielding one `Step` per optimiser step.

    A generator: `next(steps)` takes exactly one step, so a notebook can look at the weights
    between two of them. Before the last step is yielded, the weights of the best validation are
    put back if `settings.keep` is "best"; of equal validations the later one counts as best.

    Args:
        model: with its trainable weights in float32 (`loading.load_trainable`).
        rows: what is learnt.
        loss_of: the sum to lower, from logits and labels of scored tokens.
        settings: of the training.
        fill: the id in padded places.
        validate: called with the model `settings.validations` times, spread evenly.
        folder: where checkpoints go; a run that left one there goes on from it.
        together: rows that must stand in one batch follow one another in runs of this many.
        team: several processes, each of which calls this with the same arguments and takes its
            share of every batch.

    Raises:
        ValueError: there are no rows, or they belong together and do not fit into batches.
        FloatingPointError: the loss or a gradient is not finite.
        Stopped: somebody asked for it (`events.ask_to_stop`); a checkpoint was written. A team
            of processes does not listen: they would have to agree on the step.
    """
    if not rows:
        raise ValueError("there is nothing to train on: the filter kept no rationale")
    plan = batches.Plan(batches.lengths_of(rows), settings, together=together)
    optimizer = optimizers.make_optimizer(model, settings)
    progress = checkpoints.restore(folder, model, optimizer) or checkpoints.Progress()
    asked = validation_steps(len(plan), settings.validations) if validate else set()
    if team.processes > 1 and (together > 1 or isinstance(loss_of, OfWholeBatch)):
        raise ValueError("rows that belong together cannot be shared by several processes")
    loss_of = answer_weight.weighed(loss_of, settings.answer_weight)
    shared = team.prepare(model)
    saved = time.monotonic()
    for number in range(progress.step + 1, len(plan) + 1):
        step = _take_step(
            shared, rows, loss_of, settings, plan, number, optimizer, fill, team, together
        )
        progress.step = number
        if validate is not None and number in asked:
            step = _validated(step, model, validate, progress, settings)
        if number == len(plan) and progress.best_weights is not None:
            checkpoints.put(model, progress.best_weights)
        yield step  # and be noted, before a checkpoint says that it need not be taken again
        is_due = time.monotonic() - saved > settings.checkpoint_seconds
        if folder is not None and team.index == 0 and is_due:  # one writer
            checkpoints.save(folder, model, optimizer, progress)
            saved = time.monotonic()
        if folder is not None and team.processes == 1:
            checkpoints.stop_if_asked(folder, model, optimizer, progress)


def validation_steps(total: int, validations: int) -> set[int]:
    """Return the step numbers after which to validate: evenly spread, the last one among them."""
    return {round(total * (i + 1) / validations) for i in range(validations)} - {0}


def _take_step(
    model: Any,
    rows: Sequence[Row],
    loss_of: LossOf,
    settings: TrainingSettings,
    plan: batches.Plan,
    number: int,
    optimizer: torch.optim.Optimizer,
    fill: int,
    team: Team,
    together: int,
) -> Step:
    began = time.perf_counter()
    model.train()
    seed = f"dropout {settings.seed} {number} {team.index}"
    torch.manual_seed(random.Random(seed).getrandbits(48))
    planned = [[rows[row] for row in batch] for batch in plan[number - 1]]
    loss, tokens = accumulate(
        model, planned, loss_of, settings, fill=fill, team=team, together=together
    )
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    limit = settings.clip_norm or math.inf
    norm = torch.nn.utils.clip_grad_norm_(weights, limit).item()
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise FloatingPointError(
            f"step {number}: loss {loss}, gradient norm {norm}; rows {plan[number - 1]}; the "
            "weights before this step are untouched; a lower learning_rate or fp32 may help"
        )
    rate = learning_rate_at(number, len(plan), settings)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    epoch = number / batches.steps_per_epoch(len(rows), settings)
    return Step(number, epoch, loss, norm, rate, tokens, time.perf_counter() - began)


def _validated(
    step: Step,
    model: Any,
    validate: Validate,
    progress: checkpoints.Progress,
    settings: TrainingSettings,
) -> Step:
    model.eval()
    score = validate(model)
    if settings.keep == "best" and score >= progress.best_score:
        progress.best_score = score
        progress.best_weights = checkpoints.copy_weights(model)
    fields = {name: getattr(step, name) for name in Step.__slots__}  # type: ignore[attr-defined]
    return Step(**{**fields, "validation": score})
