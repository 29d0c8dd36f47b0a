"""Process checks: what is false is found, and what cannot be read is left alone."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mkdkit.records import Question
from mkdkit.tasks.catalogue import TASKS, find
from mkdkit.tasks.checks import find_holding, find_slips
from mkdkit.tasks.procedural import FAMILIES, make_questions

SUMS = find("svamp")
PENS = Question("1", "Tom has 3 pens and gets 4. How many has he?", "7")


def slipped(question, text, name):
    """The parts of the text that are called false."""
    return [text[slip.start : slip.end] for slip in find_slips(question, text, find(name))]


@pytest.mark.parametrize(
    "text",
    [
        "3 + 4 = 8",
        "so 3 + 4 = 8, he said",
        "$3.50 + $4 = $8.50",
        "15 red pens + 3 blue pens = 19 pens",
        "1,000 - 1 = 1,001",
        "10 / 5 = 3",
        "10 / 3 = 3.5",
        "6 cookies/box x 3 boxes = 19 cookies",
        "5x3=16",
        "3 × 4 = 13",
        "8 ÷ 2 = 5",
        "(3 + 4) x 2 = 11",
        "3 + 4 x 2 = 14",
        "34 plus 17 is 52.",
        "the sum of 3 + 4 is 8",
        "Step 1: 34 + 17 = 52.",
        "20% x 50 = 12",
        "2 x 60 minutes = 100 minutes",
        "3 + 4 = 8 + 2 = 10",
        "50 + 10% = 56",
        "50 - 10% = 55",
        "-5 + 3 = -3",
        "102 - 35 = 32 more pens",
    ],
)
def test_a_false_equation_is_a_slip(text):
    assert len(find_slips(PENS, text, SUMS)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "3 + 4 = 7",
        "1,000 - 1 = 999",
        "$3.50 + $4 = $7.50",
        "10 / 3 = 3.33",
        "10 / 3 = 3 with 1 left",
        "20% x 50 = 10",
        "50 x 20% = 1000%",
        "50 + 10% = 55",  # a tenth of the 50
        "2 x 30 - 10% = 54",
        "(3 + 4) x 2 = 14",
        "3 + 4 = 7 + 2 = 9",  # run on, but the steps are right
        "5 + 5 = 10 - 6 + 2 = 8",  # a list whose line breaks were lost
        "- 5 + 3 = 8",  # a bullet
        "-5 + 3 = -2",
        "2y + 3 = 9",
        "x + 3 = 9",
        "3^2 + 1 = 10",
        "half of 3 + 5 = 4",
        "2 x 60 minutes = 2 hours",
        "7:30 + 45 = 8:15",
        "12/10/2020 - 5 = 3",
        "5 million + 3 = 8",
        "3 x 4 = 12 million",
        "8 + 13 = 6 + y",
        "1 x 4 = 32 : 4",
        "3 + 4 is not 8",
    ],
)
def test_a_true_or_unreadable_equation_is_none(text):
    assert find_slips(PENS, text, SUMS) == []


def test_a_slip_says_where_and_what():
    text = "First 1 + 1 = 2. Then 3 + 4 = 8."
    (slip,) = find_slips(PENS, text, SUMS)
    assert text[slip.start : slip.end] == "3 + 4 = 8"
    assert slip.reason == "3 + 4 is 7, not 8"


# a before b: after the swaps Ann has the green, Ben the red, Cleo the blue ball
SHUFFLE = Question(
    "1",
    "Ann, Ben, and Cleo each have a ball: Ann has a red ball, Ben has a blue ball, and Cleo has a "
    "green ball.\n\nFirst, Ann and Ben swap balls. Then, Ann and Cleo swap balls. Finally, Ben and "
    "Cleo swap balls. At the end, Ann has the \nWhich choice is true? Answer choices: (A) red "
    "ball, (B) blue ball, (C) green ball.",
    "C",
)
RIGHT_SHUFFLE = (
    "Ann and Ben swap: Ann now has the blue ball, Ben the red ball, Cleo still has the green ball. "
    "Ann and Cleo swap: Ann has green, Ben has red, Cleo has blue. "
    "Ben and Cleo swap: Ann has the green ball, Ben has the blue ball and Cleo has the red ball. "
    "So the correct answer is (C) green ball."
)


def test_a_right_shuffle_has_no_slip():
    assert slipped(SHUFFLE, RIGHT_SHUFFLE, "tracking_shuffled_objects") == []


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ("Ann now has the blue", "Ann now has the green", "Ann now has the green ball"),
        ("Cleo still has the green", "Cleo still has the red", "Cleo still has the red ball"),
        ("Ben has red, Cleo", "Ben has blue, Cleo", "Ben has blue"),
        ("and Cleo has the red", "and Cleo has the blue", "Cleo has the blue ball"),
        ("(C) green", "(B) green", "(B) green ball"),
        ("(C) green ball", "(B)", "(B)"),
    ],
)
def test_each_false_state_of_a_shuffle_is_found(right, wrong, found):
    text = RIGHT_SHUFFLE.replace(right, wrong)
    assert text != RIGHT_SHUFFLE
    assert slipped(SHUFFLE, text, "tracking_shuffled_objects") == [found]


@pytest.mark.parametrize(
    "text",
    [
        # the state before a swap, told as such
        "Ann and Ben swap. Since Ann has the red ball and Ben has the blue ball, Ann gets blue.",
        # the swaps are not named: the states may be any later ones
        "Ann has red. Ann has blue. Ann has green. So (C).",
        "Ben gives Ann the blue ball and Ann gives Ben the red ball.",
        "Ann does not have the green ball at first.",
        "It is a nice game with a red ball.",
        "Options: (A) red ball, (B) blue ball, (C) green ball",
        # an option that is turned down is not chosen
        "Ann has the green ball. (B) is wrong.",
        "Ann has the green ball. (B) the blue ball is wrong.",
        "Ann has the green ball. It cannot be (B).",
        "Ann has the green ball. That rules out (B).",
        "Ann has the green ball. So it is not (A) or (B).",
    ],
)
def test_what_may_be_meant_otherwise_is_no_slip_of_a_shuffle(text):
    assert slipped(SHUFFLE, text, "tracking_shuffled_objects") == []


def test_without_named_swaps_a_state_that_never_comes_is_a_slip():
    assert slipped(SHUFFLE, "Cleo has green. Cleo has blue. Ann has red.", SHUFFLE_NAME) == [
        "Ann has red"
    ]


def test_an_option_beside_one_that_is_turned_down_is_still_compared():
    assert slipped(SHUFFLE, "Ann has the green ball. It is (A), not (C).", SHUFFLE_NAME) == ["(A)"]


SHUFFLE_NAME = "tracking_shuffled_objects"
COIN = Question(
    "1",
    "A coin is heads up. Kim flips the coin. Roy does not flip the coin. Sue flips the coin. "
    "Is the coin still heads up?",
    "yes",
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Kim flips it: tails. Roy does not: tails. Sue flips it: heads. So yes.", []),
        ("After Kim it is tails. After Roy it is heads.", ["After Roy it is heads."]),
        ("After Kim it is no longer heads. It ends heads, so no.", ["It ends heads, so no."]),
        ("Roy flips the coin.", ["Roy flips the coin."]),
        ("Kim does not flip it.", ["Kim does not flip it."]),
        ("Kim and Sue flip it. 2 is odd.", ["2 is odd."]),
        ("Kim, Roy and Sue flip it.", ["Kim, Roy and Sue flip it."]),
        ("Kim flips it. So in the end it is tails up.", ["So in the end it is tails up."]),
        ("It starts tails.", ["It starts tails."]),
        ("If Kim had not flipped it, it would be tails. Who knows?", []),
    ],
)
def test_coins_are_simulated(text, found):
    assert [part.strip() for part in slipped(COIN, text, "coin_flip")] == found


NAMES = Question("1", 'Take the last letters of the words in "Lena Bob Max" and join them.', "abx")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Lena ends in a. Bob ends in b. Max ends in x. Together: abx.", []),
        ('The last letter of "Lena" is "n".', ['Lena" is "n"']),
        ("1. Lena - a\n2. Bob - o\n3. Max - x", ["Bob - o"]),
        ("Lena: a. Bob: b, so ba. Max: x, so abx.", ["Bob: b, so ba"]),
        ("Lena: A. Bob: B. Max: X. We get ABX.", []),
        ('We get "axb".', ["axb"]),
        ("Together they make abb", ["abb"]),
        ("Lena is a nice name.", []),
        ("We get abx. Ask me for anything else!", []),
    ],
)
def test_last_letters_are_looked_up(text, found):
    assert slipped(NAMES, text, "last_letter_concatenation") == found


TRIP = Question(
    "1",
    "Today is 02/27/2023. The trip is 3 days after today. What is the date of the trip? "
    "(A) 03/01/2023 (B) 03/02/2023 (C) 03/03/2023 (D) 02/24/2023 (E) 03/02/2022 (F) 04/02/2023",
    "B",
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("02/27/2023 + 3 days = 03/02/2023. That is (B).", []),
        ("02/27/2023 + 3 days = 03/01/2023.", ["02/27/2023 + 3 days = 03/01/2023"]),
        (
            "3 days after February 27, 2023 is March 1, 2023.",
            ["3 days after February 27, 2023 is March 1, 2023"],
        ),
        ("3 days after February 27 is March 1.", []),  # so it is in a leap year
        ("3 days after February 27 is March 3.", ["3 days after February 27 is March 3"]),
        ("the day before 03/01/2023 is 02/28/2023", []),
        ("one week before 03/08/2023 is 03/02/2023", ["one week before 03/08/2023 is 03/02/2023"]),
        ("2 months after 01/15/2023 is 03/15/2023", []),
        ("1 month after 01/31/2023 is 03/03/2023", []),  # people disagree
        ("02/29/2023 comes next", ["02/29/2023"]),
        ("The trip is on 03/03/2023.", ["trip is on 03/03/2023"]),
        ("It is 03/02/2023, so (C).", ["(C)"]),
        ("It is 03/02/2023, that is (B) 03/03/2023.", ["(B) 03/03/2023"]),
        ("31/12/2023 is the last day, as some write it", []),
    ],
)
def test_dates_are_worked_out(text, found):
    assert slipped(TRIP, text, "date_understanding") == found


def test_a_task_without_a_check_has_no_slips():
    assert find_slips(PENS, "3 + 4 = 8", find("strategy_qa")) == []


ALPHABET = "0123456789 ()+-=/.,:;%$\n\"'AnnBobheadstl is Jan swap"


@settings(deadline=None)  # a busy machine is no error
@given(text=st.text(max_size=200) | st.text(alphabet=ALPHABET, max_size=300))
def test_any_rationale_and_any_question_can_be_read(text):
    for name, question in QUESTIONS.items():
        for slip in find_slips(question, text, TASKS[name]):
            assert 0 <= slip.start < slip.end <= len(text)
        find_slips(Question("1", f"?{text}", ""), text, TASKS[name])
        FAMILIES[name].module.read(text)


QUESTIONS = {name: make_questions(name, 1, seed=0)[0] for name in FAMILIES}
PIECES = ["1", "1 + ", "1 a b c ", "(", "1 = ", "1 + 1 = 2 ", "a", " ", "1,111", "1/", "\n", '"']
PIECES += ["Ann has ", "Ann and Ben swap ", "Ann: ", "Lena - ", "Lena is the last letter ", "(A) "]
PIECES += ["Kim flips ", "heads ", "03/05/2021 ", "1 day after ", "March 1 ", "is "]
PIECES += ["Kim, ", "Kim and ", "Kim then ", "not ", "Lena - L, ", "1 day and ", "02/30/2021 no. "]
PIECES += ["03/05/2021 + 1 day = ", "1 1/2 ", "1 book/", "$1 + 1 cent = ", "1 am + ", "\u221a1"]


@pytest.mark.parametrize("piece", PIECES)
def test_long_rationales_are_checked_in_linear_time(piece):
    text = piece * (50_000 // len(piece))
    start = time.thread_time()  # a busy machine is no error
    for question, name in [
        (PENS, "svamp"),
        (SHUFFLE, SHUFFLE_NAME),
        (COIN, "coin_flip"),
        (NAMES, "last_letter_concatenation"),
        (TRIP, "date_understanding"),
    ]:
        find_slips(question, text, find(name))
    assert time.thread_time() - start < 5


@pytest.mark.parametrize(
    ("name", "at_most", "at_least"),
    [  # shares of rows flagged: of those with a right answer, of those with a wrong one
        ("tracking_shuffled_objects", 0.26, 0.75),
        ("last_letter_concatenation", 0.02, 0.85),
        ("svamp", 0.13, 0.45),
    ],
)
def test_wrong_published_rationales_are_flagged_far_more_often(
    published_data, name, at_most, at_least
):
    path = published_data / f"mentor-kd/data/aug/flan-t5_large/{name}_rand3_aug3.json"
    flagged = {True: [], False: []}
    for row in json.loads(path.read_text(encoding="utf-8")):
        question = Question("1", row["input"], row["answer"])
        slips = find_slips(question, row["chain"], find(name))
        flagged[row["initial_correct"]].append(bool(slips))
    assert sum(flagged[True]) / len(flagged[True]) <= at_most
    assert sum(flagged[False]) / len(flagged[False]) >= at_least


def test_an_equation_that_is_read_holds_or_is_a_slip():
    text = "3 + 4 = 7. Then 7 * 2 = 15 and y + 2 = 5, so 15 - 5 = 10. About 5 / 2 = 2, 1 / 8 = 0.1."
    task = find("multi_step_arithmetic")
    assert [text[a:b] for a, b in find_holding(text, task)] == ["3 + 4 = 7", "15 - 5 = 10"]
    assert find_holding(text, find("coin_flip")) == []
