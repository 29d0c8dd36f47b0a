"""Multi-step arithmetic, made by rule: a quantity that goes up and down, a step a sentence."""

from dataclasses import dataclass
from itertools import accumulate
from random import Random

from mkdkit.tasks.forms import fit, fit_one, sentences
from mkdkit.tasks.names import SHORT_NAMES

LARGEST = 99  # two digits: a model of a million parameters can do one such step
_THINGS = ("books", "cards", "cups", "eggs", "letters", "pens", "plums", "stamps")


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of story is written."""

    start: str
    gains: tuple[str, ...]
    losses: tuple[str, ...]
    ask: str


TEMPLATES = {
    "owner": Form(
        "{who} has {n} {things}.",
        ("{who} gets {x} more.", "{who} finds {x} more."),
        ("{who} gives away {x}.", "{who} loses {x}."),
        "How many {things} does {who} have now?",
    ),
    "bus": Form(
        "There are {n} people on a bus.",
        ("Then {x} people get on.", "At the next stop {x} people get on."),
        ("Then {x} people get off.", "At the next stop {x} people get off."),
        "How many people are on the bus now?",
    ),
    "shop": Form(
        "A shop starts the day with {n} {things}.",
        ("It buys {x} {things}.", "It gets {x} more {things}."),
        ("It sells {x} {things}.", "It sends back {x} {things}."),
        "How many {things} are in the shop at the end?",
    ),
    "points": Form(
        "{who} starts a game with {n} points.",
        ("In the next round {who} earns {x}.", "Then {who} earns {x}."),
        ("In the next round {who} loses {x}.", "Then {who} loses {x}."),
        "With how many points does {who} end?",
    ),
    "tank": Form(
        "A tank holds {n} cups of water.",
        ("{who} puts in {x} cups.", "{who} adds {x} cups."),
        ("{who} takes out {x} cups.", "{who} uses {x} cups."),
        "How many cups of water are in the tank now?",
    ),
}


@dataclass(frozen=True, slots=True)
class Story:
    """A start, and what is added (or, below zero, taken away) in each step."""

    template: str
    start: int
    changes: tuple[int, ...]
    who: str = ""
    things: str = ""

    @property
    def values(self) -> list[int]:
        """The start, and the quantity after each step."""
        return list(accumulate(self.changes, initial=self.start))


def make(rng: Random, *, steps: int, objects: int = 3) -> Story:
    """Return a story of `steps` changes, every value from 0 to `LARGEST`; `objects` has no use."""
    start = value = rng.randint(10, 90)
    changes: list[int] = []
    while len(changes) < steps:
        change = rng.choice((-1, 1)) * rng.randint(2, 39)
        if 0 <= value + change <= LARGEST and changes[-1:] != [-change]:
            changes.append(change)
            value += change
    template = rng.choice(list(TEMPLATES))
    return Story(template, start, tuple(changes), rng.choice(SHORT_NAMES), rng.choice(_THINGS))


def write(story: Story, rng: Random) -> str:
    """Return the question's text; `rng` chooses among a template's sentences."""
    form = TEMPLATES[story.template]
    gaps = {"who": story.who, "things": story.things}
    steps = [
        rng.choice(form.gains if x > 0 else form.losses).format(x=abs(x), **gaps)
        for x in story.changes
    ]
    return " ".join([form.start.format(n=story.start, **gaps), *steps, form.ask.format(**gaps)])


def read(text: str) -> Story | None:
    """Return the story a question tells; None if it is not one of `TEMPLATES`."""
    first, *middle = sentences(text)
    ask = middle.pop() if middle else ""
    for template, form in TEMPLATES.items():
        told = fit(form.start, first)
        if told is None or not _is_about(told, fit(form.ask, ask)) or not told["n"].isdecimal():
            continue
        changes = []
        for sentence in middle:
            change = _read_change(form, sentence, told)
            if change is None:
                return None
            changes.append(change)
        who, things = told.get("who", ""), told.get("things", "")
        return Story(template, int(told["n"]), tuple(changes), who, things)
    return None


def _read_change(form: Form, sentence: str, told: dict[str, str]) -> int | None:
    """Return by how much a sentence changes what was told; None for "Ann gets two more."."""
    gain, loss = fit_one(form.gains, sentence), fit_one(form.losses, sentence)
    found = gain or loss
    if found is None or not _is_about(told, found) or not found["x"].isdecimal():
        return None
    return int(found["x"]) * (1 if gain else -1)


def _is_about(told: dict[str, str], found: dict[str, str] | None) -> bool:
    """Return whether a sentence was read, and names whom and what the start names, if any."""
    if found is None:
        return False
    return all(told.get(gap, found[gap]) == found[gap] for gap in found if gap in ("who", "things"))


def answer(story: Story) -> str:
    """Return the quantity at the end."""
    return str(story.values[-1])
