"""Date understanding: a date told from another one, in a few steps."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from mkdkit.tasks.forms import fit, sentences

LETTERS = "ABCDEF"
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
TEMPLATES = {  # the start's form, and how many days lie between its date and today
    "today": ("Today is {d}.", 0),
    "written": ("Today is {w}.", 0),  # "March 5, 2021"
    "yesterday": ("Yesterday was {d}.", 1),
    "tomorrow": ("Tomorrow is {d}.", -1),
}
_EVENTS = ("contest", "dinner", "game", "lunch", "meeting", "party", "race", "sale", "show", "trip")
_MOST = {"day": 9, "week": 2, "month": 2, "year": 2}  # of a unit in one step
_STEP = "The {event} is {n} {unit} {side} {base}."
_ASK = "What is the date of the {event}?"


@dataclass(frozen=True, slots=True)
class Step:
    """An event, so many days, weeks, months or years after (or, below zero, before) the last."""

    event: str
    n: int
    unit: str  # "day", "week", "month" or "year"


@dataclass(frozen=True, slots=True)
class Course:
    """A date that is told, the way from it to today, and the events after it."""

    template: str
    told: date
    steps: tuple[Step, ...]
    options: tuple[date, ...]

    @property
    def today(self) -> date:
        """The date of the day the question is asked on."""
        return self.told + timedelta(days=TEMPLATES[self.template][1])

    @property
    def dates(self) -> list[date]:
        """Today, and the date of each event."""
        dates = [self.today]
        for step in self.steps:
            dates.append(move(dates[-1], step.n, step.unit))
        return dates


def move(start: date, n: int, unit: str) -> date:
    """Return the date n days, weeks, months or years on; a day a month lacks becomes its last.

    >>> move(date(2021, 1, 31), 1, "month")
    datetime.date(2021, 2, 28)
    """
    if unit in ("day", "week"):
        return start + timedelta(days=n * (7 if unit == "week" else 1))
    months = start.year * 12 + start.month - 1 + n * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def slashed(day: date) -> str:
    """Return MM/DD/YYYY."""
    return f"{day:%m/%d}/{day.year:04d}"


def _written(day: date) -> str:
    return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"


def make(rng: Random, *, steps: int, objects: int = 3) -> Course:
    """Return a course of `steps` events, most of them days apart; `objects` has no use."""
    template = rng.choice(list(TEMPLATES))
    told = date(rng.randint(1990, 2039), rng.randint(1, 12), rng.randint(1, 28))
    events = rng.sample(_EVENTS, steps)
    way: list[Step] = []
    day = told + timedelta(days=TEMPLATES[template][1])
    for event in events:
        unit = rng.choices(("day", "week", "month", "year"), (7, 1, 1, 1))[0]
        if day.day > 28 and unit in ("month", "year"):  # which day that is, people disagree
            unit = "day"
        way.append(Step(event, rng.choice((-1, 1)) * rng.randint(1, _MOST[unit]), unit))
        day = move(day, way[-1].n, unit)
    course = Course(template, told, tuple(way), ())
    return Course(template, told, tuple(way), _options(course, rng))


def _options(course: Course, rng: Random) -> tuple[date, ...]:
    """Return six dates in any order: the right one, and ones near it in day, month or year."""
    right = course.dates[-1]
    near = [(n, "day") for n in (-3, -2, -1, 1, 2, 3)] + [(n, "month") for n in (-1, 1)]
    wrong = {move(right, n, unit) for n, unit in [*near, (-1, "year"), (1, "year"), (1, "week")]}
    options = [right, *rng.sample(sorted(wrong - {right}), 5)]
    rng.shuffle(options)
    return tuple(options)


def write(course: Course, rng: Random) -> str:
    """Return the question's text; `rng` has no use, a template has one form."""
    form, _ = TEMPLATES[course.template]
    parts = [form.format(d=slashed(course.told), w=_written(course.told))]
    base = "today"
    for step in course.steps:
        unit = step.unit + ("s" if abs(step.n) > 1 else "")
        side = "after" if step.n > 0 else "before"
        gaps = {"event": step.event, "unit": unit, "side": side, "base": base}
        parts.append(_STEP.format(n=abs(step.n), **gaps))
        base = f"the {step.event}"
    parts.append(_ASK.format(event=course.steps[-1].event))
    options = [f"({a}) {slashed(day)}" for a, day in zip(LETTERS, course.options, strict=True)]
    return " ".join(parts + options)


def read(text: str) -> Course | None:
    """Return the course of a question of ours; None for any other wording."""
    first, *middle = sentences(text)
    last = middle.pop() if middle else ""
    start = _read_start(first)
    if start is None or not middle or fit(_ASK, middle[-1]) is None:
        return None
    steps: list[Step] = []
    for sentence in middle[:-1]:
        step = _read_step(sentence, base=f"the {steps[-1].event}" if steps else "today")
        if step is None:
            return None
        steps.append(step)
    course = Course(*start, tuple(steps), tuple(read_options(last).values()))
    return course if steps and _is_in_range(course) else None


def _read_step(sentence: str, *, base: str) -> Step | None:
    """Return the step a sentence tells, if it starts from `base`: "two days" is not our wording."""
    gaps = fit(_STEP, sentence)
    if gaps is None or gaps["base"] != base or gaps["side"] not in ("after", "before"):
        return None
    n, unit = gaps["n"], gaps["unit"].removesuffix("s")
    if not n.isdecimal() or unit not in _MOST:
        return None
    return Step(gaps["event"], int(n) if gaps["side"] == "after" else -int(n), unit)


def _is_in_range(course: Course) -> bool:
    """Return whether the calendar has all dates of a course: it ends with the year 9999."""
    try:
        return bool(course.dates)
    except (OverflowError, ValueError):
        return False


def _read_start(sentence: str) -> tuple[str, date] | None:
    for template, (form, _) in TEMPLATES.items():
        found = fit(form, sentence)
        day = as_date(next(iter(found.values()))) if found else None
        if found and day and (template == "written") == sentence[-6].isspace():
            return template, day
    return None


def read_options(text: str) -> dict[str, date]:
    """Return the options of a question by letter, those that are dates written MM/DD/YYYY."""
    found = re.findall(r"\(([A-F])\)\s*([0-9]{2}/[0-9]{2}/[0-9]{4})\b", text)
    return {letter: day for letter, written in found if (day := as_date(written))}


def as_date(written: str) -> date | None:
    """Return the date written as MM/DD/YYYY or "March 5, 2021"; None if there is no such day."""
    slashes = re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", written)
    words = re.fullmatch(r"([A-Z][a-z]+)\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})", written)
    if slashes:
        month, day, year = (int(part) for part in slashes.groups())
    elif words and words[1] in MONTHS:
        month, day, year = MONTHS.index(words[1]) + 1, int(words[2]), int(words[3])
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def answer(course: Course) -> str:
    """Return the letter of the last event's date."""
    return LETTERS[course.options.index(course.dates[-1])]
