"""What is true is not called false, however it is worded; what is false beside it still is.

Every sentence under `TRUE` was checked by hand against its question.
"""

from datetime import date, timedelta

import pytest

from mkdkit.records import Question
from mkdkit.tasks.catalogue import find
from mkdkit.tasks.checks import find_holding, find_slips

SUM = Question("sum", "Tom has 3 pens and gets 4. How many has he?", "7")
# Ann, Bob, Lou, Lena: n, b, u, a
NAMES = Question("names", 'Take the last letters of the words in "Ann Bob Lou Lena".', "nbua")
# heads; Ann: tails; Bob: tails; Lou: heads; Zoe: heads
COIN = Question(
    "coin",
    "A coin is heads up. Ann flips the coin. Bob does not flip the coin. Lou flips the coin. "
    "Zoe does not flip the coin. Is the coin still heads up?",
    "yes",
)
LAMP = Question(
    "lamp",
    "A lamp is on at first. Ann presses the switch. Bob does not press the switch. "
    "Is the lamp on at the end?",
    "no",
)
TRIP = Question(
    "trip",
    "Today is 05/01/2021. The trip is 1 day after today. What is the date of the trip? "
    "(A) 05/02/2021 (B) 05/03/2021 (C) 05/04/2021 (D) 04/30/2021 (E) 05/02/2022 (F) 06/02/2021",
    "A",
)
TASKS = {
    "sum": find("svamp"),
    "names": find("last_letter_concatenation"),
    "coin": find("coin_flip"),
    "lamp": find("coin_flip"),
    "trip": find("date_understanding"),
}


def slips(question, text):
    """The parts of the text that are called false."""
    found = find_slips(question, text, TASKS[question.id])
    return [text[slip.start : slip.end].strip() for slip in found]


TRUE_LETTERS = [
    'Bob ends with a "b".',  # the article is no letter
    'The last letter of Bob is a "b".',
    "Bob ends in a 'b'.",
    "Bob ends in a (b).",
    "Bob ends in a **b**.",
    "Bob ends with a B.",
    'Lena ends in an "a".',
    "Bob is a 3-letter name.",
    "Bob is a Canadian name.",
    'Lou: "L", "o", "u"',  # spelled out
    "Lou - L, o, u",
    "Lou: L + o + u",
    "Lou -> L -> o -> u",
    'The first letter of "Lou" is "L".',  # another letter than the last
    "Lou has an o.",
    'Lou has "o" in the middle.',
    "Bob ends in b, so we write b.",  # "we" is not what is joined so far
    "Lena: a (a vowel). Bob: b.",
    "Together: nbua. That is fine.",
]
FALSE_LETTERS = [
    ("Bob ends in a.", "Bob ends in a"),
    ('Bob ends in an "o".', 'Bob ends in an "o"'),
    ("The last letter of Bob is an o.", "Bob is an o"),
    ("Ann - n Bob - a Lou - u", "Bob - a"),  # this "a" is no article
    ("1. Bob - a 2. Lou - u", "Bob - a"),
    ("Lou: o, Bob: b", "Lou: o"),
    ("Bob: b, so ba.", "Bob: b, so ba"),
    ("Lena: a (a vowel). Bob: b, so abb.", "Bob: b, so abb"),
    ('We get "nbau".', "nbau"),
]


@pytest.mark.parametrize("text", TRUE_LETTERS)
def test_a_true_sentence_about_letters_is_no_slip(text):
    assert slips(NAMES, text) == []


@pytest.mark.parametrize(("text", "found"), FALSE_LETTERS)
def test_a_false_letter_beside_them_is_found(text, found):
    assert slips(NAMES, text) == [found]


def test_marks_between_the_words_of_a_question_are_no_letters():
    question = Question("names", 'Take the last letters of the words in "Ann, Bob, Lou".', "nbu")
    assert slips(question, "Together: nbu") == []
    assert slips(question, "Together: nbo") == ["nbo"]
    unclear = Question("names", 'Take the last letters of the words in "Ann, Bob and Lou".', "nbu")
    assert slips(unclear, "Together: nbu") == []  # is "and" one of the words?


TRUE_TURNS = [
    "Bob never flips the coin.",
    "Neither Bob nor Zoe flips it.",
    "Zoe will not flip it.",
    "Zoe won't flip it.",
    "Bob refuses to flip it.",
    "Zoe makes no flips.",
    "Zoe makes 0 flips.",
    "Bob skips his turn.",
    "Bob turns to Lou.",
    "Bob lets Lou flip it.",
    "After Bob it is tails, so when Lou flips it, it is heads.",
    "Bob watches while Ann flips it: tails.",
    "Bob watches while Ann and Lou flip it. 2 is even.",
    "After Bob, Lou flips it: heads.",
    "Ann, unlike Bob, flips it.",
    "If Bob flips it, we are lost.",
    "Does Bob flip it? No.",
    "Ann does not know the state.",
    "Before Lou it is tails.",
    "Lou flips it, so it is heads rather than tails.",
    # of the few-shot examples of Fine-tune-CoT
    "The coin started heads up, so after an odd number of flips, it will be tails up. We go on.",
    "The coin is flipped once by Ann. That leaves it tails. We go on.",
]
FALSE_TURNS = [
    "Bob flips it.",
    "Bob then flips the coin.",
    "Bob flipped it.",
    "Bob and Zoe both flip it.",
    "Ann, Bob and Lou flip the coin.",
    "Ann flips it. 1 is odd.",  # and Lou?
    "Ann does not flip it.",
    "Ann does not: heads.",
    "After Bob it is heads.",
    "It starts tails.",
    "Nobody flips it.",
]


@pytest.mark.parametrize("text", TRUE_TURNS)
def test_a_true_sentence_about_a_coin_is_no_slip(text):
    assert slips(COIN, text) == []


@pytest.mark.parametrize("text", FALSE_TURNS)
def test_a_false_turn_beside_them_is_found(text):
    assert slips(COIN, text) == [text.partition(".")[0] + "."]


def test_a_word_like_a_state_is_none():
    assert slips(LAMP, "Ann presses the switch on the wall.") == []
    assert slips(LAMP, "Ann presses the switch: on.") == ["Ann presses the switch: on."]


TRUE_DATES = [
    "Twenty-one days before May 22, 2021 is May 1, 2021.",
    "1 month and 2 days after March 5, 2021 is April 7, 2021.",
    "1 year, 1 month after 05/01/2021 is 06/01/2022.",
    "Half a year after 01/05/2021 is 07/05/2021.",
    "1,200 days after 01/01/2020 is 04/15/2023.",
    "1.5 years after 01/05/2021 is 07/05/2022.",
    "Less than 2 weeks after 05/01/2021 is 05/08/2021.",
    "05/01/2021 + 1 day = 05/03/2021 - 1 day",
    "2021 has 365 days, so February 29, 2021 does not exist.",
    "There is no February 30, so it is March 2, 2021.",
    "That would be February 29, 2021, but 2021 is not a leap year.",
    "A week from today is 05/08/2021.",
    "The day before today is 04/30/2021.",
    "One day after the trip is 05/03/2021.",
    "Tomorrow is 05/02/2021, which is (A), not (B).",
    "It is 05/02/2021, so (A); (B) is too late.",
    "Tomorrow is 05/02/2021. It cannot be (B).",
    "Tomorrow is 05/02/2021. It is not (B) or (C).",
    "Tomorrow is 05/02/2021. (B) 05/03/2021 is wrong.",
]
FALSE_DATES = [
    ("One day before 05/22/2021 is 05/01/2021.", "One day before 05/22/2021 is 05/01/2021"),
    ("and 200 days after 01/01/2020 is 04/15/2023", "200 days after 01/01/2020 is 04/15/2023"),
    ("It is 02/29/2021. It is not nice.", "02/29/2021"),
    ("The trip is 05/03/2021.", "trip is 05/03/2021"),
    ("Tomorrow is 05/02/2021, which is (B), not (A).", "(B)"),
    ("Tomorrow is 05/02/2021. It cannot be (A), so it is (B).", "(B)"),
]


@pytest.mark.parametrize("text", TRUE_DATES)
def test_a_true_sentence_about_dates_is_no_slip(text):
    assert slips(TRIP, text) == []


@pytest.mark.parametrize(("text", "found"), FALSE_DATES)
def test_a_false_date_beside_them_is_found(text, found):
    assert slips(TRIP, text) == [found]


def test_the_long_ways_above_are_as_the_calendar_has_them():
    assert date(2021, 5, 22) - timedelta(days=21) == date(2021, 5, 1)
    assert date(2020, 1, 1) + timedelta(days=1200) == date(2023, 4, 15)


TRUE_SUMS = [
    "2 1/2 + 1 1/2 = 4",
    "2 and 1/2 + 1 and 1/2 = 4",  # as in a published rationale
    "10 1/2 - 3 = 7 1/2",
    "5 - 1½ = 3½",
    "50 cents + 75 cents = $1.25",
    "$2 + 50 cents = $2.50",
    "$1 - 1 quarter = $0.75",
    "9 am + 4 hours = 1 pm",
    "10 AM + 5 hours = 3 PM",
    "9 o'clock + 4 hours = 1 o'clock",
    "1 hour + 30 minutes = 90",
    "√16 + 3 = 7",
    "√16 + 3 + 4 = 11",
    "√(9 + 16) = 5",
    "sqrt 16 + 3 = 7",
    "4 + 5 = 3 squared",
    "12 - 5 is 2 more than 5",
    "12 - 5 is 2 pens more than 5",
    "12 - 5 is 3 less than 10",
    "2 x 15 = 50% of 60",
    "3 + 2 = 1/2 of 10",
    "6 + 6 = 2 groups of 6",
    "5 + 5 = 2 fives",
    "249 pages/book x 1 book/3 days = 83 pages/day",  # a row of Mentor-KD's teacher
    "249 pages/book  1 book/3 days = 83 pages/day",  # and of its mentor, which lost the sign
]
FALSE_SUMS = [
    "6/2 = 4 10/2 = 5",  # 4 10/2 is no mixed number: two sums in a row
    "50 cents + 75 cents = 115 cents",
    "$2 + $3 = $6",
    "3 hours + 4 hours = 8 hours",
    "12 cookies/2 = 5",
    "249 pages/book x 1 book/3 days = 84 pages/day",
    "12 - 5 is 2 more pens than Bob has",
    "12 - 5 is 2 pens, more than 5",
    "5 + 5 = 2 of them",
]


@pytest.mark.parametrize("text", TRUE_SUMS)
def test_a_true_equation_in_another_notation_is_no_slip(text):
    assert slips(SUM, text) == []


@pytest.mark.parametrize("text", FALSE_SUMS)
def test_a_false_equation_beside_them_is_found(text):
    assert len(slips(SUM, text)) == 1


def test_a_rate_over_a_number_is_read_and_a_mixed_number_is_not_vouched_for():
    rate = "249 pages/book x 1 book/3 days = 83"
    assert find_holding(f"{rate} pages/day", TASKS["sum"]) == [(0, len(rate))]
    assert find_holding("2/3 x 2 + (2 - 4/3) = 2 2/3", TASKS["sum"]) == []  # it is 2
