"""Tracking shuffled objects: who has what after some swaps.

Questions are read in our wording and in the published one.
"""

import re
from dataclasses import dataclass
from random import Random

from mkdkit.tasks.forms import listed
from mkdkit.tasks.names import SHORTEST_NAMES, some_names

LETTERS = "ABCDEFG"


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of question is written, and the items it is about."""

    intro: str
    hold: str
    swap: str
    ask: str
    items: tuple[str, ...]


_COLOURS = ("black", "blue", "brown", "green", "orange", "pink", "purple", "red", "white", "yellow")
TEMPLATES = {
    "shirts": Form(
        "{who} each have a shirt.",
        "{p} has the {i} shirt",
        "{a} and {b} swap shirts.",
        "Which shirt does {p} have at the end?",
        _COLOURS,
    ),
    "things": Form(
        "{who} each hold one of these things.",
        "{p} has the {i}",
        "{a} and {b} swap what they hold.",
        "What does {p} have at the end?",
        ("ball", "book", "bottle", "box", "cup", "drum", "kite", "lamp", "map", "spoon"),
    ),
    "animals": Form(
        "{who} each walk with one of the animals.",
        "{p} has the {i}",
        "{a} and {b} swap animals.",
        "Which of the animals does {p} have at the end?",
        ("bird", "cat", "chicken", "dog", "elephant", "frog", "goat", "mouse"),
    ),
    "rooms": Form(
        "{who} each sit in one room.",
        "{p} is in the {i}",
        "{a} and {b} swap.",
        "Where is {p} at the end?",
        ("bathroom", "bedroom", "classroom", "garage", "hall", "kitchen", "library", "office"),
    ),
    "parts": Form(
        "{who} each have one part in a show.",
        "{p} is the {i}",
        "{a} and {b} swap.",
        "Which part does {p} have at the end?",
        ("baker", "dancer", "farmer", "guest", "mailman", "neighbor", "teacher", "waiter"),
    ),
}
_ORDER = ("First", "Then")  # the last swap begins with "Last"
_SWAP = re.compile(r"\b([A-Z]\w*) and ([A-Z]\w*) (?:swap|trade|switch|exchange)\b")
_OPTION = re.compile(r"\(([A-G])\)\s*([^()\n]{1,80}?)(?=,?\s*\([A-G]\)|[.,\s]*$)")


@dataclass(frozen=True, slots=True)
class Deal:
    """Who has which item at the start, the swaps, and who is asked about."""

    template: str  # "published" if the wording is not ours
    people: tuple[str, ...]
    items: tuple[str, ...]  # in the order of the people
    swaps: tuple[tuple[str, str], ...]
    asked: str
    options: tuple[str, ...]  # items in the order of their letters

    @property
    def states(self) -> list[dict[str, str]]:
        """Who has what at the start, and after each swap."""
        states = [dict(zip(self.people, self.items, strict=True))]
        for a, b in self.swaps:
            before = states[-1]
            states.append(before | {a: before[b], b: before[a]})
        return states


def make(rng: Random, *, steps: int, objects: int = 3) -> Deal:
    """Return a deal of `objects` items with `steps` swaps, no two alike after each other."""
    template = rng.choice(list(TEMPLATES))
    people = some_names(rng, SHORTEST_NAMES, objects)
    items = tuple(rng.sample(TEMPLATES[template].items, objects))
    swaps: list[tuple[str, str]] = []
    while len(swaps) < steps:
        a, b = rng.sample(people, 2)
        if not swaps or {a, b} != set(swaps[-1]):
            swaps.append((a, b))
    return Deal(template, people, items, tuple(swaps), rng.choice(people), items)


def write(deal: Deal, rng: Random) -> str:
    """Return the question's text; `rng` has no use, a template has one form."""
    form = TEMPLATES[deal.template]
    pairs = zip(deal.people, deal.items, strict=True)
    holds = listed([form.hold.format(p=p, i=i) for p, i in pairs])
    lines = []
    for number, (a, b) in enumerate(deal.swaps):
        word = "Last" if 0 < number == len(deal.swaps) - 1 else _ORDER[min(number, 1)]
        lines.append(f"{word}, {form.swap.format(a=a, b=b)}")
    intro = form.intro.format(who=listed(deal.people))
    options = " ".join(f"({a}) {i}" for a, i in zip(LETTERS, deal.options, strict=False))
    return " ".join([intro, f"{holds}.", *lines, form.ask.format(p=deal.asked), options])


def read(text: str) -> Deal | None:
    """Return the deal a question is about, ours or of the published wording; None if neither.

    Every item among the options must be held by one person at the start, and every swap be
    between two of these people.
    """
    swaps = list(_SWAP.finditer(text))
    options = list(_OPTION.finditer(text, swaps[-1].end())) if swaps else []
    if len(options) < 2 or "".join(option[1] for option in options) != LETTERS[: len(options)]:
        return None
    items = {option[2].strip(): "" for option in options}
    start = text[: swaps[0].start()]
    for item in items:
        held = re.findall(rf"\b([A-Z]\w*) [a-z][a-z ]{{0,30}}?{re.escape(item)}(?!\w)", start)
        items[item] = held[-1] if held else ""
    people = set(items.values())
    question = text[swaps[-1].end() : options[0].start()]
    asked = [word for word in re.findall(r"\b[A-Z]\w*", question) if word in people]
    pairs = tuple((swap[1], swap[2]) for swap in swaps)
    known = all(person in people for pair in pairs for person in pair)
    if len(people) < len(items) or "" in people or not known or len(set(asked)) != 1:
        return None
    return Deal(_template(text), tuple(items.values()), tuple(items), pairs, asked[0], tuple(items))


def names_of(item: str, deal: Deal) -> set[str]:
    """Return how an item may be named: "red ball" also "red", "The Pearl" also "Pearl"."""
    last_words = {other.split()[-1] for other in deal.items}
    names = {item, item.removeprefix("The ")}
    if len(last_words) == 1 and " " in item:
        names.add(item.rpartition(" ")[0])
    return names


def _template(text: str) -> str:
    """Return which of our templates the text is; the sentence after the names tells."""
    for name, form in TEMPLATES.items():
        if form.intro.removeprefix("{who}") in text:
            return name
    return "published"


def answer(deal: Deal) -> str:
    """Return the letter of the item that the person asked about has at the end."""
    return LETTERS[deal.options.index(deal.states[-1][deal.asked])]
