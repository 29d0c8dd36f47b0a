"""Last letter concatenation: join the last letters of some names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mkdkit.tasks.forms import fit, listed
from mkdkit.tasks.names import NAMES

TEMPLATES = {
    "quoted": 'Write the last letter of each name in "{words}" one after another.',
    "listed": "The names are {words}. What do you get if you join their last letters in order?",
    "after": "Here is a row of names: {words}. Which word do their last letters make?",
}
_MARKS = ".,;:!?\"'()\u2018\u2019\u201c\u201d"  # that may stand around a word


@dataclass(frozen=True, slots=True)
class Words:
    """The words whose last letters are joined."""

    template: str  # "published" if the wording is not ours
    words: tuple[str, ...]


def make(rng: Random, *, steps: int, objects: int = 3) -> Words:
    """Return `steps` different names; `objects` has no use."""
    return Words(rng.choice(list(TEMPLATES)), tuple(rng.sample(NAMES, steps)))


def write(words: Words, rng: Random) -> str:
    """Return the question's text; `rng` has no use, a template has one form."""
    joined = listed(words.words) if words.template == "listed" else " ".join(words.words)
    return TEMPLATES[words.template].format(words=joined)


def read(text: str) -> Words | None:
    """Return the words of a question, ours or one with its words in quotes; None if neither.

    Marks around a word are no part of it: "Ann, Bob, Lou" are Ann, Bob and Lou.
    """
    for template, form in TEMPLATES.items():
        found = fit(form, text.strip())
        if found:
            separator = r", | and " if template == "listed" else r" "
            return _words(template, re.split(separator, found["words"]))
    quoted = re.findall(r'"([^"]{1,200})"', text)
    if len(quoted) != 1 or "last letter" not in text:
        return None
    if "," in quoted[0] and " and " in quoted[0]:
        return None  # "Ann, Bob and Lou": is "and" one of the words?
    return _words("published", quoted[0].split())


def _words(template: str, written: Sequence[str]) -> Words | None:
    words = tuple(bare for word in written if (bare := word.strip(_MARKS)))
    return Words(template, words) if words else None


def answer(words: Words) -> str:
    """Return the last letters, joined, in lower case."""
    return "".join(word[-1] for word in words.words).lower()
