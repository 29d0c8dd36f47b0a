"""How sure a student is of its own answers: by what it writes again, and by its tokens.

The probability of an answer is a sum over all reasonings that lead to it. `vote_confidences`
estimates that sum by sampling, and is what calibration is measured on. `token_confidences` costs
one reading and gives two other numbers, to study, not to be taken for it:

- An answer given its own reasoning repeats the last step: a student is all but certain of it,
  whether it is right or wrong.
- The whole completion is one wording of many, each with its share: a lower bound of the sum, far
  below the accuracy, though higher for right answers than for wrong ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mkdkit.evaluation import voting
from mkdkit.evaluation.scoring import Answered
from mkdkit.models import encoding
from mkdkit.models.rows import Row
from mkdkit.records import Question
from mkdkit.settings import SamplingSettings
from mkdkit.tasks import answers
from mkdkit.tasks.catalogue import Task


def vote_confidences(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    answered: Sequence[Answered],
    task: Task,
    settings: SamplingSettings,
) -> list[float]:
    """Return, question by question, in which share of new attempts the model's answer comes again.

    0 to 1. An estimate of the probability of its answer, with a standard error of at most
    1 / (2 sqrt(degree)): 0.16 with ten attempts. 0 where there was no answer.

    Args:
        model: in evaluation mode.
        tokenizer: the model's.
        questions: what it was asked, in the order of `answered`.
        answered: what it answered greedily (`scoring.answer_questions`, prompted "fine-tuned").
        task: how answers are extracted and compared.
        settings: attempts per question (`degree`) and length; a `sampling_temperature` of 1 with
            all tokens is the model's own distribution.

    Raises:
        ValueError: an answer belongs to another question than the one in its place.
    """
    _require_order(questions, answered)
    attempts = voting.sample_each(model, tokenizer, questions, settings)
    return [
        sum(
            voting.agree(answers.extract(again.text, task).flexible, given.prediction, task)
            for again in several
        )
        / settings.degree
        for given, several in zip(answered, attempts, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Confidence:
    """How probable a model finds what it wrote itself: products over tokens, 0 to 1."""

    question_id: str
    completion: float  # all tokens, the end mark included if it was written
    answer: float | None  # those behind the answer mark, given all before; None: there is no mark


@torch.no_grad()
def token_confidences(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    answered: Sequence[Answered],
    task: Task,
    *,
    batch_size: int = 16,
) -> list[Confidence]:
    """Return how probable a model finds each of its answers, asked as fine-tuned models are.

    What it wrote is encoded again, up to a next question it may have invented. All it might have
    written instead counts against it, at a temperature of 1.

    Args:
        model: in evaluation mode.
        tokenizer: the model's.
        questions: what it was asked, in the order of `answered`.
        answered: what it answered (`scoring.answer_questions`, prompted "fine-tuned").
        task: tells where an answer begins.
        batch_size: completions read at a time.

    Raises:
        ValueError: an answer belongs to another question than the one in its place.
    """
    _require_order(questions, answered)
    family, found = encoding.family_of(model), []
    pairs = zip(questions, answered, strict=True)
    rows, starts = zip(*(_row(tokenizer, *pair, task, family) for pair in pairs), strict=True)
    written = _log_probabilities(model, tokenizer, rows, batch_size)
    for one, start, values in zip(answered, starts, written, strict=True):
        answer = None if start is None else float(np.exp(values[start:].sum()))
        found.append(Confidence(one.question_id, float(np.exp(values.sum())), answer))
    return found


def _row(
    tokenizer: Any, question: Question, one: Answered, task: Task, family: encoding.Family
) -> tuple[Row, int | None]:
    """Return what a model read and wrote, and which token of it is the answer's first."""
    text = answers.cut_next_question(one.completion)
    row = encoding.encode_row(tokenizer, question.text, text, family)
    is_ended = one.is_complete and text == one.completion.strip()
    if not is_ended and len(row.label) > 1:  # it wrote no end mark there
        row = Row(row.prompt, row.label[:-1])
    begins = answers.find_marked_answer(text, task)
    if begins is None:
        return row, None
    before = encoding.encode_row(tokenizer, question.text, text[:begins], family).label[:-1]
    pairs = zip(before, row.label, strict=False)
    same = next((at for at, (a, b) in enumerate(pairs) if a != b), len(before))
    return row, same


def _log_probabilities(
    model: Any, tokenizer: Any, rows: Sequence[Row], batch_size: int
) -> Iterator[np.ndarray]:
    """Yield the log-probability (nats) of every label of each row, in float64."""
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        batch = encoding.collate(part, fill=encoding.fill_token(tokenizer), model=model)
        batch = {name: value.to(model.device) for name, value in batch.items()}
        logits, labels = encoding.predict_scored(model, batch)
        logs = logits.float().log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
        ends = np.cumsum([len(row.label) for row in part])
        yield from np.split(logs.double().cpu().numpy(), ends[:-1])


def _require_order(questions: Sequence[Question], answered: Sequence[Answered]) -> None:
    asked = [question.id for question in questions]
    given = [one.question_id for one in answered]
    if not asked or asked != given:
        pairs = (f"{b!r} to {a!r}" for a, b in zip(asked, given, strict=False) if a != b)
        raise ValueError(
            "every question needs its answer, in the order of the questions, got "
            f"{len(given)} answers to {len(asked)} questions; {next(pairs, 'the first are right')}"
        )
