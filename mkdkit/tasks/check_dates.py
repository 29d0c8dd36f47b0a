"""Process check of date understanding.

Checked are: dates that do not exist; steps that can be worked out ("03/05/2021 + 4 days =
03/09/2021", "2 weeks before March 5 is February 19", "the day after ..."); in questions of our own
wording, what is said of today and of each event ("The trip is on 03/09/2021"); an option with a
date that is not its own; and an option whose date the chain never comes to. Years may be missing,
as in "March 5": then any year will do. Not judged are month sums from the 29th on, a size that may
be part of a longer one ("1 month and 2 days"), a date in a sentence that may deny it ("there is no
February 30"), and an option that is turned down ("not (B)").
"""

import re
from datetime import date

from mkdkit.records import Question
from mkdkit.tasks.dates import MONTHS, move, read, read_options, slashed
from mkdkit.tasks.options import is_excluded, is_refused
from mkdkit.tasks.slips import Slip

_DATE = (
    r"(?:[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}\b"
    rf"|(?:{'|'.join(MONTHS)}) [0-9]{{1,2}}(?:st|nd|rd|th)?\b(?:,? [0-9]{{4}}\b)?)"
)
_NUMBERS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_NUMBERS |= {"the": 1, "eight": 8, "nine": 9, "ten": 10}
# not the "one days" of "Twenty-one days", the 200 of "1,200 days" or the 5 of "1.5 years"
_SIZE = rf"(?<![\w.,/-])(?P<n>[0-9]{{1,4}}|{'|'.join(_NUMBERS)}) (?P<unit>day|week|month|year)s?"
_IS = r",? (?:is|was|will be|would be|=|gives|makes)(?: on)? "
_STEPS = (
    re.compile(rf"(?P<start>{_DATE}) (?P<side>[-+\u2212]) {_SIZE} = (?P<end>{_DATE})"),
    re.compile(
        rf"{_SIZE} (?P<side>before|after|from|prior to) (?P<start>{_DATE}){_IS}(?P<end>{_DATE})",
        re.IGNORECASE,
    ),
)
_PART_OF_A_SIZE = re.compile(  # before a size that is not the whole one: "1 month and 2 days after"
    r"(?:\b(?:day|week|fortnight|month|year|decade)s?(?:,|,? and|,? plus| \+)"
    r"|\b(?:half|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)(?: and)?"
    r"|\b(?:about|around|almost|nearly|over|than|within|every)) $",  # "less than 2 weeks after"
    re.IGNORECASE,
)
_GOES_ON = re.compile(rf" ?[-+\u2212] {_SIZE}", re.IGNORECASE)  # behind "= 03/05/2021"
_SENTENCE = re.compile(r"[^.!?\n]+")
_MAY_BE_DENIED = re.compile(  # "2021 has no February 29", "it would be February 29, but"
    r"\b(?:no|not|cannot|exists?|existed|would|invalid|impossible|unlike|if|instead)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(  # "a week from today is ...", "the day after the trip is ..."
    r"\b(?:after|before|from|since|until|till|to|past|following|preceding|of|than)(?: the)? $",
    re.IGNORECASE,
)
_YEARS = (2019, 2020)  # a common one and a leap year, for dates without one


def find_slips(question: Question, text: str) -> list[Slip]:
    """Return a slip for each wrong date, step or event, and for an option that does not fit."""
    options = read_options(question.text)
    return [
        *_impossible_dates(text),
        *_wrong_steps(text),
        *_wrong_events(question, text),
        *_wrong_option(options, text),
    ]


def _days(written: str) -> set[date]:
    """Return the days a written date may be: one, one for each of `_YEARS`, or none."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", written)]
    if "/" in written:
        month, day, *years = numbers
    else:
        month, (day, *years) = MONTHS.index(written.split()[0].capitalize()) + 1, numbers
    days = set()
    for year in years or _YEARS:
        try:
            days.add(date(year, month, day))
        except ValueError:
            continue
    return days


def _impossible_dates(text: str) -> list[Slip]:
    slips = []
    for sentence in _SENTENCE.finditer(text):
        if _MAY_BE_DENIED.search(sentence[0]):
            continue
        for match in re.finditer(_DATE, sentence[0]):
            parts = [int(part) for part in match[0].split("/")] if "/" in match[0] else []
            is_day_first = parts and parts[0] > 12 >= parts[1]
            if not _days(match[0]) and not is_day_first:
                start, end = (sentence.start() + place for place in match.span())
                slips.append(Slip(start, end, f"there is no {match[0]}", "arithmetic"))
    return slips


def _wrong_steps(text: str) -> list[Slip]:
    slips = []
    for pattern in _STEPS:
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 20) : match.start()]
            if _PART_OF_A_SIZE.search(before) or _GOES_ON.match(text, match.end()):
                continue
            n = _NUMBERS.get(match["n"].lower()) or int(match["n"])
            forward = match["side"].lower() in ("+", "after", "from")
            starts, ends = _days(match["start"]), _days(match["end"])
            right = {_moved(day, n if forward else -n, match["unit"].lower()) for day in starts}
            right.discard(None)
            if not right or not ends or _match(right, ends):
                continue
            shown = min(day for day in right if day)
            reason = f"that is {slashed(shown)}, not {match['end']}"
            slips.append(Slip(*match.span(), reason, "arithmetic"))
    return slips


def _moved(day: date, n: int, unit: str) -> date | None:
    if unit in ("month", "year") and day.day > 28:
        return None  # people disagree about a month after January 31
    try:
        return move(day, n, unit)
    except (OverflowError, ValueError):
        return None


def _match(right: set[date | None], said: set[date]) -> bool:
    """Return whether one day is in both, by month and day alone if a year was missing."""
    if len(right) == len(said) == 1:
        return right == said
    return bool(
        {(day.month, day.day) for day in right if day} & {(day.month, day.day) for day in said}
    )


def _wrong_events(question: Question, text: str) -> list[Slip]:
    course = read(question.text)
    if course is None:
        return []
    days = dict(zip((step.event for step in course.steps), course.dates[1:], strict=True))
    days["today"] = course.today
    slips = []
    for match in re.finditer(rf"\b([A-Za-z]+) is (?:on )?({_DATE})", text):
        right, said = days.get(match[1].lower()), _days(match[2])
        is_beside = _BESIDE.search(text[max(0, match.start() - 20) : match.start()])
        if right and said and right not in said and not is_beside:
            reason = f"the date is {slashed(right)}, not {match[2]}"
            is_told = match[1].lower() == "today" and course.today == course.told
            slips.append(Slip(*match.span(), reason, "reading" if is_told else "state"))
    return slips


def _wrong_option(options: dict[str, date], text: str) -> list[Slip]:
    """Return a slip if the option chosen has another date, or one the chain never comes to."""
    chosen = [
        match
        for match in re.finditer(rf"\(([A-F])\)(?: ({_DATE}))?", text)
        if not is_excluded(text, match.start()) and not is_refused(text, match.end())
    ]
    if not chosen or chosen[-1][1] not in options:
        return []
    last = chosen[-1]
    day = options[last[1]]
    if last[2]:
        said = _days(last[2])
        if said and day not in said:
            reason = f"({last[1]}) is {slashed(day)}, not {last[2]}"
            return [Slip(*last.span(), reason, "conclusion")]
        return []
    stated = [_days(match[0]) for match in re.finditer(_DATE, text[: last.start()])]
    if stated and not any(_match({day}, days) or day in days for days in stated):
        reason = f"({last[1]}) is {slashed(day)}, a date the chain does not come to"
        return [Slip(*last.span(), reason, "conclusion")]
    return []
