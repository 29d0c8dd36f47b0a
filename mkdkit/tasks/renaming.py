"""The same question about other things, so that what is learnt is the swaps and not the things.

The published questions of tracking shuffled objects are about 47 things. A small model that is
trained on 425 of them learns by heart which thing follows which, and does not track the things of
other questions. Renamed in question and rationale alike, the things can be any.
"""

import re
from collections.abc import Mapping, Sequence
from random import Random

from mkdkit.tasks import swaps

Names = Mapping[str, str]  # how a thing is called, in lower case -> what it is called now
LONGER = 0.2  # share of renamings in which a thing has two words


def draw_names(text: str, words: Sequence[str], rng: Random) -> Names | None:
    """Return other names for the things of a question; None if it is not about swaps.

    Of a thing's names the shortest is renamed: "red" of "red ball", "Pearl" of "The Pearl".

    Args:
        text: the question.
        words: lower-case words that the things may be called by.
        rng: draws them.
    """
    deal = swaps.read(text)
    if deal is None:
        return None
    old = [min(swaps.names_of(item, deal), key=len) for item in deal.items]
    new = rng.sample(words, len(old))
    if rng.random() < LONGER:
        others = rng.sample(words, len(old))
        new = [f"{word} {other}" for word, other in zip(new, others, strict=True)]
    return {
        before.lower(): after.title() if before[0].isupper() else after
        for before, after in zip(old, new, strict=True)
    }


def rename(text: str, names: Names) -> str:
    """Return a text with the things called by their other names, and "an" before a vowel only.

    >>> rename("Ann has an orange ball.", {"orange": "table"})
    'Ann has a table ball.'
    """
    longest_first = sorted(names, key=len, reverse=True)
    pattern = rf"\b(?:(an?) )?({'|'.join(map(re.escape, longest_first))})(?!\w)"

    def renamed(match: re.Match[str]) -> str:
        name = names[match[2].lower()]
        if match[1] is None:
            return name
        article = match[1][0] + ("n" if name[0] in "aeiouAEIOU" else "")
        return f"{article} {name}"

    return re.sub(pattern, renamed, text, flags=re.IGNORECASE)


def is_same_deal(before: str, after: str, names: Names) -> bool:
    """Return whether two questions are alike but for what their things are called."""
    one, other = swaps.read(before), swaps.read(after)
    if one is None or other is None:
        return False
    alike = (one.people, one.swaps, one.asked) == (other.people, other.swaps, other.asked)
    return alike and tuple(rename(item, names) for item in one.items) == other.items


def names_left(text: str, names: Names) -> set[str]:
    """Return words of the things' old names that a renamed text still has ("midfielder" alone)."""
    old = {word for name in names for word in re.findall(r"[a-z]{4,}", name)}
    new = {word.lower() for name in names.values() for word in name.split()}
    return (old - new) & set(re.findall(r"[a-z]+", text.lower()))
