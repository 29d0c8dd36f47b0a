"""What a student of an arm learns from: its rows, and the loss on them."""

from collections.abc import Sequence
from typing import Any

from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row
from mkdkit.pipeline.arms import Arm
from mkdkit.pipeline.folders import Stage
from mkdkit.pipeline.stages.data import read_kept
from mkdkit.pipeline.stages.fine_tuning import encode
from mkdkit.pipeline.stages.labelling import load_labels
from mkdkit.pipeline.stages.unlabelled import read_train
from mkdkit.records import Question
from mkdkit.sequences import Joined
from mkdkit.settings import Recipe, StudentSettings
from mkdkit.tasks import answers
from mkdkit.training import consistency, loop, mistakes
from mkdkit.training.chunks import OfWholeBatch
from mkdkit.training.lesson import Lesson


def lesson_of(
    recipe: Recipe, method: Arm, asked: Stage, sets: Sequence[Stage], store: Stage | None
) -> Lesson:
    """Return what an arm's student learns.

    Args:
        recipe: with what the arm changes in it.
        method: the arm.
        asked: the questions.
        sets: stages with kept rationales.
        store: the stage with soft labels, if it learns from any.
    """
    base, settings, train = recipe.student_base, recipe.student, read_train(asked, sets)
    tokenizer = loading.load_tokenizer(base)
    if method.completions == "answers":
        family = loading.family_of_base(base)
        rows: Sequence[Row] = encoding.encode_answers(
            tokenizer, train, family=family, max_tokens=settings.max_tokens
        )
        return Lesson(rows, loop.hard_labels)
    kept = Joined(*map(read_kept, sets))
    rows = encode(tokenizer, base, settings, train, kept)
    if method.consistent:
        spans = _answer_tokens(tokenizer, base, settings, train)
        pairs = consistency.pair_up(rows, [one.text for one in kept])
        return Lesson(pairs, consistency.consistent_answers(settings, spans), together=2)
    if method.mistake and store:
        return _mistaken(method, settings, rows, store, tokenizer)
    return Lesson(rows, loop.distillation(load_labels(store) if store else None, settings))


def _mistaken(
    method: Arm, settings: StudentSettings, rows: Sequence[Row], store: Stage, tokenizer: Any
) -> Lesson:
    """Return the lesson of an arm with a mistake of published code in it."""
    labels = load_labels(store)
    if method.mistake == "padding learnt":
        fill, end = encoding.fill_token(tokenizer), tokenizer.eos_token_id
        loss_of = mistakes.padding_learnt(labels, settings, fill=fill, end=end)
        return Lesson(mistakes.with_padding(rows, fill), loss_of)
    of_others = loop.distillation(mistakes.OtherRows(labels), settings)
    return Lesson(rows, OfWholeBatch(of_others))


def _answer_tokens(
    tokenizer: Any, base: str, settings: StudentSettings, train: Sequence[Question]
) -> dict[tuple[int, ...], int]:
    """Return how many tokens mark, answer and end are, for each question's prompt."""
    family = loading.family_of_base(base)
    endings = [answers.completion_text("", one.answer, settings.template) for one in train]
    rows = [
        encoding.encode_row(tokenizer, question.text, ending, family)
        for question, ending in zip(train, endings, strict=True)
    ]
    return {row.prompt: len(row.label) for row in rows}
