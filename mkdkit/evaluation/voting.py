"""Self-consistency: of several sampled completions, the answer that most of them give.

Rationales that go wrong seldom go wrong alike, so an answer that several reach is likelier right.
No reference answer is needed for a vote, so it can also choose which rationales to learn from.

Source: Wang et al., Self-Consistency Improves Chain of Thought Reasoning (ICLR 2023).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mkdkit import progress
from mkdkit.evaluation import scoring
from mkdkit.evaluation.scoring import Answered
from mkdkit.filters import Rule
from mkdkit.models import encoding, sampling
from mkdkit.records import Question, Rationale
from mkdkit.settings import SamplingSettings
from mkdkit.tasks import answers
from mkdkit.tasks.catalogue import Task


@dataclass(frozen=True, slots=True)
class Vote:
    """What most of several completions answer to one question."""

    prediction: str | None  # None: none of them has an answer
    votes: int  # completions that say so
    cast: int  # all completions, those without an answer among them
    is_tied: bool  # another answer has as many votes

    @property
    def share(self) -> float:
        """Votes of all completions, 0 to 1."""
        return self.votes / self.cast


def vote(predictions: Sequence[str | None], task: Task) -> Vote:
    """Return the most frequent answer; of equally frequent ones, the one that was given first.

    Answers that grading holds for the same ("18" and "18.0") are one, in the form given first.
    None is no answer, nor is a text that none can be read in ("."): it wins only where nothing
    else is there, but counts among all completions.

    Raises:
        ValueError: there is no completion.
    """
    if not predictions:
        raise ValueError("a vote needs at least one completion, got none")
    counts: dict[str, int] = {}  # in the order in which answers were first given
    for prediction in predictions:
        if prediction is not None and _is_answer(prediction, task):
            same = (known for known in counts if agree(prediction, known, task))
            name = next(same, prediction)
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        return Vote(None, len(predictions), len(predictions), is_tied=False)
    most = max(counts.values())
    first, *others = (answer for answer, count in counts.items() if count == most)
    return Vote(first, most, len(predictions), is_tied=bool(others))


def agree(prediction: str | None, other: str | None, task: Task) -> bool:
    """Return whether two predictions are one answer; None and unreadable ones agree with none."""
    if prediction is None or other is None or not _is_answer(other, task):
        return False
    return prediction == other or answers.same_answer(prediction, other, task)


def _is_answer(prediction: str, task: Task) -> bool:
    return answers.read_answer(prediction, task) is not None


def vote_of_each(rationales: Iterable[Rationale], task: Task) -> dict[str, Vote]:
    """Return question id -> the vote of its rationales."""
    predictions: dict[str, list[str | None]] = {}
    for one in rationales:
        predictions.setdefault(one.question_id, []).append(one.prediction)
    return {question_id: vote(given, task) for question_id, given in predictions.items()}


def rules(votes: Mapping[str, Vote], task: Task, *, least_share: float) -> dict[str, Rule]:
    """Return the rules that keep what most rationales of a question say, for `filters`.

    Args:
        votes: question id -> vote.
        task: how answers are compared.
        least_share: with less of all votes, or as many for another answer, it is no majority.
    """

    def has_no_majority(question: Question, one: Rationale) -> bool:
        found = votes[question.id]
        return found.is_tied or found.share < least_share

    return {
        "no answer": lambda question, one: one.prediction is None,
        "no majority": has_no_majority,
        "against the vote": lambda question, one: (
            not agree(one.prediction, votes[question.id].prediction, task)
        ),
    }


def answer_by_vote(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    task: Task,
    settings: SamplingSettings,
    *,
    label: str | None = None,
) -> list[Answered]:
    """Return what most of a model's sampled completions say, in the order of the questions.

    Of each question the first completion with that answer stands for all. Its `share` is that of
    the vote, its `tokens` are those of all completions: what the vote cost.

    Args:
        model: in evaluation mode, asked as fine-tuned models here are.
        tokenizer: the model's.
        questions: what is asked; their ids name the random numbers that are drawn.
        task: how answers are extracted and compared.
        settings: of the sampling; `degree` completions vote.
        label: the progress bar's; None shows no bar.
    """
    written = sample_each(model, tokenizer, questions, settings, label=label)
    return [
        _elect([scoring.judge(question, one, task, "fine-tuned") for one in several], task)
        for question, several in zip(questions, written, strict=True)
    ]


def sample_each(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    settings: SamplingSettings,
    *,
    label: str | None = None,
) -> list[list[sampling.Written]]:
    """Return several sampled completions of every question, in the order of the questions.

    Args:
        model: in evaluation mode, asked as fine-tuned models here are.
        tokenizer: the model's.
        questions: what is asked; their ids name the random numbers that are drawn.
        settings: of the sampling; `degree` completions a question.
        label: the progress bar's; None shows no bar.
    """
    family = encoding.family_of(model)
    prompts = [encoding.encode_prompt(tokenizer, question.text, family) for question in questions]
    names = [question.id for question in questions]
    written: list[list[sampling.Written]] = [[] for _ in questions]
    shown = progress.bar(
        total=len(questions), desc=label, unit="question", is_shown=label is not None
    )
    with shown as bar:
        for batch in sampling.write_samples(model, tokenizer, prompts, names, settings):
            for one in batch:
                written[one.prompt].append(one)
            bar.update(len(batch) // settings.degree)
    return written


def _elect(completions: Sequence[Answered], task: Task) -> Answered:
    """Return the completion that stands for what most say: the first with their answer."""
    found = vote([one.prediction for one in completions], task)
    speaking = (one for one in completions if agree(one.prediction, found.prediction, task))
    chosen = next(speaking, completions[0])
    tokens = sum(one.tokens for one in completions)
    return replace(chosen, tokens=tokens, share=found.share)
