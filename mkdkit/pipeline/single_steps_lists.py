"""Pre-training text about lists and pairs: entries, option letters, who acts, the same or not."""

from datetime import date, timedelta
from random import Random

from mkdkit.pipeline.single_steps_numbers import american
from mkdkit.pipeline.single_steps_states import (
    BREAKS,
    STYLES,
    TWO_STATES,
    denied,
    list_size,
    some_items,
    write_state,
)
from mkdkit.pipeline.single_steps_words import ORDINALS, again, ask, join_up, name, names

LETTERS = "ABCDEF"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MARKS = ("({})", "({})", "{})", "[{}]", "{}.", "{}:", "<{}>", "{} -")
APART = (", ", "; ", " or ", " / ", " - ", " | ")  # between options
CHOSEN = (  # {m} has the letter of {v}
    "{v} --> {m};",
    "{v} is option {m};",
    "{v}, so {m};",
    "{v}, that is {m};",
    "{v}, option {m};",
    "{v} has {m};",
    "{v} = {m};",
    "It is {v}; {m};",
    "{n} wants {v}; {m};",
    "{v}? {m};",
    "With {v} goes {m};",
)
ALONE = (" --> «{}»", " So «{}»", " Answer: «{}»")  # a letter once more, without its mark
CHOSEN_WORDS = ("{v} is {m}.", "{v}: {m}", "{v}; {m}", "{v} ({m})", "{n} wants {v}, so {m}")
ROWS = ('"{}"', "{}", "[{}]", "Row: {}", "In a row: {}", "The row {}", 'They are "{}"')
BETWEEN = (" ", " ", "; ", " and ", " / ")
LISTS = (  # how a row is written once more: an entry with its number, what stands between entries
    ("{k}. {e}", "\n"),
    ("{k}) {e}", "\n"),
    ("- {e}", "\n"),
    ("{e}", "\n"),
    ("{e}", " | "),
    ("{e}", "; "),
    ('"{e}"', ", "),
    ("{k}: {e}", ", "),
)


def reading_out(rng: Random, level: float) -> str:
    """A row of names or things, and its entries one by one: all, the n-th, the next, how many."""
    n = list_size(rng, level)
    entries = names(rng, n) if rng.random() < 0.75 else some_items(rng, n)
    row = rng.choice(ROWS).format(rng.choice(BETWEEN).join(entries))
    if rng.random() < 0.6:
        return f"{row}{rng.choice(BREAKS)}{_listed(rng, entries)}"
    asked = [_entry(rng, entries, rng.randrange(n)) for _ in range(rng.randint(1, 4))]
    return f"{row}{rng.choice(BREAKS)}{join_up(rng, asked)}"


def _listed(rng: Random, entries: list[str]) -> str:
    entry, between = rng.choice(LISTS)
    lines = [entry.format(k=k, e=f"«{e}»") for k, e in enumerate(entries, 1)]
    lead = rng.choice(("One by one: ", "Apart:\n", "The entries:\n", "Listed: "))
    return f"{lead}{between.join(lines)}"


def _entry(rng: Random, entries: list[str], place: int) -> str:
    entry, which = entries[place], ORDINALS[place]
    forms = [
        f"The {which} is «{entry}».",
        f"{which}: «{entry}»",
        f"entry {place + 1}: «{entry}»",
        f"{entry} is «{which}».",
        ask(rng, f"Which one is {which}?", entry),
    ]
    if place:
        forms += [f"Right after {entries[place - 1]} comes «{entry}»."] * 2
    if place == len(entries) - 1:
        forms += [f"The last one is «{entry}».", f"There are «{len(entries)}» of them."]
    return rng.choice(forms)


def who_acts(rng: Random, level: float) -> str:
    """Some people act, others do not; then who does what, in any order, or all who act."""
    act = rng.choice(TWO_STATES)[-1]
    people = names(rng, list_size(rng, level))
    acts = [rng.random() < 0.5 for _ in people]
    told = [
        f"{person} {act if does else rng.choice(denied(act))}"
        for person, does in zip(people, acts, strict=True)
    ]
    story = f"{rng.choice(('; ', ', ', '. ')).join(told)}.{rng.choice(BREAKS[1:])}"
    if rng.random() < 0.3:
        active = [person for person, does in zip(people, acts, strict=True) if does]
        asked = rng.choice(("Those who do", "Active", "People acting"))
        return f"{story}{asked}: «{'; '.join(active) or 'none'}»"
    order = rng.sample(range(len(people)), rng.randint(1, len(people)))
    if rng.random() < 0.5:
        order.sort()
    return story + join_up(rng, [_act(rng, people[k], acts[k]) for k in order])


def _act(rng: Random, person: str, does: bool) -> str:
    who, word = again(person), "yes" if does else "no"
    return rng.choice(
        (
            f"{who}: «{word}»",
            f"{who}? «{word}»",
            f"{who} «{'acts' if does else 'does nothing'}».",
            ask(rng, f"Does {who} act?", word),
        )
    )


def options(rng: Random, level: float) -> str:
    """Lettered options: which letter has a value, which value has a letter."""
    n = rng.randint(2, 6) if level > 0.2 else rng.randint(2, 4)
    values = _values(rng, n)
    is_dates = "/" in values[0]
    letters = LETTERS if rng.random() < 0.8 else rng.sample(ALPHABET, n)
    # options are set another way than the evaluated questions set them
    mark = rng.choice(MARKS[2:] if is_dates else MARKS)
    plain = APART if is_dates else (*APART, " ", " ", "\n")
    between = rng.choice(APART[1:] if mark == "({})" else plain)
    pairs = list(zip(letters, values, strict=False))
    listed = between.join(f"{mark.format(letter)} {value}" for letter, value in pairs)
    lead = rng.choice(("Options: ", "Choose from ", "Choices:\n", "", "The list: "))
    if rng.random() < 0.5:
        mark = rng.choice(MARKS)  # of what is chosen
    lines = [_option(rng, *pair, mark) for pair in rng.sample(pairs, rng.randint((n + 1) // 2, n))]
    end = rng.choice(BREAKS[1:] if is_dates else BREAKS)
    # what is chosen was mostly spoken of before: its place beside a letter is one among others
    before, after = (_mentions(rng, values) if rng.random() < share else "" for share in (0.3, 0.6))
    return f"{before}{lead}{listed}{end}{after}{join_up(rng, lines)}"


def _option(rng: Random, letter: str, value: str, mark: str) -> str:
    """One option chosen: its letter from its value, seldom the other way round."""
    if rng.random() < 0.15:
        asked = mark.format(letter)
        is_told = "/" not in value and rng.random() < 0.5
        return f"{asked} is «{value}»;" if is_told else ask(rng, f"What is {asked}?", value)
    alone = rng.choice(ALONE).format(letter) if rng.random() < 0.3 else ""
    if rng.random() < 0.2:
        return ask(rng, f"Which one is {value}?", mark.format(letter)) + (alone or ";")
    form = rng.choice(CHOSEN if "/" in value else (*CHOSEN, *CHOSEN_WORDS))
    return form.format(v=value, m=mark.format(f"«{letter}»"), n=name(rng)) + alone


def _mentions(rng: Random, values: list[str]) -> str:
    """The values once or twice more, in any order, as a row or with who has them."""
    spoken = rng.sample(values * 2, rng.randint(2, min(8, 2 * len(values))))
    end = rng.choice(BREAKS[1:] if "/" in values[0] else BREAKS)  # no date ends a sentence here
    if rng.random() < 0.5:
        return f"{rng.choice(('; ', ' and ', ' + ')).join(spoken)}{end}"
    pair, between = rng.choice(STYLES)
    if "/" in values[0] and between == ". ":
        between = "; "
    return f"{write_state(names(rng, len(spoken)), spoken, (pair, between))}{end}"


def _values(rng: Random, n: int) -> list[str]:
    """N different values: things, numbers, names, or dates that lie near one another."""
    kind = rng.random()
    if kind < 0.3:
        return some_items(rng, n)
    if kind < 0.4:
        return [str(v) for v in rng.sample(range(200), n)]
    if kind < 0.5:  # the other half are dates: which of six is hard to see where two digits differ
        return names(rng, n)
    first = date(rng.randint(1950, 2050), rng.randint(1, 12), rng.randint(1, 28))
    days = rng.sample((-365, -31, -14, -7, -3, -2, -1, 0, 1, 2, 3, 7, 14, 31, 365), n)
    return [american(first + timedelta(k)) for k in days]


def sameness(rng: Random, level: float) -> str:
    """Pairs of values: whether the second is the first once more."""

    def one() -> str:
        wanted, other = _values(rng, 2) if rng.random() < 0.5 else rng.choice(TWO_STATES)[1:3]
        if rng.random() < 0.5:
            wanted, other = other, wanted
        same = rng.random() < 0.5
        found = wanted if same else other
        return rng.choice(
            (
                f"{wanted} and {found}: «{'the same' if same else 'different'}»",
                f"wanted: {wanted}; found: {found}; «{'yes' if same else 'no'}»",
                f"{wanted}? {found}: «{'yes' if same else 'no'}»",
                f"{wanted} is wanted; here is {found}, «{'the same' if same else f'not {wanted}'}»",
            )
        )

    return join_up(rng, [one() for _ in range(rng.randint(1, 5))])
