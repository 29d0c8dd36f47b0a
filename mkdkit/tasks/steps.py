"""The steps of a rationale, and the first at which several rationales part."""

import re
from collections.abc import Sequence

_BREAK = re.compile(r"\n+|(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
_WORD = re.compile(r"[^\W_](?:[\w'/:,.-]*\w)?")


def split_steps(text: str) -> list[tuple[int, int]]:
    """(start, end) of each step: a line, or a sentence that ends before a space and a capital.

    >>> [text[a:b] for text in ["3 + 4 = 7. So 7 pens."] for a, b in split_steps(text)]
    ['3 + 4 = 7.', 'So 7 pens.']
    """
    breaks = [m.span() for m in _BREAK.finditer(text)]
    starts = [0, *(end for _, end in breaks)]
    ends = [*(start for start, _ in breaks), len(text)]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if text[a:b].strip()]


def end_of(step: str) -> str:
    """What a step arrives at, roughly: its last word or number, without case.

    >>> end_of("9 plus 5 is 14."), end_of("So the coin is Tails!")
    ('14', 'tails')
    """
    words = _WORD.findall(step)
    return words[-1].casefold() if words else ""


def first_parting(texts: Sequence[str]) -> int | None:
    """Return the number, from 0, of the first step that does not end alike in all texts.

    A text of one step or none is a bare answer, with nothing to part from. One that has no such
    step any more stays where it ended: who only says the result once more has not parted. Steps are
    compared by place, so texts that cut the same reasoning into other steps part where they first
    do. None: they never part, or fewer than two reason.

    >>> first_parting(["3 + 4 = 7. 7 - 2 = 5.", "3 plus 4 is 7. 7 minus 2 is 6.", "5"])
    1
    >>> first_parting(["3 + 4 = 7. 7 - 2 = 5.", "3 + 4 = 7. 7 - 2 = 5. So it is 5."]) is None
    True
    >>> first_parting(["3 + 4 = 7. 7 - 2 = 5.", "3 + 4 = 7. 7 - 2 = 5. 5 - 1 = 4."])
    2
    """
    ends = [[end_of(text[a:b]) for a, b in split_steps(text)] for text in texts]
    reasoned = [one for one in ends if len(one) > 1]
    for place in range(max(map(len, reasoned), default=0)):
        found = {one[min(place, len(one) - 1)] for one in reasoned}
        if len(found) > 1:
            return place
    return None
