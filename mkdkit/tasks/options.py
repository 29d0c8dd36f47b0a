"""Options that are named and not chosen: "(A), not (B)", "it cannot be (B)", "(B) is too late"."""

import re

_OPTION = r"(?:[Oo]ption |[Cc]hoice )?"
_EXCLUDED = re.compile(
    r"(?:\b(?:not|nor|neither|than|instead of|unlike|except)|(?:\bcannot|n['\u2019]t|\bnot)(?: be)?"
    r"|\b(?:rules?|ruled|ruling) out|\beliminat(?:e|es|ed|ing))"
    rf" {_OPTION}(?:\([A-G]\)(?:,|,? n?or|, n?or) {_OPTION})*$"
)
_REFUSED = re.compile(
    r" (?:is|was|would be|does|can)(?:not|n['\u2019]t| (?:not|wrong|incorrect|false|impossible|too"
    r"|a day|off|out|ruled out|eliminated))\b"
)


def is_excluded(text: str, start: int) -> bool:
    """Return whether the words before the option at `start` exclude it: "it cannot be (B)"."""
    return _EXCLUDED.search(text[max(0, start - 60) : start]) is not None


def is_refused(text: str, end: int) -> bool:
    """Return whether the words behind the option that ends at `end` refuse it: "(B) is wrong".

    Where a question asks what is *not* so, "(B) is not" chooses B: this is for checks, which
    may be silent, and no rule for finding answers.
    """
    return _REFUSED.match(text, end) is not None
