"""Pre-training text about numbers and dates: one sum, one comparison, one step in the calendar."""

from calendar import monthrange
from datetime import date, timedelta
from random import Random

from mkdkit.pipeline.single_steps_words import (
    COUNTS,
    MONTHS,
    PLACES,
    PLURALS,
    WEEKDAYS,
    ask,
    join_up,
    name,
)


def _operands(rng: Random, level: float, sign: str) -> tuple[int, int, int]:
    if sign == "*":
        a, b = rng.randint(0, 12), rng.randint(2, 10)
        return a, b, a * b
    top = rng.choice((20, 20, 50, 100)) if level < 0.2 else rng.choice((20, 50, 100, 100, 100, 200))
    a, b = rng.randint(0, top), rng.randint(0, rng.choice((9, 40, top)))
    if sign == "+":
        return a, b, a + b
    a, b = max(a, b), min(a, b)
    return a, b, a - b


def _equation(rng: Random, level: float, sign: str) -> str:
    a, b, c = _operands(rng, level, sign)
    words = {
        "+": ("{a} plus {b} is «{c}»", "{b} more than {a} is «{c}»", "{a} and {b} make «{c}»"),
        "-": ("{a} minus {b} is «{c}»", "{b} less than {a} is «{c}»", "{b} from {a} is «{c}»"),
        "*": (
            "{a} times {b} is «{c}»",
            "{b} groups of {a} are «{c}»",
            "{a} for each of {b}: «{c}»",
        ),
    }[sign]
    form = rng.choice(words) if rng.random() < 0.3 else f"{{a}} {sign} {{b}} = «{{c}}»"
    return form.format(a=a, b=b, c=c)


def equations(rng: Random, level: float) -> str:
    """Several unconnected equations, each one sum, difference or small product."""
    signs = [rng.choice("++--*") for _ in range(rng.randint(2, 8))]
    mark = rng.choice((";", ",", ""))
    return join_up(rng, [_equation(rng, level, sign) + mark for sign in signs])


MORE = (
    "{n} picks {a} {p} and later {b} more.",
    "The {q} holds {a} {p}, and {n} puts in another {b}.",
    "There were {a} {p} in the {q}; {b} more came.",
    "{n} collects {a} {p}. A friend brings {b} of them too.",
)
LESS = (
    "Of {a} {p} in the {q}, {b} are taken out.",
    "{n} packs {a} {p} but drops {b} of them.",
    "The {q} holds {a} {p}, and {n} removes {b}.",
    "There were {a} {p} in the {q}; {b} got lost.",
)


def small_story(rng: Random, level: float) -> str:
    """One change of an amount, told in a sentence, and the amount after it."""
    sign = rng.choice("+-")
    a, b, c = _operands(rng, level, sign)
    fill = {"n": name(rng), "p": rng.choice(PLURALS), "q": rng.choice(PLACES), "a": a, "b": b}
    story = rng.choice(MORE if sign == "+" else LESS).format(**fill)
    if rng.random() < 0.4:
        there = rng.choice(
            ("So there are «{c}» {p}.", "Now it is «{c}» {p}.", "That is «{c}» {p}.")
        )
        return f"{story} {there.format(c=c, **fill)}"
    question = rng.choice(
        ("How many {p} is that now?", "How many {p} are there then?", "How many?")
    )
    return ask(rng, f"{story} {question.format(**fill)}", str(c))


def comparison(rng: Random, level: float) -> str:
    """Which of two or three numbers is larger or smaller."""
    top = rng.choice((20, 100, 200))
    few = rng.sample(range(top), rng.choice((2, 2, 3)))
    listed = ", ".join(map(str, few[:-1])) + f" or {few[-1]}"
    a, b = few[:2]
    sign = ">" if a > b else "<"
    return rng.choice(
        (
            ask(rng, f"Which is largest, {listed}?", str(max(few))),
            ask(rng, f"Which is smallest, {listed}?", str(min(few))),
            f"{a} and {b}: the first is «{'more' if a > b else 'less'}».",
            f"{a} and {b}: «{a} {sign} {b}»",
            f"The largest of {', '.join(map(str, few))} is «{max(few)}».",
            ask(rng, f"Is {a} more than {b}?", "yes" if a > b else "no"),
        )
    )


def parity(rng: Random, level: float) -> str:
    """Whether small counts are even or odd."""

    def one() -> str:
        n = rng.randint(0, 10)
        shown = rng.choice((str(n), COUNTS[n]))
        kind = "even" if n % 2 == 0 else "odd"
        return rng.choice(
            (
                f"{shown} is «{kind}».",
                f"A count of {shown} is an «{kind}» number.",
                f"{shown}: «{kind}»",
                ask(rng, f"Is {shown} even or odd?", kind),
                ask(rng, f"Is {shown} an odd number?", "yes" if n % 2 else "no"),
                f"{shown} as digits: «{n}»",
            )
        )

    return join_up(rng, [one() for _ in range(rng.randint(1, 5))])


def _months_later(day: date, months: int) -> date:
    number = day.month - 1 + months
    year, month = day.year + number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _step(rng: Random, day: date) -> tuple[str, date]:
    n = rng.randint(2, 12)
    return rng.choice(
        (
            ("the day after {d}", day + timedelta(1)),
            ("one day later than {d}", day + timedelta(1)),
            ("the day before {d}", day - timedelta(1)),
            ("one day earlier than {d}", day - timedelta(1)),
            *[(f"{n} days later than {{d}}", day + timedelta(n))] * 3,
            *[(f"{n} days earlier than {{d}}", day - timedelta(n))] * 3,
            ("one week after {d}", day + timedelta(7)),
            ("two weeks after {d}", day + timedelta(14)),
            ("two weeks earlier than {d}", day - timedelta(14)),
            ("two months later than {d}", _months_later(day, 2)),
            ("two months before {d}", _months_later(day, -2)),
            ("two years later than {d}", _months_later(day, 24)),
            ("two years before {d}", _months_later(day, -24)),
            ("a week before {d}", day - timedelta(7)),
            ("one month after {d}", _months_later(day, 1)),
            ("a month before {d}", _months_later(day, -1)),
            ("one year after {d}", _months_later(day, 12)),
            ("a year before {d}", _months_later(day, -12)),
        )
    )


def american(day: date) -> str:
    """A date as MM/DD/YYYY."""
    return f"{day.month:02d}/{day.day:02d}/{day.year}"


AHEAD = (  # a day, and today, which is the day before it
    "tomorrow will be {n}: today is «{d}»",
    "tomorrow, {n}; today, «{d}»",
    "a day from now it will be {n}: now it is «{d}»",
    "{n} is one day ahead, so now it is «{d}»",
)
BEHIND = (
    "yesterday it was {n}: today it is «{d}»",
    "yesterday, {n}; today, «{d}»",
    "a day ago it was {n}: now it is «{d}»",
    "{n} was one day back, so now it is «{d}»",
)


def _today(rng: Random, day: date) -> str:
    """Today's date, worked out from yesterday's or tomorrow's."""
    away, forms = rng.choice(((1, AHEAD), (-1, BEHIND)))
    near = day + timedelta(away)
    written = rng.choice((american(near), american(near), _long(near)))
    return rng.choice(forms).format(n=written, d=american(day))


def _long(day: date) -> str:
    return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"


def _one_date(rng: Random, level: float) -> str:
    day = date(rng.randint(1900, 2060), rng.randint(1, 12), 1)
    last = monthrange(day.year, day.month)[1]
    day = day.replace(day=rng.choice((rng.randint(1, last), rng.randint(1, last), 1, last)))
    if rng.random() < 0.25:
        return _today(rng, day)
    month = MONTHS[day.month - 1]
    long = rng.choice((_long(day), f"{day.day} {month} {day.year}"))
    step, then = _step(rng, day)
    weekday = rng.randrange(7)
    following = WEEKDAYS[(weekday + 1) % 7]
    return rng.choice(
        (
            f"{long} = «{american(day)}»",
            f"written out, {american(day)} = «{_long(day)}»",
            f"{long} as MM/DD/YYYY: «{american(day)}»",
            f"{month} is month «{day.month:02d}»",
            f"{month} {day.year} has «{last}» days",
            f"after {WEEKDAYS[weekday]} comes «{following}»",
            f"{step.format(d=american(day))}: «{american(then)}»",
            f"{step.format(d=american(day))} comes «{american(then)}»",
            f"{step.format(d=american(day))} = «{american(then)}»",
            f"{step.format(d=long)}: «{_long(then)}»",
            ask(rng, f"Which date is {step.format(d=american(day))}?", american(then)),
        )
    )


def dates(rng: Random, level: float) -> str:
    """Unconnected steps in the calendar and ways to write a date."""
    return join_up(rng, [_one_date(rng, level) for _ in range(rng.randint(1, 5))])
