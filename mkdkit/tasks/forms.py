"""Sentence forms with gaps: written with `str.format`, read back with `fit`."""

import re
from collections.abc import Sequence
from functools import lru_cache

LONGEST = 300  # characters of a gap: with no bound, a long text costs the power of its gaps


@lru_cache(maxsize=512)
def _pattern(form: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", form)
    pattern, seen = "", set()
    for number, part in enumerate(parts):
        if number % 2 == 0:
            pattern += re.escape(part)
        else:
            pattern += f"(?P={part})" if part in seen else rf"(?P<{part}>[^.?!]{{1,{LONGEST}}}?)"
            seen.add(part)
    return re.compile(pattern)


def fit(form: str, text: str) -> dict[str, str] | None:
    """Return what fills the gaps of a form, if the text has it, with no sentence end in a gap.

    >>> fit("{who} has {n} pens.", "Ann has 12 pens.")
    {'who': 'Ann', 'n': '12'}
    >>> fit("{who} has {n} pens.", "Ann lost 12 pens.") is None
    True
    """
    match = _pattern(form).fullmatch(text)
    return match.groupdict() if match else None


def fit_one(forms: Sequence[str], text: str) -> dict[str, str] | None:
    """Return what fills the gaps of the first of the forms that fits, or None."""
    return next((found for form in forms if (found := fit(form, text)) is not None), None)


def sentences(text: str) -> list[str]:
    """Return the sentences, each with its end mark, without the blanks between them."""
    return re.split(r"(?<=[.?!])\s+", text.strip())


def listed(words: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
