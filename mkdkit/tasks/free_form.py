"""Are two mathematical expressions the same? Decided by math-verify, with limits of our own.

math-verify's own time limits are signals, which only the main thread of a program may use, and a
widget's callback is not in it; and no signal interrupts Python while it computes 9^(9^9). So its
limits are off, and an expression that could take long is refused before it is computed.
"""

import logging
import re

from mkdkit.tasks import markup
from mkdkit.tasks.numbers import number_value

MAX_LENGTH = 200  # characters of an expression
_COSTLY = re.compile(
    r"!|\\(?:binom|sum|prod|int|lim)|\^\s*\{[^{}]*\^|(?:\^|\*\*)\s*[{(]*\s*-?[0-9,]{4}"
)
_POWER = re.compile(r"[0-9)}]\s*(?:\^|\*\*)")


def same_expression(prediction: str, answer: str) -> bool:
    """Return whether two expressions are equal: as text, as numbers, or by math-verify.

    An expression of more than `MAX_LENGTH` characters, or one that could take long (factorials,
    sums, integrals, towers of powers), is the same only if its text is.
    """
    left, right = _tidy(prediction), _tidy(answer)
    if left == right:
        return left != ""
    values = number_value(left), number_value(right)
    if None not in values:
        return values[0] == values[1]
    if _is_costly(left) or _is_costly(right):
        return False
    return _verify(left, right)


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", markup.tidied(text) or "")


def _is_costly(text: str) -> bool:
    too_many_powers = len(_POWER.findall(text)) > 2
    return len(text) > MAX_LENGTH or too_many_powers or _COSTLY.search(text) is not None


def _verify(prediction: str, answer: str) -> bool:
    from math_verify import parse, verify  # slow to import, and needed by this task type alone

    # without limits it warns at every call that there are none
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    # it looks for LaTeX between dollar signs, and for plain numbers outside of them
    given, wanted = (parse(f"${text}$", parsing_timeout=0) for text in (prediction, answer))
    return bool(given and wanted and verify(wanted, given, timeout_seconds=0))
