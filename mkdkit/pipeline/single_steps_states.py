"""Pre-training text about who has what: look-ups, copies, one swap, one toggle."""

import itertools
from collections.abc import Sequence
from random import Random

from mkdkit.pipeline.single_steps_words import (
    COLOURS,
    ITEMS,
    VOCABULARY,
    again,
    ask,
    holders,
    join_up,
    name,
    names,
)

BREAKS = (". ", " ", "\n")  # between what is given and what follows from it
PAIRS = (  # how one pair is written
    *("{n}: {i}", "{n} - {i}", "{n} = {i}", "{n} ({i})", "{n}, {i}", "{n} / {i}", "{n}: a {i}"),
    *("{n} keeps the {i}", "{n} owns the {i}", "{n} now has the {i}", "{n} carries a {i}"),
    *("{n} got the {i}", "{n} with {i}", "{n} with the {i}", "{n} keeps: {i}"),
    *("the {i} is with {n}", "the {i} of {n}", "{i} for {n}", "{i} ({n})"),
)
BETWEEN = ("; ", "\n", " and ", ". ", ", ", "\n- ", " | ")  # what stands between pairs
EVALUATED_STYLES = {("{n}: {i}", ", "), ("{n} - {i}", "; "), ("{n}, {i}", ", ")}
STYLES = [style for style in itertools.product(PAIRS, BETWEEN) if style not in EVALUATED_STYLES]


def list_size(rng: Random, level: float) -> int:
    """How many entries a list has: two or three at level 0, up to seven later, mostly few."""
    most = 2 + min(5, int(1.5 + 6 * level))
    return min(rng.randint(2, most), rng.randint(3, most))


def some_items(rng: Random, n: int) -> list[str]:
    """N different things: words of any kind, one thing in several colours, colours, things."""
    kind = rng.random()
    if kind < 0.6:  # any word: a few could be told apart without being copied
        return rng.sample(VOCABULARY, n)
    if kind < 0.75:  # things of one kind, told apart by colour
        noun = rng.choice(ITEMS)
        return [f"{colour} {noun}" for colour in rng.sample(COLOURS, n)]
    if kind < 0.85:
        return rng.sample(COLOURS, n)
    if kind < 0.95:
        return rng.sample(ITEMS, n)
    return [f"{rng.choice(COLOURS)} {noun}" for noun in rng.sample(ITEMS, n)]


def _holders_and_items(rng: Random, n: int) -> tuple[list[str], list[str]]:
    """N holders and n things; sometimes the things are names too, as people stand in pairs."""
    if rng.random() < 0.12:
        both = names(rng, min(2 * n, 12))
        return both[: len(both) // 2], both[len(both) // 2 :]
    chosen, items = holders(rng, n), some_items(rng, n)
    # a word that stands for two could mean either
    return (chosen, items) if not {*chosen} & {*items} else _holders_and_items(rng, n)


def write_state(people: Sequence[str], items: Sequence[str], style: tuple[str, str]) -> str:
    """All pairs in one style, without an end mark."""
    pair, between = style
    return between.join(pair.format(n=n, i=i) for n, i in zip(people, items, strict=True))


def _marked(items: Sequence[str]) -> list[str]:
    return [f"«{item}»" for item in items]


def _look_up(rng: Random, person: str, item: str, item_first: bool) -> str:
    if item_first:
        return rng.choice(
            (
                f"The {item} is with «{person}».",
                f"{item}? «{person}»",
                f"{item}: «{person}»",
                ask(rng, f"Who has the {item}?", person),
                ask(rng, f"With whom is the {item}?", person),
            )
        )
    person = again(person)
    return rng.choice(
        (
            f"{person} has the «{item}».",
            f"{person} has «{item}».",
            f"{person}? «{item}»",
            f"{person}: «{item}»",
            f"With {person} is the «{item}».",
            ask(rng, f"What does {person} have?", item),
            ask(rng, f"What is with {person}?", item),
        )
    )


def look_ups(rng: Random, level: float) -> str:
    """Pairs of people and things, then questions in any order."""
    people, items = _holders_and_items(rng, list_size(rng, level))
    state = write_state(people, items, rng.choice(STYLES))
    by_item = rng.choice((0.0, 0.0, 0.5, 1.0))  # share of the questions that go from thing to name
    pairs = rng.sample(list(zip(people, items, strict=True)) * 2, 2 * len(people))
    queries = [_look_up(rng, person, item, rng.random() < by_item) for person, item in pairs]
    end = rng.choice((".\n", "\n", ". ", ". "))
    return state + end + join_up(rng, queries[: rng.randint(3, 8)])


def copying(rng: Random, level: float) -> str:
    """A list, a state or a row of words written once more."""
    n = list_size(rng, level)
    kind = rng.random()
    if kind < 0.3:
        people, items = _holders_and_items(rng, n)
        text = write_state(people, items, rng.choice(STYLES))
    elif kind < 0.4:
        text = rng.choice(("; ", " + ", " and ")).join(names(rng, n))
    elif kind < 0.9:
        text = " ".join(rng.choice(VOCABULARY) for _ in range(rng.randint(2, 4 + int(8 * level))))
    else:
        text = ", ".join(str(rng.randint(0, 200)) for _ in range(n))
    lead = rng.choice(("Again: ", "Once more: ", "Copy: ", "The same again: ", "Repeat: "))
    return f"{text}{rng.choice(BREAKS)}{lead}«{text}»"


SWAPS = (
    "{a} and {b} trade.",
    "{a} trades with {b}.",
    "What they have, {a} and {b} swap.",
    "{a} swaps with {b}.",
    "{a} exchanges with {b}.",
    "{a} and {b} change places.",
    "{a} and {b} trade places.",
    "Then a trade between {a} and {b}.",
    "Swap {a} and {b}.",
    "A swap: {a} with {b}.",
    "{a}, {b}: trade.",
    "What {a} has and what {b} has are exchanged.",
)


TOLD = (  # a swap told with what changes hands: {x} was of {a}, {y} of {b}
    "{a} gives {b} the {x} for the {y}.",
    "{a} (with the {x}) and {b} (with the {y}) trade.",
    "{a} hands over the {x}, {b} hands over the {y}.",
    "{a} had {x}, {b} had {y}, and they trade.",
    "{a} with {x} and {b} with {y} change places.",
)
ASIDES = (  # said after a swap, before the state
    "{a} trades with {b}, {b} with {a}.",
    "{b}: partner {a}; {a}: partner {b}.",
    "{a} had {x} and {b} {y}.",
    "{a} gave {x}; {b} gave {y}.",
)


def one_swap(rng: Random, level: float) -> str:
    """A state, one swap between two people, and the state or a part of it afterwards."""
    people, items = _holders_and_items(rng, min(list_size(rng, level), 5))
    style = rng.choice(STYLES)
    before = write_state(people, items, style)
    i, j = rng.sample(range(len(people)), 2)
    start = rng.choice(("", "Before: ", "Start: ", "The state: "))
    text = f"{start}{before}{rng.choice(BREAKS)}{_swap(rng, people, items, i, j)}"
    text += rng.choice(BREAKS[1:])
    items[i], items[j] = items[j], items[i]
    kind = rng.random()
    if kind < 0.65:
        return text + _state_after(rng, people, items, style)
    if kind < 0.8:
        lines = [_one_after(rng, people, items, a, b) for a, b in ((i, j), (j, i))]
        return text + join_up(rng, lines)
    asked = rng.sample(range(len(people)), rng.randint(1, len(people)))
    lines = [_look_up(rng, people[who], items[who], rng.random() < 0.2) for who in asked]
    return text + join_up(rng, lines)


def _swap(rng: Random, people: list[str], items: list[str], i: int, j: int) -> str:
    """One swap; half of the time it is said who trades with whom or who had what, a step less."""
    fill = {"a": again(people[i]), "b": again(people[j])}
    fill |= {"x": f"«{items[i]}»", "y": f"«{items[j]}»"}
    if rng.random() < 0.3:
        return rng.choice(TOLD).format(**fill)
    plain = rng.choice(SWAPS).format(**fill)
    if rng.random() < 0.3:
        return f"{plain} {rng.choice(ASIDES).format(**fill)}"
    return plain


def _state_after(rng: Random, people: list[str], items: list[str], style: tuple[str, str]) -> str:
    then = rng.choice(("Now ", "After: ", "Then ", "Result: ", ""))
    if rng.random() < 0.3:  # the names can be known too: they stay in their order
        return f"{then}«{write_state(people, items, style)}»."
    return then + write_state([again(person) for person in people], _marked(items), style) + "."


def _one_after(rng: Random, people: list[str], items: list[str], a: int, b: int) -> str:
    """What the swap with `b` means for `a`, sometimes said with whom it was."""
    person, other, item = again(people[a]), people[b], items[a]
    return rng.choice(
        (
            f"{person} gets the «{item}».",
            f"{person}: «{item}»",
            f"{person} trades with «{other}».",
            f"{person} gets from «{other}» the «{item}».",
        )
    )


TWO_STATES = (  # thing, one state, the other, the act
    ("lamp", "on", "off", "pulls the chain"),
    ("fan", "on", "off", "taps the button"),
    ("radio", "on", "off", "turns the key"),
    ("door", "open", "closed", "pulls the rope"),
    ("gate", "open", "closed", "pulls the rope"),
    ("drawer", "open", "closed", "gives it a push"),
    ("box", "locked", "open", "turns the key"),
    ("card", "face up", "face down", "turns it over"),
    ("plate", "heads", "tails", "turns it over"),
    ("tile", "heads up", "tails up", "rolls it over"),
    ("cup", "upright", "upside down", "turns it"),
)
IDLE = ("leaves it alone", "does nothing", "does not touch it", "only looks at it")


def toggles(rng: Random, level: float) -> str:
    """Things of two states, each changed once or left alone."""

    def one() -> str:
        thing, state, other, act = rng.choice(TWO_STATES)
        if rng.random() < 0.5:
            state, other = other, state
        acts = rng.random() < 0.6
        no = rng.choice((*IDLE, *denied(act)))
        after = other if acts else state
        who = name(rng)
        story = f"The {thing} is {state}. {who} {act if acts else no}."
        return rng.choice(
            (
                f"{story} Now it is «{after}».",
                f"{story} The {thing} is «{after}» now.",
                f"{thing} {state}; {who} {act if acts else no}; {thing} «{after}»",
                ask(rng, f"{story} Is it {state} or {other}?", after),
                ask(rng, f"{story} Is it still {state}?", "no" if acts else "yes"),
            )
        )

    return join_up(rng, [one() for _ in range(rng.randint(1, 4))])


def denied(act: str) -> tuple[str, str]:
    """The two ways to say that somebody does not do `act`."""
    verb, _, rest = act.partition(" ")
    return f"does not {verb[:-1]} {rest}", f"doesn't {verb[:-1]} {rest}"
