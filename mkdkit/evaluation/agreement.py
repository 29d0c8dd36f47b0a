"""How alike two models answer: the same answers, and the same mistakes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from mkdkit.evaluation import voting
from mkdkit.tasks import answers, numbers
from mkdkit.tasks.catalogue import Task

Known = str | Fraction | None  # an answer as it is compared; None: no answer


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a student's predictions compare with its mentor's, question by question."""

    n: int
    same: float  # % of all questions: both gave the same answer
    both_wrong: int
    same_wrong: int  # of these: both gave the same wrong answer
    same_wrong_share: float | None  # % of both_wrong; None: they are never wrong together
    by_chance: float | None  # % of both_wrong that chance would give


def compare_predictions(
    first: Sequence[str | None], second: Sequence[str | None], references: Sequence[str], task: Task
) -> Agreement:
    """Return how often two models give the same answer, and the same wrong one.

    A question that a model gave no answer to is wrong, and the same as nothing. What chance would
    give: on each question both draw, one without the other, a wrong answer from all they ever
    answered, as often as they give it. With three options that is about a half; with numbers next
    to nothing; with yes and no, always. More than that means that one has learnt the other's
    mistakes, or that both fall for the same trap in a question.

    Args:
        first: one model's predictions.
        second: the other's, in the same order.
        references: the right answers, in the same order.
        task: how answers are compared.

    Raises:
        ValueError: there are no questions, the numbers differ, or a reference is not of the task.
    """
    if not references or not len(first) == len(second) == len(references):
        raise ValueError(
            "two models need the same questions, at least one, got "
            f"{len(first)} and {len(second)} predictions for {len(references)} answers"
        )
    one, two, right = (
        [_known(text, task) for text in texts] for texts in (first, second, references)
    )
    if None in right:
        raise ValueError(f"not an answer of task {task.name!r}: {references[right.index(None)]!r}")
    rows = list(zip(first, second, references, strict=True))
    all_one, all_two = Counter(one), Counter(two)
    wrong = [row for row in rows if not any(answers.same_answer(x, row[2], task) for x in row[:2])]
    same_wrong = sum(voting.agree(a, b, task) for a, b, _ in wrong)
    chances = [_chance(all_one, all_two, _known(reference, task)) for _, _, reference in wrong]
    return Agreement(
        n=len(rows),
        same=100 * sum(voting.agree(a, b, task) for a, b, _ in rows) / len(rows),
        both_wrong=len(wrong),
        same_wrong=same_wrong,
        same_wrong_share=100 * same_wrong / len(wrong) if wrong else None,
        by_chance=100 * sum(chances) / len(chances) if wrong else None,
    )


def _chance(one: Counter[Known], two: Counter[Known], reference: Known) -> float:
    """Return how probable it is that two wrong answers to a question are the same one."""
    ways = sum(n * two[a] for a, n in one.items() if a not in (reference, None))
    others = (one.total() - one[reference]) * (two.total() - two[reference])
    return ways / others if others else 0.0  # \PI is wrong for \pi, and the same but for case


def _known(text: str | None, task: Task) -> Known:
    """Return an answer so that equal ones are equal: 18 and 18.0, (C) and C."""
    if text is None:
        return None
    answer = text if task.answer_type == "free_form" else answers.read_answer(text, task)
    if answer is None or task.answer_type != "number":
        return answer and answer.strip().casefold()
    return numbers.number_value(answer)
