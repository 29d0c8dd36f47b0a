"""Names, nouns and question forms of the pre-training text."""

from pathlib import Path
from random import Random

from mkdkit.models.tiny_tokenizer import read_sections, read_words
from mkdkit.tasks.names import NAMES, SHORTEST_NAMES

_WORDS = read_sections(Path(__file__).with_name("single_steps_words.txt"))
FIRST_NAMES = _WORDS["first names"]
ITEMS = _WORDS["items"]
COLOURS = _WORDS["colours"]
PLURALS = _WORDS["plurals"]
PLACES = _WORDS["places"]
MONTHS = _WORDS["months"]
WEEKDAYS = _WORDS["weekdays"]
COUNTS = _WORDS["counts"]  # zero to ten
ONSETS = _WORDS["onsets"]
VOWELS = _WORDS["vowels"]
# every word that is a token of its own: one that was never read could not be copied later
VOCABULARY = [word for word in read_words()[0] if len(word) > 2]
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
EVALUATED = {*NAMES, *SHORTEST_NAMES}
CODAS = ["", "", "", *_WORDS["codas"]]  # a syllable in seven is open


def name(rng: Random) -> str:
    """A first name, half of the time one put together from syllables; none that is evaluated."""
    if rng.random() < 0.5:
        return rng.choice(FIRST_NAMES)
    made_up = syllables(rng, rng.choice((1, 1, 1, 2))).capitalize()
    return name(rng) if made_up in EVALUATED else made_up


def syllables(rng: Random, n: int) -> str:
    """A made-up word of n syllables, in small letters; it can begin with a vowel."""
    parts = [rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(n)]
    word = "".join(parts)
    return word.lstrip("bcdfghjklmnprstvwyz") or word if n > 1 and rng.random() < 0.2 else word


def names(rng: Random, n: int) -> list[str]:
    """N names with different first letters, so that one is enough to tell whose the rest is."""
    chosen: dict[str, str] = {}
    while len(chosen) < n:
        new = name(rng)
        chosen.setdefault(new[0], new)
    return list(chosen.values())


def holders(rng: Random, n: int) -> list[str]:
    """N that can have something: people, or now and then words, lest only names be looked up."""
    return rng.sample(VOCABULARY, n) if rng.random() < 0.4 else names(rng, n)


def again(holder: str) -> str:
    """A name that was written before: after its first letter the rest can be known.

    A common word is one token, and which one comes cannot be known.
    """
    return f"{holder[0]}«{holder[1:]}»" if holder[0].isupper() else holder


def ask(rng: Random, question: str, answer: str) -> str:
    """One question and its answer; the answer stands between « and »."""
    form = rng.choice(
        (
            "Q: {q}\nA: «{a}»",
            "Q: {q}\nA: --> «{a}»",
            "{q} --> «{a}»",
            "{q} --> «{a}»",
            "{q} ### --> «{a}»",  # as fine-tuned models are asked
            "{q} ### «{a}»",
            "{q} «{a}»",
            "{q}\n«{a}»",
            "Question: {q}\nAnswer: «{a}»",
        )
    )
    return form.format(q=question, a=answer)


def join_up(rng: Random, parts: list[str]) -> str:
    """Several short texts as one: on lines of their own, or one after another."""
    return rng.choice(("\n", " ", " ")).join(parts)
