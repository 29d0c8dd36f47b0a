"""Pre-training text about letters: one letter of one word, spelling, joining given letters."""

from random import Random

from mkdkit.pipeline.single_steps_words import (
    MONTHS,
    ORDINALS,
    VOCABULARY,
    ask,
    join_up,
    name,
    syllables,
)

ALPHABET = "abcdefghijklmnopqrstuvwxyz" + 2 * "aeionrsltyd"  # endings of names more often


def _word(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return name(rng)
    if kind < 0.85:
        return syllables(rng, rng.randint(1, 3))
    return rng.choice(MONTHS) if kind < 0.9 else rng.choice(VOCABULARY)


def _quoted(rng: Random, text: str) -> str:
    return f'"{text}"' if rng.random() < 0.6 else text


def one_letter(rng: Random, level: float) -> str:
    """The last, first or n-th letter of a word; several words, unconnected."""
    return join_up(rng, [_one_letter(rng) for _ in range(rng.randint(2, 6))])


def _one_letter(rng: Random) -> str:
    word = _word(rng)
    small = word.lower()
    kind = rng.random()
    if kind < 0.6:
        which, letter = rng.choice(("last", "last", "final")), small[-1]
    elif kind < 0.8:
        which, letter = "first", small[0]
    else:
        place = rng.randrange(min(len(small), len(ORDINALS)))
        which, letter = ORDINALS[place], small[place]
    w, x = _quoted(rng, word), _mark(rng, letter)
    forms = [
        f"{w}: {which} letter {x}",
        f"{w} {which}: {x}",
        f"{w} ({which}) {x};",
        f"{which} of {w}: {x}",
        f"{which} letter in {w} = {x}",
        f"In {w} the {which} letter is {x}.",
        f"{w} has {x} as its {which} letter.",
        ask(rng, f"Which letter is {which} in {w}?", letter),
    ]
    if which in ("last", "final"):
        forms += [f"{w} - {x};", f"{w} ({x}),"]
        forms += [f"{w} ends on {x}.", f"{w} ends with {x}.", f"{w} -> {x}", f"end of {w}: {x}"]
    return rng.choice(forms)


def _mark(rng: Random, text: str) -> str:
    return f'"«{text}»"' if rng.random() < 0.5 else f"«{text}»"


def spelling(rng: Random, level: float) -> str:
    """A word taken apart into its letters, or put together from them."""

    def one() -> str:
        word = _word(rng)
        small, w = word.lower(), _quoted(rng, word)
        return rng.choice(
            (
                f"{w} is spelled «{'-'.join(small)}».",
                f"The letters of {w}: «{', '.join(small)}»",
                f"spell {w}: «{' '.join(small)}»",
                f"{rng.choice((' ', '-', ', ')).join(small)} spells {_mark(rng, small)}",
                f"{w} in small letters: {_mark(rng, small)}",
                f"{w} has «{len(word)}» letters.",
            )
        )

    return join_up(rng, [one() for _ in range(rng.randint(1, 4))])


def joining(rng: Random, level: float) -> str:
    """Two to four given letters made into one string."""

    def one() -> str:
        letters = rng.choices(ALPHABET, k=rng.choice((2, 2, 3) if level < 0.2 else (2, 3, 4)))
        joined = "".join(letters)
        quoted = [f'"{letter}"' for letter in letters]
        listed = ", ".join(quoted[:-1]) + " and " + quoted[-1]
        return rng.choice(
            (
                f"{listed} gives {_mark(rng, joined)}.",
                f"{listed} together: {_mark(rng, joined)}",
                f"{' + '.join(letters)} = «{joined}»",
                f"{'; '.join(quoted)} = {_mark(rng, joined)}",
                f"{', '.join(letters)} joined is {_mark(rng, joined)}",
                f"{' and '.join(letters)} make {_mark(rng, joined)}.",
                ask(rng, f"Join the letters {', '.join(letters)}.", joined),
                ask(rng, f"What do you get from {' '.join(letters)} as one string?", joined),
            )
        )

    return join_up(rng, [one() for _ in range(rng.randint(2, 6))])
