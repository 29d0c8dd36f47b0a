"""How the scripted teacher reasons: one function per family, puzzle -> sentences and answer.

Each step is one short sentence that says the state it leads to. A chain may hold one wrong step:
*carried*, when the next steps build on it, or *flawed*, when they build on the right state, as if
the wrong one had not been said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, Literal

from mkdkit.tasks import swaps
from mkdkit.tasks.arithmetic import LARGEST, Story
from mkdkit.tasks.coins import Flips
from mkdkit.tasks.dates import LETTERS, TEMPLATES, Course, move, slashed
from mkdkit.tasks.forms import listed
from mkdkit.tasks.letters import Words
from mkdkit.tasks.swaps import Deal

Wrong = Literal["carried", "flawed"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one chain is to be written."""

    style: int  # how steps are worded
    closing: int  # how it ends
    wrong: Wrong | None = None  # whether and how one step is wrong
    seed: str = ""  # which step, and what is said instead


@dataclass(frozen=True, slots=True)
class Chain:
    """The sentences of a chain of thought, and the answer it comes to."""

    sentences: list[str]
    answer: str


Step = tuple[Any, Any]  # the state a step starts from, and the state it says it leads to


def _walk(
    start: Any, moves: Sequence[Callable], slip: Callable, plan: Plan
) -> tuple[list[Step], Any]:
    """Return the steps from a start, one of them wrong if planned, and the state at the end."""
    rng = Random(plan.seed)
    at = rng.randrange(len(moves)) if plan.wrong else -1
    steps, state = [], start
    for number, step in enumerate(moves):
        right = step(state)
        said = slip(state, right, rng) if number == at else right
        steps.append((state, said))
        state = right if plan.wrong == "flawed" else said
    return steps, state


def add_up(story: Story, plan: Plan) -> Chain:
    """Write the chain of a multi-step sum: one equation a step."""
    moves = [lambda value, change=change: value + change for change in story.changes]
    steps, end = _walk(story.start, moves, _wrong_sum, plan)
    lines = []
    for number, ((before, after), change) in enumerate(zip(steps, story.changes, strict=True), 1):
        sign, word, size = ("+", "plus", change) if change > 0 else ("-", "minus", -change)
        more = "more" if change > 0 else "less"
        lines.append(
            (
                f"{before} {sign} {size} = {after}.",
                f"{size} {more}: {before} {sign} {size} = {after}.",
                f"{before} {word} {size} is {after}.",
                f"Step {number}: {before} {sign} {size} = {after}.",
            )[plan.style]
        )
    opening = f"{story.who or 'It'} starts with {story.start}."
    opening = (opening, f"At first {story.start}.", opening, f"Start: {story.start}.")[plan.style]
    closing = ([], [f"So the total is {end}."], [f"At the end: {end}."])[plan.closing]
    return Chain([opening, *lines, *closing], str(end))


def _wrong_sum(before: int, right: int, rng: Random) -> int:
    """Return a usual wrong result: one off, ten off (a forgotten carry), or the other sign."""
    wrong = [right - 10, right - 1, right + 1, right + 10, 2 * before - right]
    return rng.choice([value for value in wrong if 0 <= value <= LARGEST and value != right])


def turn(flips: Flips, plan: Plan) -> Chain:
    """Write the chain of a coin flip: the state after each person, or a count of the flips."""
    if plan.style == 2:
        return _count_turns(flips, plan)
    moves = [lambda state, acts=acts: state ^ acts for _, acts in flips.turns]
    steps, end = _walk(flips.start, moves, lambda before, right, rng: 1 - right, plan)
    lines = [f"{('Start: ', 'It is ')[plan.style]}{flips.states[flips.start]}."]
    for (person, acts), (_, after) in zip(flips.turns, steps, strict=True):
        state = flips.states[after]
        if plan.style == 0:
            lines.append(f"{person} {'turns it' if acts else 'does not'}: {state}.")
        else:
            lines.append(f"After {person} it is {'' if acts else 'still '}{state}.")
    return _closed(lines, flips, end, plan)


def _count_turns(flips: Flips, plan: Plan) -> Chain:
    rng = Random(plan.seed)
    turns = [person for person, acts in flips.turns if acts]
    if plan.wrong == "carried":  # one person too many, or one too few
        other = rng.choice([person for person, _ in flips.turns])
        turns = [p for p, acts in flips.turns if acts != (p == other)]
    odd = len(turns) % 2
    said_odd = 1 - odd if plan.wrong == "flawed" else odd
    people = (
        f"{listed(turns)} {'turn' if len(turns) > 1 else 'turns'} it"
        if turns
        else "No person turns it"
    )
    end = flips.start ^ odd
    lines = [
        f"{people}.",
        f"{len(turns)} is {'odd' if said_odd else 'even'}.",
        f"It starts {flips.states[flips.start]}.",
    ]
    return _closed(lines, flips, end, plan)


def _closed(lines: list[str], flips: Flips, end: int, plan: Plan) -> Chain:
    state, asked = flips.states[end], flips.states[flips.asked]
    answer = "yes" if end == flips.asked else "no"
    closing = (  # what is asked stands beside what is found: comparing them is a step, too
        f"At the end it is {state}, {'as asked' if end == flips.asked else f'not {asked}'}.",
        f"Is it {asked}? It is {state}: {answer}.",
        f"Asked for {asked}; it ends {state}: {answer}.",
    )
    return Chain([*lines, closing[plan.closing]], answer)


def join_letters(words: Words, plan: Plan) -> Chain:
    """Write the chain of a last-letter question: one word a step."""
    said = right = [word[-1].lower() for word in words.words]
    if plan.wrong:
        said = _with_wrong_letter(words.words, right, Random(plan.seed))
    joined = "".join(right if plan.wrong == "flawed" else said)
    lines = []
    for number, (word, letter) in enumerate(zip(words.words, said, strict=True), 1):
        so = f", so {joined[:number]}" if number > 1 else ""
        forms = (f"{word} ends in {letter}.", f'The last letter of "{word}" is "{letter}".')
        lines.append((*forms, f"{word}: {letter}{so}.")[plan.style])
    closing = (f"Together: {joined}.", f'We get "{joined}".', f"The letters make {joined}.")
    return Chain([*lines, closing[plan.closing]], joined)


def _with_wrong_letter(words: Sequence[str], right: Sequence[str], rng: Random) -> list[str]:
    """Return the last letters, one of them another letter of its word, mostly the one before."""
    at = rng.randrange(len(words))
    others = [letter for letter in words[at].lower()[::-1] if letter not in (right[at], "-", "'")]
    wrong = (others or ["x"])[0 if rng.random() < 0.7 else -1]
    return [wrong if number == at else letter for number, letter in enumerate(right)]


FULL_STATES = 3  # with more people than this, only the two who swapped are named after a swap


def track(deal: Deal, plan: Plan) -> Chain:
    """Write the chain of a tracking question: who has what after each swap."""

    def move_for(a: str, b: str) -> Callable[[dict], dict]:
        return lambda state: state | {a: state[b], b: state[a]}

    start = deal.states[0]
    moves = [move_for(a, b) for a, b in deal.swaps]
    steps, end = _walk(start, moves, _wrong_swap, plan)
    has, between = ((" ", ", "), (": ", ", "), (" - ", "; "))[plan.style]

    def state_of(state: dict[str, str], people: Sequence[str]) -> str:
        return between.join(f"{person}{has}{state[person]}" for person in people)

    lines = [("Start: ", "At first ", "")[plan.style] + state_of(start, deal.people) + "."]
    for (a, b), (before, after) in zip(deal.swaps, steps, strict=True):
        people = deal.people if len(deal.people) <= FULL_STATES else (a, b)
        x, y = before[a], before[b]
        opening = (
            f"{a} and {b} swap: {a} had {x}, {b} had {y}. Now ",
            f"{a} and {b} swap; {a} gives the {x}, {b} gives the {y}. So ",
            f"Then {a} and {b} swap, {x} for {y}; ",
        )
        lines.append(f"{opening[plan.style]}{state_of(after, people)}.")
    item = end[deal.asked]
    letter = swaps.LETTERS[deal.options.index(item)]
    closing = (
        f"{deal.asked}{has}{item}, so ({letter}).",
        f"So {deal.asked}{has}{item}, that is ({letter}).",
        f"At the end {deal.asked}{has}{item}. Option ({letter}).",
    )
    return Chain([*lines, closing[plan.closing]], letter)


def _wrong_swap(before: dict[str, str], right: dict[str, str], rng: Random) -> dict[str, str]:
    """Return a usual wrong state: the swap is forgotten, or done with a third person."""
    a, b = [person for person in before if before[person] != right[person]]
    others = [person for person in before if person not in (a, b)]
    if not others or rng.random() < 0.5:
        return dict(before)
    c = rng.choice(others)
    return before | {a: before[c], c: before[a]}


def go_through_dates(course: Course, plan: Plan) -> Chain:
    """Write the chain of a date question: the date of today and of each event."""
    moves = [lambda day, step=step: move(day, step.n, step.unit) for step in course.steps]
    steps, end = _walk(course.today, moves, _wrong_date, plan)
    lines = _lines_to_today(course, plan)
    for step, (before, after) in zip(course.steps, steps, strict=True):
        size = f"{abs(step.n)} {step.unit}{'s' if abs(step.n) > 1 else ''}"
        side, sign = ("after", "+") if step.n > 0 else ("before", "-")
        lines.append(
            (
                f"{slashed(before)} {sign} {size} = {slashed(after)}.",
                f"{size} {side} {slashed(before)} is {slashed(after)}.",
                f"The {step.event} is on {slashed(after)}.",
            )[plan.style]
        )
    option = min(course.options, key=lambda day: (abs((day - end).days), day))
    letter = LETTERS[course.options.index(option)]
    found = slashed(option)  # said once more: its letter is found from there
    closing = (
        f"{found} is ({letter}).",
        f"So {found}: ({letter}).",
        f"That is {found}, ({letter}).",
    )
    return Chain([*lines, closing[plan.closing]], letter)


def _lines_to_today(course: Course, plan: Plan) -> list[str]:
    days, today, told = TEMPLATES[course.template][1], slashed(course.today), slashed(course.told)
    if not days or plan.style == 2:
        return [f"Today is {today}."]
    if plan.style == 0:
        return [f"{told} {'+' if days > 0 else '-'} 1 day = {today}."]
    return [f"Today: 1 day {'after' if days > 0 else 'before'} {told} is {today}."]


def _wrong_date(before: date, right: date, rng: Random) -> date:
    """Return a usual wrong date: one day off, or moved the other way."""
    other_way = before - (right - before)
    return rng.choice([right - timedelta(days=1), right + timedelta(days=1), other_way])


# family -> (the function that reasons, ways to word a step, ways to end)
WRITERS: dict[type, tuple[Callable[[Any, Plan], Chain], int, int]] = {
    Story: (add_up, 4, 3),
    Flips: (turn, 3, 3),
    Words: (join_letters, 3, 3),
    Deal: (track, 3, 3),
    Course: (go_through_dates, 3, 3),
}
