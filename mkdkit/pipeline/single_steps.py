"""The pre-training text: rule-made single steps in many forms, drawn without end from a seed.

What can be worked out is written between « and »; the marks are taken out, and what stood between
them counts in full in the loss, the rest (which names, which numbers) for little. Chains of steps
and the evaluated tasks' own wording are left out: chaining is what rationales must teach.
"""

from collections.abc import Callable
from random import Random

from mkdkit.pipeline import single_steps_events as events
from mkdkit.pipeline import single_steps_letters as letters
from mkdkit.pipeline import single_steps_lists as lists
from mkdkit.pipeline import single_steps_numbers as numbers
from mkdkit.pipeline import single_steps_states as states

Episode = tuple[str, list[tuple[int, int]]]  # the text, and the character spans that can be known

SKILLS: dict[str, tuple[Callable[[Random, float], str], float, float]] = {
    # skill: (writer, share of the episodes at the start, share later)
    "equations": (numbers.equations, 0.3, 3.0),
    "small_story": (numbers.small_story, 0.1, 1.5),
    "comparison": (numbers.comparison, 0.1, 0.5),
    "parity": (numbers.parity, 0.1, 0.3),
    "dates": (numbers.dates, 0.1, 5.0),
    "one_letter": (letters.one_letter, 0.3, 2.0),
    "spelling": (letters.spelling, 0.5, 0.5),
    "joining": (letters.joining, 0.1, 0.5),
    "reading_out": (lists.reading_out, 1.5, 1.5),
    "look_ups": (states.look_ups, 6.0, 3.0),
    "copying": (states.copying, 5.0, 2.0),
    "one_swap": (states.one_swap, 6.0, 6.0),
    "events": (events.events, 0.1, 2.5),
    "toggles": (states.toggles, 0.1, 1.2),
    "who_acts": (lists.who_acts, 0.2, 1.5),
    "options": (lists.options, 1.0, 14.0),  # a letter is found last of all
    "sameness": (lists.sameness, 0.1, 1.5),
}
# Reading comes first: a model that finds and copies what was said learns all else faster.
FIRST = 0.15  # share of the training that has the shares of the start
LATER = 0.4  # share of the training after which list lengths and shares are the later ones


def episode(skill: str, rng: Random, level: float = 1.0) -> Episode:
    """One short text of `skill`; `level` from 0 (short lists, small numbers) to 1.

    Raises:
        ValueError: there is no such skill.
    """
    if skill not in SKILLS:
        raise ValueError(f"the skills are {', '.join(SKILLS)}; got {skill!r}")
    return unmark(SKILLS[skill][0](rng, level))


def unmark(marked: str) -> Episode:
    """The text without its « and », and where they stood."""
    text, spans = "", []
    for number, part in enumerate(marked.replace("»", "«").split("«")):
        if number % 2:
            spans.append((len(text), len(text) + len(part)))
        text += part
    return text, spans


def episodes(n: int, seed: str, progress: float) -> list[Episode]:
    """N episodes for the training's `progress` (0 to 1); the same seed gives the same ones."""
    rng = Random(seed)
    level = min(1.0, progress / LATER)
    mixed = min(1.0, max(0.0, progress - FIRST) / (LATER - FIRST))
    shares = [start + (later - start) * mixed for _, start, later in SKILLS.values()]
    chosen = rng.choices(list(SKILLS), shares, k=n)
    return [episode(skill, rng, rng.uniform(level / 2, level)) for skill in chosen]
