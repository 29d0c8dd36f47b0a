"""What a recipe will take, before anything is spent: memory by part, disk, work and time.

Configs are read, and no weights. What a stage holds is counted (`footprint`) or rehearsed
(`rehearsal`). How many rationales the filters will keep nobody knows before, so numbers of rows
are the most there can be.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from mkdkit.models import encoding, footprint, loading, vocabularies
from mkdkit.models.footprint import Footprint
from mkdkit.models.rows import Row
from mkdkit.pipeline.probe import matmul_rate
from mkdkit.settings import (
    FilterSettings,
    Precision,
    QuestionSettings,
    Recipe,
    SamplingSettings,
    ScoringSettings,
    TrainingSettings,
)
from mkdkit.teachers import places, recorded
from mkdkit.training import batches, label_store, rehearsal, soft_labels
from mkdkit.training.rehearsal import Rehearsed


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """What one stage takes, at most; None where it hangs on questions that nobody counted yet."""

    name: str
    held: Footprint  # what the model takes, before anything runs through it
    run: Rehearsed  # what one step takes besides
    disk: int | None = 0  # bytes, at their highest while the stage runs
    kept: int | None = 0  # bytes on disk, afterwards
    steps: int | None  # optimiser steps, or batches
    tokens: int  # read and written in one step
    rows: int  # of its typical matrix product
    width: int  # of the model
    dtype: torch.dtype  # of its matrix products

    @property
    def peak(self) -> int:
        """Bytes that live at one time, at their highest: what is held, and what a step adds."""
        return self.held.weights + self.held.adapter + self.held.optimiser + self.run.peak

    def rate(self, where: torch.device) -> float:
        """Return how many operations a second a device of this machine does in such products."""
        return matmul_rate(self.rows, self.width, self.dtype, where)


def plan(
    recipe: Recipe,
    where: torch.device,
    *,
    prompt: int | None = None,
    completion: int | None = None,
) -> Iterator[StagePlan]:
    """Yield the stages of Mentor-KD in their order; each is rehearsed when it is asked for.

    Args:
        recipe: whose.
        where: the device planned for; it need not be here. A GPU is taken to know bf16.
        prompt: tokens of the longest prompt, and
        completion: of the longest completion; by default the recipe's longest row, half and half.

    Raises:
        ValueError: a base has no config, or one that describes no model that can be planned; no
            soft labels are stored for the recipe's temperature; such rows are longer than the
            recipe allows; or mentor and student have tokenizers, and they do not agree.
    """
    if recipe.student.kd_weight > 0:
        soft_labels.require_stored(recipe.student.kd_temperature)
    if recipe.student.kd_weight > 0 and recipe.mentor_base != recipe.student_base:
        _require_one_vocabulary(recipe)
    train, test = count_questions(recipe.questions)
    taught = _at_most(train, recipe.teacher.rationales_per_question, recipe.teacher_filter)
    written = _at_most(train, recipe.sampling.degree, recipe.mentor_filter)
    learnt = None if taught is None or written is None else taught + written
    mentor = longest_row(recipe.mentor, prompt, completion)
    student = longest_row(recipe.student, prompt, completion)

    if recipe.augmentation == "own" or recipe.student.kd_weight > 0:
        yield from _training("mentor", recipe, taught, mentor, where)
    if recipe.augmentation == "own":
        yield _writing("mentor: writing", recipe, "mentor", recipe.sampling, train, mentor, where)
    if recipe.student.kd_weight > 0:
        yield _soft_labels(recipe, learnt, student, where)
    yield from _training("student", recipe, learnt, student, where)
    yield _writing("student: test", recipe, "student", recipe.scoring, test, student, where)


def count_questions(asked: QuestionSettings) -> tuple[int | None, int | None]:
    """Return how many questions there are to train on, and to test on; None if nobody knows yet."""
    if asked.source in ("rule-made", "hub"):
        return asked.train, asked.test
    try:
        splits = recorded.read_recorded_questions(asked)
    except places.NotHereError:
        return asked.train, asked.test
    return len(splits.train) * (1 + asked.renamed_copies), len(splits.test)


def _at_most(questions: int | None, each: int, filtered: FilterSettings) -> int | None:
    limit = filtered.max_per_question
    return None if questions is None else questions * min(each, limit or each)


def _require_one_vocabulary(recipe: Recipe) -> None:
    """Refuse bases that cannot share soft labels, if their tokenizers are here to be asked."""
    try:
        mentors = loading.load_tokenizer(recipe.mentor_base)
        own = loading.load_tokenizer(recipe.student_base)
    except (ValueError, OSError):
        return  # a config alone is enough to plan with
    vocabularies.require_shared(mentors, own)


def longest_row(settings: TrainingSettings, prompt: int | None, completion: int | None) -> Row:
    """Return a row as long as asked for; what is not said is what the settings leave.

    Raises:
        ValueError: it is longer than the settings allow.
    """
    longest = settings.max_tokens
    if prompt is None:
        prompt = longest // 2 if completion is None else longest - completion
    if completion is None:
        completion = longest - prompt
    if min(prompt, completion) < 1 or prompt + completion > longest:
        raise ValueError(
            f"a row's prompt and completion have at least 1 token each and together at most "
            f"max_tokens, {longest}, got {prompt} and {completion}; plan for other rows, or raise "
            "max_tokens in a settings file"
        )
    return rehearsal.row_of(prompt, completion)


def _of(role: str, recipe: Recipe, where: torch.device) -> tuple[str, TrainingSettings]:
    """Return a role's base, and its settings with the precision they come to on a device."""
    is_mentor = role == "mentor"
    settings = recipe.mentor if is_mentor else recipe.student
    settings = replace(settings, precision=_come_to(settings.precision, where))
    return recipe.mentor_base if is_mentor else recipe.student_base, settings


def _come_to(precision: Precision, where: torch.device) -> Precision:
    """Return what "auto" comes to on a device; a GPU is taken to know bf16."""
    if precision != "auto":
        return precision
    return "bf16" if where.type == "cuda" else loading.fast_precision()


def _training(
    role: str, recipe: Recipe, rows: int | None, row: Row, where: torch.device
) -> Iterator[StagePlan]:
    """Yield a role's training and, where there is one, the validation within it."""
    base, settings = _of(role, recipe, where)
    model, held = footprint.hold(base, settings, where, to_train=True)
    run = rehearsal.training_step(model, settings, row, where, top_k=recipe.soft_labels.top_k)
    part = next(batches.split([row] * settings.batch_size, settings.max_batch_tokens))
    is_validated = settings.validations > 0 and recipe.questions.validation > 0
    is_known = rows is not None or settings.max_steps is not None
    # a checkpoint has weights, moments and the best weights; the next is made before it goes
    copies = 2 if is_validated and settings.keep == "best" else 1
    yield StagePlan(
        name=f"{role}: training",
        held=held,
        run=run,
        disk=2 * (copies * 4 * held.trained + held.optimiser),
        kept=held.adapter or held.weights,
        steps=batches.count_steps(rows or 0, settings) if is_known else None,
        tokens=settings.batch_size * settings.accumulation_steps * len(row),
        rows=len(part) * len(row),
        width=model.get_output_embeddings().in_features,
        dtype=torch.bfloat16 if settings.precision == "bf16" else torch.float32,
    )
    if is_validated:
        asked = recipe.questions.validation
        name, times = f"{role}: validation", settings.validations
        yield _writing(name, recipe, role, recipe.scoring, asked, row, where, times=times)


def _writing(
    name: str,
    recipe: Recipe,
    role: str,
    settings: SamplingSettings | ScoringSettings,
    questions: int | None,
    row: Row,
    where: torch.device,
    *,
    times: int = 0,
) -> StagePlan:
    """Return the plan of answering questions: once by a finished model, or `times` in training."""
    base, trained = _of(role, recipe, where)
    model, held = footprint.hold(base, trained, where, to_train=times > 0)
    held = replace(held, gradients=0)  # of a training that is validated, they are gone by now
    dtype, width = model.dtype, model.get_output_embeddings().in_features
    prompts = min(settings.batch_size, questions or settings.batch_size)
    settings = replace(settings, batch_size=prompts)
    run = rehearsal.writing_step(model, settings, len(row.prompt), where)
    rows = prompts * getattr(settings, "degree", 1)
    several = None if questions is None else math.ceil(questions / prompts)
    return StagePlan(
        name=name,
        held=held,
        run=run,
        steps=None if several is None else max(1, times) * several,
        tokens=prompts * len(row.prompt) + rows * settings.max_new_tokens,
        rows=rows,
        width=width,
        dtype=dtype,
    )


def _soft_labels(recipe: Recipe, rows: int | None, row: Row, where: torch.device) -> StagePlan:
    base, trained = _of("mentor", recipe, where)
    settings = recipe.soft_labels
    settings = replace(settings, precision=_come_to(settings.precision, where))
    model, held = footprint.hold(base, trained, where, to_train=False)
    width = model.get_output_embeddings().in_features
    dtype = torch.bfloat16 if settings.precision == "bf16" else model.dtype
    run = rehearsal.soft_label_step(model, settings, row, where)
    a_row = len(row.label) * label_store.bytes_a_token(
        settings.top_k, encoding.vocabulary_of(model)
    )
    size = None if rows is None else rows * a_row
    return StagePlan(
        name="mentor: soft labels",
        held=held,
        run=run,
        disk=size,
        kept=size,
        steps=None if rows is None else math.ceil(rows / settings.batch_size),
        tokens=settings.batch_size * len(row),
        rows=settings.batch_size * len(row),
        width=width,
        dtype=dtype,
    )
