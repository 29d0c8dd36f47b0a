"""Scoring: greedy completions of every question, what was extracted from them, and accuracy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mkdkit import progress
from mkdkit.evaluation import statistics
from mkdkit.models import encoding, prompting, sampling
from mkdkit.records import Question, Rationale
from mkdkit.settings import ScoringSettings
from mkdkit.tasks import answers
from mkdkit.tasks.catalogue import Task

Prompting = Literal["fine-tuned", "zero-shot", "zero-shot-cot", "few-shot-cot"]
Example = tuple[Question, Rationale]
ANSWER_TOKENS = 32  # that are left for an answer behind long reasoning


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model answered to one question."""

    question_id: str
    completion: str
    prediction: str | None  # flexible extraction; None: no answer
    strict_prediction: str | None  # only what stands after an answer mark
    is_correct: bool
    is_strictly_correct: bool
    is_complete: bool  # ended by itself, not at the length limit
    tokens: int  # written, by all completions of a vote
    share: float | None = None  # of a vote's completions that say so, 0 to 1; None: no vote


@dataclass(frozen=True, slots=True)
class Score:
    """The summary of a test: all but n and correct in percent of all questions."""

    n: int
    correct: int
    accuracy: float
    interval: tuple[float, float]  # 95%, Wilson
    strict_accuracy: float
    extractable: float  # an answer could be extracted
    complete: float


def answer_questions(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    task: Task,
    settings: ScoringSettings,
    *,
    prompted: Prompting = "fine-tuned",
    examples: Sequence[Example] = (),
    label: str | None = None,
) -> list[Answered]:
    """Return what a model answers to every question, greedily, in the order of the questions.

    Args:
        model: in evaluation mode.
        tokenizer: the model's.
        questions: what is asked.
        task: how answers are extracted and compared.
        settings: length limit and batch size.
        prompted: as fine-tuned models here are asked, or one of the prompts of `prompting`.
        examples: solved questions for few-shot-CoT.
        label: the progress bar's; None shows no bar.
    """
    if not questions:
        raise ValueError("there are no questions to score")
    ask = _asker(tokenizer, encoding.family_of(model), prompted, examples)
    written = _write(model, tokenizer, [ask(q) for q in questions], settings, label)
    if prompted == "zero-shot-cot":  # the second prompt: given the reasoning, the answer alone
        reasoning = [answers.cut_next_question(one.text) for one in written]
        prompts = [
            _then_answer(model, tokenizer, question.text, said)
            for question, said in zip(questions, reasoning, strict=True)
        ]
        written = _write(model, tokenizer, prompts, settings, label)
    return [
        judge(question, one, task, prompted)
        for question, one in zip(questions, written, strict=True)
    ]


def to_rationales(
    questions: Sequence[Question], answered: Sequence[Answered], task: Task
) -> list[Rationale]:
    """Return what a model answered as rationales, to be shown and checked, question by question.

    Prediction and grade are those of `judge`, which knows what the prompt ended in.
    """
    return [
        Rationale(
            question_id=question.id,
            text=answers.split_completion(one.completion, task)[0],
            prediction=one.prediction,
            source="student",
            is_correct=one.is_correct,
            is_complete=one.is_complete,
        )
        for question, one in zip(questions, answered, strict=True)
    ]


def write_answer(
    model: Any, tokenizer: Any, text: str, settings: ScoringSettings
) -> sampling.Written:
    """Return what a model writes, greedily, when it is asked a question as it was trained to be.

    Args:
        model: in evaluation mode.
        tokenizer: the model's.
        text: the question.
        settings: length limit.

    Raises:
        ValueError: there is no text.
    """
    if not text.strip():
        raise ValueError("a question needs a text")
    prompt = encoding.encode_prompt(tokenizer, text, encoding.family_of(model))
    return _write(model, tokenizer, [prompt], settings, label=None)[0]


def _asker(
    tokenizer: Any, family: encoding.Family, prompted: Prompting, examples: Sequence[Example]
) -> Callable[[Question], tuple[int, ...]]:
    def ask(question: Question) -> tuple[int, ...]:
        if prompted == "fine-tuned":
            return encoding.encode_prompt(tokenizer, question.text, family)
        if prompted == "zero-shot":
            text = prompting.zero_shot(question.text)
        elif prompted == "zero-shot-cot":
            text = prompting.zero_shot_cot(question.text)
        else:
            text = prompting.few_shot_cot(question.text, examples)
        return encoding.encode_text(tokenizer, text, family)

    return ask


def _then_answer(model: Any, tokenizer: Any, question: str, reasoning: str) -> tuple[int, ...]:
    """Return the second prompt; of reasoning that leaves no room for an answer the end is cut."""
    family, positions = encoding.family_of(model), encoding.positions_of(model)
    text = prompting.then_answer(question, reasoning)
    prompt = encoding.encode_text(tokenizer, text, family)
    if family == "encoder-decoder" or positions is None or not reasoning:
        return prompt
    over = len(prompt) + ANSWER_TOKENS - positions
    if over <= 0:
        return prompt
    kept = tokenizer(reasoning, add_special_tokens=False).input_ids[:-over]
    return _then_answer(model, tokenizer, question, tokenizer.decode(kept).strip())


def _write(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[tuple[int, ...]],
    settings: ScoringSettings,
    label: str | None,
) -> list[sampling.Written]:
    batches = sampling.write_greedy(
        model,
        tokenizer,
        prompts,
        max_new_tokens=settings.max_new_tokens,
        batch_size=settings.batch_size,
    )
    written: dict[int, sampling.Written] = {}
    shown = progress.bar(
        total=len(prompts), desc=label, unit="question", is_shown=label is not None
    )
    with shown as bar:
        for batch in batches:
            written |= {one.prompt: one for one in batch}
            bar.update(len(batch))
    return [written[number] for number in range(len(prompts))]


def judge(
    question: Question, written: sampling.Written, task: Task, prompted: Prompting
) -> Answered:
    """Return what was written for a question with the answers in it, and whether they are right."""
    text = answers.cut_next_question(written.text)
    if prompted in ("zero-shot", "zero-shot-cot"):  # the prompt itself ended in the answer mark
        text = f"{answers.THEREFORE} {text}"
    found = answers.extract(text, task)
    return Answered(
        question_id=question.id,
        completion=written.text,
        prediction=found.flexible,
        strict_prediction=found.strict,
        is_correct=answers.same_answer(found.flexible, question.answer, task),
        is_strictly_correct=answers.same_answer(found.strict, question.answer, task),
        is_complete=written.is_complete,
        tokens=written.tokens,
    )


def summarise(answered: Sequence[Answered]) -> Score:
    """Return accuracy with its interval, and the shares of extractable and complete answers."""
    n = len(answered)
    correct = sum(one.is_correct for one in answered)
    return Score(
        n=n,
        correct=correct,
        accuracy=100 * correct / n,
        interval=statistics.wilson_interval(correct, n),
        strict_accuracy=100 * sum(one.is_strictly_correct for one in answered) / n,
        extractable=100 * sum(one.prediction is not None for one in answered) / n,
        complete=100 * sum(one.is_complete for one in answered) / n,
    )
