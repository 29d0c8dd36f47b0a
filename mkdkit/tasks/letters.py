"""Last letter concatenation: join the last letters of some names."""

import re
from dataclasses import dataclass
from random import Random

from mkdkit.tasks.forms import fit, listed
from mkdkit.tasks.names import NAMES

TEMPLATES = {
    "quoted": 'Write the last letter of each name in "{words}" one after another.',
    "listed": "The names are {words}. What do you get if you join their last letters in order?",
    "after": "Here is a row of names: {words}. Which word do their last letters make?",
}


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
    """Return the words of a question, ours or one with its words in quotes; None if neither."""
    for template, form in TEMPLATES.items():
        found = fit(form, text.strip())
        if found:
            separator = r", | and " if template == "listed" else r" "
            return Words(template, tuple(re.split(separator, found["words"])))
    quoted = re.findall(r'"([^"]{1,200})"', text)
    if len(quoted) != 1 or "last letter" not in text or not quoted[0].split():
        return None
    return Words("published", tuple(quoted[0].split()))


def answer(words: Words) -> str:
    """Return the last letters, joined, in lower case."""
    return "".join(word[-1] for word in words.words).lower()
