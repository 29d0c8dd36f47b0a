"""Coin flip: a thing of two states that some people turn.

Questions are read in our wording and in the published one.
"""

import re
from dataclasses import dataclass
from random import Random

from mkdkit.tasks.forms import fit, sentences
from mkdkit.tasks.names import SHORT_NAMES, some_names


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of question is written."""

    start: str
    acts: str
    idles: str
    ask: str
    states: tuple[str, str]


TEMPLATES = {
    "coin": Form(
        "A coin is {s} up at the start.",
        "{p} flips it.",
        "{p} does not flip it.",
        "Is the coin {s} up at the end?",
        ("heads", "tails"),
    ),
    "lamp": Form(
        "A lamp is {s} at first.",
        "{p} presses the switch.",
        "{p} does not press the switch.",
        "Is the lamp {s} at the end?",
        ("on", "off"),
    ),
    "door": Form(
        "A door is {s} in the morning.",
        "{p} pushes the button.",
        "{p} does not push the button.",
        "Is the door {s} at the end?",
        ("open", "closed"),
    ),
    "lid": Form(
        "The lid of a box is {s} to begin with.",
        "{p} pushes it.",
        "{p} does not push it.",
        "Is the lid {s} at the end?",
        ("up", "down"),
    ),
}
_PUBLISHED_START = re.compile(r"^(?:Q: )?A coin is (heads|tails) up\.")
_PUBLISHED_TURN = re.compile(r"(\w{1,60}) (flips|does not flip) the coin\.")
_PUBLISHED_ASK = re.compile(r"Is the coin still (heads|tails) up\?")


@dataclass(frozen=True, slots=True)
class Flips:
    """A state at the start, who turns it and who does not, and the state asked about."""

    template: str  # "published" if the wording is not ours
    states: tuple[str, str]
    start: int  # which of the two states
    turns: tuple[tuple[str, bool], ...]
    asked: int  # which of the two states

    @property
    def words(self) -> list[str]:
        """The state at the start, and after each person."""
        state, words = self.start, [self.states[self.start]]
        for _, acts in self.turns:
            state ^= acts
            words.append(self.states[state])
        return words


def make(rng: Random, *, steps: int, objects: int = 3) -> Flips:
    """Return flips by `steps` people, each turning it or not by chance; `objects` has no use."""
    template = rng.choice(list(TEMPLATES))
    people = some_names(rng, SHORT_NAMES, steps)
    turns = tuple((person, rng.random() < 0.5) for person in people)
    states = TEMPLATES[template].states
    return Flips(template, states, rng.randrange(2), turns, rng.randrange(2))


def write(flips: Flips, rng: Random) -> str:
    """Return the question's text; `rng` has no use, a template has one form."""
    form = TEMPLATES[flips.template]
    turns = [(form.acts if acts else form.idles).format(p=person) for person, acts in flips.turns]
    start, asked = flips.states[flips.start], flips.states[flips.asked]
    return " ".join([form.start.format(s=start), *turns, form.ask.format(s=asked)])


def read(text: str) -> Flips | None:
    """Return the flips a question is about, ours or of the published wording; None if neither."""
    first, *middle = sentences(text)
    for template, form in TEMPLATES.items():
        start = fit(form.start, first)
        ask = fit(form.ask, middle[-1]) if middle else None
        if not start or not ask or not {start["s"], ask["s"]} <= set(form.states):
            continue
        turns = []
        for sentence in middle[:-1]:
            idle, act = fit(form.idles, sentence), fit(form.acts, sentence)
            if idle is None and act is None:
                return None
            turns.append(((idle or act or {})["p"], idle is None))
        asked = form.states.index(ask["s"])
        return Flips(template, form.states, form.states.index(start["s"]), tuple(turns), asked)
    return _read_published(text)


def _read_published(text: str) -> Flips | None:
    start, ask = _PUBLISHED_START.search(text.strip()), _PUBLISHED_ASK.search(text)
    turns = tuple((turn[1], turn[2] == "flips") for turn in _PUBLISHED_TURN.finditer(text))
    if not start or not ask or not turns:
        return None
    states = ("heads", "tails")
    return Flips("published", states, states.index(start[1]), turns, states.index(ask[1]))


def answer(flips: Flips) -> str:
    """Return "yes" if the state at the end is the one asked about, else "no"."""
    return "yes" if flips.words[-1] == flips.states[flips.asked] else "no"
