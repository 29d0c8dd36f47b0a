"""Asking a model that was not fine-tuned: zero-shot, zero-shot-CoT and few-shot-CoT prompts.

Sources: Kojima et al. (2022) for zero-shot-CoT in two prompts, Wei et al. (2022) for few-shot-CoT.
"""

from collections.abc import Sequence

from mkdkit.records import Question, Rationale
from mkdkit.tasks import answers

STEP_BY_STEP = "Let's think step by step."


def zero_shot(question: str) -> str:
    """Return the prompt that asks for the bare answer."""
    return f"Q: {question}\nA: The answer is"


def zero_shot_cot(question: str) -> str:
    """Return the first of two prompts: it asks for reasoning."""
    return f"Q: {question}\nA: {STEP_BY_STEP}"


def then_answer(question: str, reasoning: str) -> str:
    """Return the second of two prompts: the reasoning is given, the answer is asked for."""
    return f"{zero_shot_cot(question)} {reasoning}\n{answers.THEREFORE}"


def few_shot_cot(question: str, examples: Sequence[tuple[Question, Rationale]]) -> str:
    """Return a prompt that shows solved questions before it asks.

    Raises:
        ValueError: there are no examples.
    """
    if not examples:
        raise ValueError("few-shot-CoT needs examples: questions with a kept rationale")
    shown = [
        f"Q: {example.text}\nA: {answers.completion_text(rationale.text, example.answer, 'arrow')}"
        for example, rationale in examples
    ]
    return "\n\n".join([*shown, f"Q: {question}\nA:"])
