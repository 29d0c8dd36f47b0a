"""What goes wrong in a model's answers: every one sorted by the first mistake that can be seen.

The kinds of an answer that is not right, in the order in which they are asked for:

- "cut off": it ran into the length limit.
- "no answer": it ended by itself, and nothing in it can be read as an answer.
- "wrong reading", "arithmetic slip", "lost state", "wrong conclusion": what the first mistake in
  the text is. The question is told wrongly (who has what at the start, who flips the coin, a word
  left out, a first sum with a number that the question does not give); a sum is wrong; what
  follows from a step is (swaps, flips, letters, dates), or a number changed between two sums; the
  answer is not what the reasoning came to.
- "other": no mistake was found. The checks read little and accuse only of what is plainly false,
  so a wrong plan of right sums is here, and all that is said in words they do not know.

Right answers are "right", or "right on flawed reasoning" where a check finds a slip.
"""

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from mkdkit.records import Question, Rationale
from mkdkit.tasks import answers, check_equations, numbers
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.checks import Slip, find_slips

KINDS = (
    "cut off",
    "no answer",
    "wrong reading",
    "arithmetic slip",
    "lost state",
    "wrong conclusion",
    "other",
    "right on flawed reasoning",
    "right",
)
_NAMES = {
    "reading": "wrong reading",
    "arithmetic": "arithmetic slip",
    "state": "lost state",
    "conclusion": "wrong conclusion",
}
# what anybody may bring to a question: half and double; days, months, hours, minutes, cents
_HALF_DOUBLE, _COMMON = (1, 2), (7, 12, 24, 60, 100)


def sort_by_kind(
    rationales: Iterable[Rationale], *, questions: Sequence[Question], task: Task
) -> dict[str, list[Rationale]]:
    """Return kind -> rationales in reading order; every kind is there, every rationale once.

    Args:
        rationales: what was answered (`scoring.to_rationales`), right and wrong.
        questions: the questions they answer.
        task: gives the process check; without one a wrong answer that is all there is "other".

    Raises:
        ValueError: a rationale answers none of the questions.
    """
    by_id = {question.id: question for question in questions}
    kinds: dict[str, list[Rationale]] = {kind: [] for kind in KINDS}
    for rationale in rationales:
        question = by_id.get(rationale.question_id)
        if question is None:
            message = f"a rationale answers question {rationale.question_id!r}, which is not given"
            raise ValueError(message + "; pass the questions it was written for")
        kinds[kind_of(question, rationale, task)].append(rationale)
    return kinds


def kind_of(question: Question, rationale: Rationale, task: Task) -> str:
    """Return which of `KINDS` one answer is."""
    if rationale.is_correct:
        is_flawed = find_slips(question, rationale.text, task)
        return "right on flawed reasoning" if is_flawed else "right"
    if not rationale.is_complete:
        return "cut off"
    if rationale.prediction is None:
        return "no answer"
    reasoned = answers.extract(rationale.text, task).flexible
    if answers.same_answer(reasoned, question.answer, task):
        return "wrong conclusion"  # whatever came before, it had the answer and gave another
    mistakes = find_slips(question, _with_answer(rationale, task), task)
    if task.check == "equations":
        mistakes += _foreign_numbers(question, rationale.text)
    # of two that begin together: a number from nowhere makes its sum wrong
    first = min(mistakes, key=lambda slip: (slip.start, slip.kind == "arithmetic"), default=None)
    return _NAMES[first.kind] if first else "other"


def _with_answer(rationale: Rationale, task: Task) -> str:
    """Return the reasoning with its answer in words that the check reads, where it reads any."""
    endings = {"coin": f", so {rationale.prediction}.", "swaps": f" ({rationale.prediction})."}
    if task.check not in endings:
        return rationale.text
    return rationale.text.rstrip(" .\n") + endings[task.check]


def _foreign_numbers(question: Question, text: str) -> list[Slip]:
    """Return a slip for every sum that has a number from nowhere: misread, or lost on the way.

    A number is from the question if that gives it, in figures or words, if anybody knows it, or if
    one operation makes it of two of these, for a writer may skip a step. Later it may also be any
    that stands before. In the first sum it was misread, in a later one it was lost.
    """
    given = _numbers_of(question.text) | set(map(Fraction, _HALF_DOUBLE))
    reached = {made for a in given for b in given for made in _made_of(a, b)}
    reached |= given | set(map(Fraction, _COMMON))
    slips = []
    stand_before = check_equations.find_numbers(text)[::-1]
    for place, (start, end, operands) in enumerate(check_equations.find_operands(text)):
        while stand_before and stand_before[-1][0] <= start:
            reached.add(stand_before.pop()[1])
        foreign = [number for number in operands if number not in reached]
        if foreign:
            reason = f"nothing before gives {foreign[0]}"
            slips.append(Slip(start, end, reason, "state" if place else "reading"))
    return slips


def _made_of(a: Fraction, b: Fraction) -> list[Fraction]:
    return [a + b, abs(a - b), a * b, *([a / b] if b else [])]


def _numbers_of(text: str) -> set[Fraction]:
    """Return the numbers a text gives, in figures or in words."""
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)?", text.lower()))
    spelled = (numbers.extract_number(word, marked=True) for word in words)
    return {*check_equations.numbers_of(text), *(Fraction(number) for number in spelled if number)}
