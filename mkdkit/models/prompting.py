"""What a model is asked with: as fine-tuned models here are, or as one that was not fine-tuned.

Sources: Kojima et al. (2022) for zero-shot-CoT in two prompts, Wei et al. (2022) for few-shot-CoT.
"""

from collections.abc import Sequence

from mkdkit.records import Question, Rationale
from mkdkit.tasks import answers

CAUSAL_SEPARATOR = " ###"  # between question and completion; Fine-tune-CoT's for causal models
# signs that T5's vocabulary lacks, with plain spellings that mean the same
_PLAIN = str.maketrans(
    {"−": "-", "–": "-", "×": "*", "÷": "/", "≈": "=", "’": "'", "“": '"', "”": '"'}
)
STEP_BY_STEP = "Let's think step by step."


def clean_text(text: str) -> str:
    r"""Return text on one line, in signs that every tokenizer here knows.

    T5's tokenizer drops line breaks, which glues lines together, and has no minus or times sign
    of typography; both families see the same cleaned text.

    >>> clean_text("3 × 4\n= 12")
    '3 * 4 = 12'
    """
    return " ".join(text.translate(_PLAIN).split())


def fine_tuned(question: str) -> str:
    """Return what a causal model that was fine-tuned here reads before it writes."""
    return clean_text(question) + CAUSAL_SEPARATOR


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
    """Return a prompt that shows solved questions before it asks."""
    return after_examples(question, worked_examples(examples))


def after_examples(question: str, examples: str) -> str:
    """Return the prompt that asks behind worked examples, given as text."""
    return f"{examples.strip()}\n\nQ: {question}\nA:"


def worked_examples(examples: Sequence[tuple[Question, Rationale]]) -> str:
    """Return solved questions as a prompt shows them.

    Raises:
        ValueError: there are no examples.
    """
    if not examples:
        raise ValueError("few-shot-CoT needs examples: questions with a kept rationale")
    shown = [
        f"Q: {example.text}\nA: {answers.completion_text(rationale.text, example.answer, 'arrow')}"
        for example, rationale in examples
    ]
    return "\n\n".join(shown)
