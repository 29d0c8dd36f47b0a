"""What is said to a teacher, and how its replies become a rationale.

Zero-shot-CoT takes two prompts, the second of which holds the reply to the first (Kojima et al.,
NeurIPS 2022; so asked Fine-tune-CoT and Mentor-KD). With one prompt the model is asked for an
answer mark; with examples it sees the mark in them. A causal model that was fine-tuned here is
asked as it was trained.
"""

import re
from typing import NamedTuple

from mkdkit.models import prompting
from mkdkit.records import Question, Rationale
from mkdkit.tasks import answers
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers.asking.settings import AskSettings

ASK_FOR_MARK = (
    f"{prompting.STEP_BY_STEP} Then write the final answer on a line of its own, as in: Answer: ..."
)
# some chat templates end in <think>: the reply then begins with the thought itself
_THOUGHT = re.compile(r"\A(?:\s*<think>)?(.*?)</think>|\A\s*<think>(.*)\Z", re.DOTALL)


class Said(NamedTuple):
    """A reply of the model, its hidden reasoning apart."""

    text: str
    reasoning: str  # of a reasoning model; "" if there is none
    finish_reason: str  # "length": it was cut off at the limit


def first_prompt(question: Question, settings: AskSettings) -> str:
    """The prompt that a rationale is the reply to."""
    if settings.prompting == "zero_shot_cot":
        return prompting.zero_shot_cot(question.text)
    if settings.prompting == "fine_tuned":
        return prompting.fine_tuned(question.text)
    if settings.prompting == "few_shot_cot":
        return prompting.after_examples(question.text, settings.worked_examples)
    return f"Q: {question.text}\nA: {ASK_FOR_MARK}"


def second_prompt(question: Question, rationale: str, settings: AskSettings) -> str | None:
    """The prompt that the answer is the reply to; None where the rationale holds it."""
    if settings.prompting != "zero_shot_cot":
        return None
    return prompting.then_answer(question.text, rationale.strip())


def split_thought(text: str, reasoning: str | None) -> tuple[str, str]:
    """(What was said, what was thought): a field of its own, or <think> ... </think> in front."""
    if reasoning:
        return text, reasoning
    thought = _THOUGHT.match(text)
    if thought is None:
        return text, ""
    return text[thought.end() :].lstrip(), (thought[1] or thought[2] or "").strip()


def to_rationale(question: Question, task: Task, said: Said, answer: Said | None) -> Rationale:
    """The rationale that one reply, or two, amount to, graded by our rules."""
    if answer is None:
        return answers.to_rationale(
            said.text, question, task, "teacher", is_complete=said.finish_reason != "length"
        )
    prediction = answers.extract(f"{answers.THEREFORE} {answer.text.strip()}", task).flexible
    is_correct = answers.same_answer(prediction, question.answer, task)
    text = answers.cut_next_question(said.text)
    is_complete = said.finish_reason != "length"
    return Rationale(question.id, text, prediction, "teacher", is_correct, is_complete)
