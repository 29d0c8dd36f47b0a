"""A question in another wording than ours is not read, and not misread."""

from datetime import date

import pytest

from mkdkit.records import Question
from mkdkit.tasks import arithmetic, dates
from mkdkit.tasks.catalogue import find
from mkdkit.tasks.checks import find_slips
from mkdkit.tasks.procedural import solve

TRIP = (
    "Today is 05/01/2021. The trip is {step}. What is the date of the trip? "
    "(A) 05/02/2021 (B) 05/03/2021 (C) 05/04/2021 (D) 04/30/2021 (E) 05/02/2022 (F) 06/02/2021"
)
PENS = "Ann has 5 pens. {step} How many pens does Ann have now?"


def test_a_date_question_of_ours_is_read():
    course = dates.read(TRIP.format(step="2 days before today"))
    assert course is not None
    assert course.dates == [date(2021, 5, 1), date(2021, 4, 29)]


@pytest.mark.parametrize(
    "step",
    [
        "two days after today",
        "² days after today",
        "2 fortnights after today",  # no months
        "2 days past today",  # not before it
        "2 days after the party",  # which nothing was said about
        "99999999999 days after today",  # the calendar ends before
        "9000 years after today",
    ],
)
def test_a_date_question_in_another_wording_is_not_read(step):
    question = Question("1", TRIP.format(step=step), "A")
    assert dates.read(question.text) is None
    assert solve(question, "date_understanding") is None
    text = "The trip is on 05/02/2021."
    assert find_slips(question, text, find("date_understanding")) == []


def test_a_step_of_a_date_question_starts_where_the_last_one_ended():
    way = "2 days after today. The game is 1 week after the {event}"
    text = TRIP.replace("date of the trip", "date of the game").format(step=way)
    course = dates.read(text.format(event="trip"))
    assert course is not None
    assert course.dates[-1] == date(2021, 5, 10)
    assert dates.read(text.format(event="party")) is None


def test_a_day_after_the_last_of_the_calendar_is_not_read():
    first, rest = TRIP.split(". ", 1)
    assert first == "Today is 05/01/2021"
    text = f"Yesterday was 12/31/9999. {rest}".format(step="1 day before today")
    assert dates.read(text) is None


def test_a_story_of_ours_is_read():
    story = arithmetic.read(PENS.format(step="Ann gets 2 more. Ann loses 3."))
    assert story is not None
    assert story.values == [5, 7, 4]


@pytest.mark.parametrize(
    "text",
    [
        PENS.format(step="Ann gets two more."),
        PENS.format(step="Ann gets ² more."),
        PENS.format(step="Bob gets 2 more."),  # so Ann has 5
        PENS.format(step="Ann gets 2 more.").replace("does Ann", "does Bob"),
        PENS.format(step="Ann gets 2 more.").replace("many pens", "many cups"),
        PENS.format(step="Ann gets 2 more.").replace("5", "five"),
    ],
)
def test_a_story_in_another_wording_is_not_read(text):
    assert arithmetic.read(text) is None
    assert solve(Question("1", text, "7"), "multi_step_arithmetic") is None
