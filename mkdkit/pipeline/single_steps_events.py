"""Pre-training text about events in a row, each read out in short; none is carried out."""

import itertools
from random import Random

from mkdkit.pipeline.single_steps_states import BREAKS, SWAPS, list_size
from mkdkit.pipeline.single_steps_words import ORDINALS, PLACES, PLURALS, ask, join_up, name, names

Told = tuple[str, str]  # a sentence, and what it says in short
GAINS = (
    "{n} finds {a} {p}.",
    "{a} {p} are brought in.",
    "{n} is given {a}.",
    "Another {a} arrive.",
    "{n} drops {a} into the {q}.",
    "{n} wins {a} {p}.",
    "{a} {p} come along.",
)
LOSSES = (
    "{n} breaks {a} {p}.",
    "{a} {p} are carried off.",
    "{n} hands out {a}.",
    "Some {a} roll away.",
    "{n} takes {a} from the {q}.",
    "{n} pays {a} {p}.",
    "{a} {p} go missing.",
)
DAYS = ("exam", "wedding", "concert", "visit", "picnic", "fair", "lesson", "march", "walk", "talk")
UNITS = ("day", "day", "week", "month", "year")
NEXT = ("", "", "Then: ", "Next: ", "Later: ", "After that: ")


def events(rng: Random, level: float) -> str:
    """Two to six events, then all of them in short, or some that are asked for by their place."""
    n = list_size(rng, 0.6 * level)
    told = rng.choice((_amounts, _amounts, _trades, _days))(rng, n)
    lead = rng.choice(NEXT)
    story = " ".join(f"{lead if k else ''}{sentence}" for k, (sentence, _) in enumerate(told))
    return f"{story}{rng.choice(BREAKS[1:])}{_read_out(rng, [short for _, short in told])}"


def _read_out(rng: Random, shorts: list[str]) -> str:
    kind = rng.random()
    if kind < 0.3:
        return "In short: " + "; ".join(f"«{short}»" for short in shorts)
    if kind < 0.6:
        between = rng.choice(("; ", "\n"))
        return between.join(f"{k}: «{short}»" for k, short in enumerate(shorts, 1))
    places = rng.sample(range(len(shorts)), rng.randint(1, min(3, len(shorts))))
    lines = []
    for place in places:
        which, short = ORDINALS[place], shorts[place]
        form = rng.choice((f"{which}: «{short}»", f"The {which} is «{short}».", ""))
        lines.append(form or ask(rng, f"Which is {which}?", short))
    return join_up(rng, lines)


def _amounts(rng: Random, n: int) -> list[Told]:
    """Gains and losses of one heap, in short with their sign."""
    who, things, place = name(rng), rng.choice(PLURALS), rng.choice(PLACES)
    told = []
    for _ in range(n):
        a, gain = rng.randint(2, 60), rng.random() < 0.5
        form = rng.choice(GAINS if gain else LOSSES)
        told.append((form.format(n=who, a=a, p=things, q=place), f"{'+' if gain else '-'} {a}"))
    return told


def _trades(rng: Random, n: int) -> list[Told]:
    """Trades between pairs out of three to five people, in short the pair."""
    people, told = names(rng, rng.randint(3, 5)), []
    for _ in range(n):
        a, b = rng.sample(people, 2)
        told.append((rng.choice(SWAPS).format(a=a, b=b), f"{a}, {b}"))
    return told


def _days(rng: Random, n: int) -> list[Told]:
    """Days that lie so long after or before another one, in short as a sum."""
    days, told = rng.sample(DAYS, n + 1), []
    for before, day in itertools.pairwise(days):
        k, unit, later = rng.randint(1, 9), rng.choice(UNITS), rng.random() < 0.5
        size = f"{k} {unit}{'s' if k > 1 else ''}"
        side = rng.choice(("after", "later than") if later else ("before", "earlier than"))
        sentence = f"The {day} comes {size} {side} the {before}."
        told.append((sentence, f"{before} {'+' if later else '-'} {size}"))
    return told
