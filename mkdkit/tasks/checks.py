"""Process checks: is the reasoning itself right, whatever the answer?

A check under-claims: it names a slip where a statement is plainly false or contradicts another
one, and is silent about everything it cannot read. So "no slip found" does not mean "right".
"""

from collections.abc import Callable

from mkdkit.records import Question
from mkdkit.tasks import check_coin, check_dates, check_equations, check_letters, check_swaps
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.slips import Slip

__all__ = ["CHECKS", "Slip", "find_holding", "find_slips"]

CHECKS: dict[str, Callable[[Question, str], list[Slip]]] = {
    "coin": check_coin.find_slips,
    "dates": check_dates.find_slips,
    "equations": check_equations.find_slips,
    "letters": check_letters.find_slips,
    "swaps": check_swaps.find_slips,
}


def find_slips(question: Question, text: str, task: Task) -> list[Slip]:
    """Return the slips found in a rationale, in the order of the text; [] if there are none.

    The rules are those of the task's check, each told in its module; a task without a check
    (common sense, say) has no slips to find.
    """
    if task.check is None:
        return []
    return sorted(CHECKS[task.check](question, text), key=lambda slip: (slip.start, slip.end))


def find_holding(text: str, task: Task) -> list[tuple[int, int]]:
    """Return (start, end) of every equation that was worked out again and holds exactly.

    [] for a task whose check reads no equations.
    """
    return check_equations.find_holding(text) if task.check == "equations" else []
