"""Questions made by rule: solvable, disjoint, fixed where they must be."""

import json
from collections import Counter
from random import Random

import pytest

from mkdkit.records import Question
from mkdkit.settings import QuestionSettings
from mkdkit.tasks.answers import read_answer
from mkdkit.tasks.arithmetic import LARGEST
from mkdkit.tasks.catalogue import find
from mkdkit.tasks.names import NAMES, SHORT_NAMES, some_names
from mkdkit.tasks.procedural import (
    FAMILIES,
    make_questions,
    make_splits,
    read_puzzle,
    solve,
    template_of,
)

TASKS = sorted(FAMILIES)
# task -> (a text in the task's wording, its answer, worked out by hand)
BY_HAND = {
    "coin_flip": (
        "A coin is tails up at the start. Ann flips it. Bob does not flip it. Cy flips it. "
        "Eva flips it. Is the coin heads up at the end?",
        "yes",
    ),
    "date_understanding": (
        "Yesterday was 02/27/2024. The race is 2 days after today. The trip is 1 week before the "
        "race. What is the date of the trip? (A) 02/22/2024 (B) 02/23/2024 (C) 02/24/2024 "
        "(D) 03/01/2024 (E) 02/23/2023 (F) 01/23/2024",
        "B",  # today is 02/28, the race on 03/01 (a leap year), the trip on 02/23
    ),
    "last_letter_concatenation": (
        'Write the last letter of each name in "Ann Bob Cara Max" one after another.',
        "nbax",
    ),
    "multi_step_arithmetic": (
        "Mia has 34 pens. Mia gets 17 more. Mia gives away 8. Mia loses 3. "
        "How many pens does Mia have now?",
        "40",
    ),
    "tracking_shuffled_objects": (
        "Al, Bo and Cy each hold one of these things. Al has the cup, Bo has the map and Cy has "
        "the box. First, Al and Bo swap what they hold. Then, Bo and Cy swap what they hold. Last, "
        "Cy and Al swap what they hold. What does Al have at the end? (A) cup (B) map (C) box",
        "A",
    ),
}


@pytest.mark.parametrize("task", TASKS)
def test_a_question_solved_by_hand_is_solved_the_same(task):
    text, answer = BY_HAND[task]
    assert solve(Question("hand", text, answer), task) == answer


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("steps", [1, 4, 8])
def test_the_text_alone_gives_the_answer(task, steps):
    questions = make_questions(task, 60, seed=0, steps=steps)
    assert [solve(question, task) for question in questions] == [q.answer for q in questions]
    assert all(read_answer(q.answer, find(task)) == q.answer for q in questions)


@pytest.mark.parametrize("task", TASKS)
def test_all_templates_come_up_and_are_known_from_the_text(task):
    questions = make_questions(task, 200, seed=0)
    counts = Counter(template_of(question, task) for question in questions)
    assert set(counts) == set(FAMILIES[task].module.TEMPLATES)
    assert min(counts.values()) > 200 / len(counts) / 2


@pytest.mark.parametrize("objects", [3, 5, 7])
def test_a_shuffle_has_as_many_objects_and_swaps_as_asked(objects):
    question = make_questions("tracking_shuffled_objects", 1, seed=0, objects=objects)[0]
    deal = read_puzzle(question, "tracking_shuffled_objects")
    assert len(deal.people) == len(deal.items) == len(deal.options) == objects
    assert len(deal.swaps) == objects
    fixed = make_questions("tracking_shuffled_objects", 1, seed=0, objects=objects, steps=4)[0]
    assert len(read_puzzle(fixed, "tracking_shuffled_objects").swaps) == 4


@pytest.mark.parametrize("task", TASKS)
def test_no_text_is_in_two_splits_whatever_the_seeds_and_sizes(task):
    tests, trains = set(), set()
    for seed, size in [(0, 100), (1, 300), (2, 50)]:
        splits = make_splits(QuestionSettings(task=task, train=size, test=size, seed=seed))
        trains |= {q.text for q in splits.train}
        tests |= {q.text for q in splits.test + splits.validation}
        assert len({q.id for q in splits.train + splits.validation + splits.test}) == 2 * size + 100
    assert not trains & tests


def test_small_worlds_are_disjoint_too():
    # one name of 444 in three templates: 1,332 texts in all
    one = QuestionSettings(
        task="last_letter_concatenation", steps=1, train=600, validation=60, test=60
    )
    splits = make_splits(one)
    train, test = ({q.text for q in part} for part in (splits.train, splits.test))
    assert len(train) == 600
    assert not train & test


@pytest.mark.parametrize("task", TASKS)
def test_validation_and_test_do_not_depend_on_the_seed_and_train_does(task):
    zero, one = (make_splits(QuestionSettings(task=task, seed=seed)) for seed in (0, 1))
    assert zero.validation == one.validation
    assert zero.test == one.test
    assert zero.train != one.train
    assert zero == make_splits(QuestionSettings(task=task, seed=0))


@pytest.mark.parametrize("task", TASKS)
def test_with_wordings_apart_no_wording_of_the_test_is_in_train(task):
    together, apart = (
        make_splits(QuestionSettings(task=task, train=80, test=80, wordings=wordings))
        for wordings in ("shared", "apart")
    )
    told = {
        part: {template_of(question, task) for question in getattr(apart, part)}
        for part in ("train", "validation", "test")
    }
    assert not told["train"] & told["test"]
    assert told["validation"] <= told["train"]
    every = {template_of(question, task) for question in together.train}
    assert told["train"] | told["test"] == every  # none is lost
    assert {template_of(question, task) for question in together.test} == every


def test_a_smaller_test_set_is_the_beginning_of_a_larger_one():
    small, large = (make_splits(QuestionSettings(test=size)).test for size in (20, 200))
    assert large[:20] == small


def test_questions_do_not_change_between_versions():
    question = make_splits(QuestionSettings(task="multi_step_arithmetic")).test[0]
    assert question.id == "multi_step_arithmetic/test/0000"
    assert question.text == (
        "There are 44 people on a bus. At the next stop 13 people get off. Then 19 people get on. "
        "Then 24 people get on. At the next stop 20 people get on. How many people are on the bus "
        "now?"
    )
    assert question.answer == "94"


@pytest.mark.parametrize(
    ("task", "objects", "most"),
    [
        ("coin_flip", 3, 0.56),
        ("date_understanding", 3, 0.23),
        ("last_letter_concatenation", 3, 0.02),
        ("multi_step_arithmetic", 3, 0.04),
        ("tracking_shuffled_objects", 3, 0.40),
        ("tracking_shuffled_objects", 7, 0.20),
    ],
)
def test_no_answer_is_much_more_common_than_chance(task, objects, most):
    settings = QuestionSettings(task=task, objects=objects, train=1, test=500)
    counts = Counter(question.answer for question in make_splits(settings).test)
    assert counts.most_common(1)[0][1] / 500 <= most


def test_all_values_of_a_sum_have_at_most_two_digits():
    for question in make_questions("multi_step_arithmetic", 300, seed=0, steps=8):
        values = read_puzzle(question, "multi_step_arithmetic").values
        assert min(values) >= 0
        assert max(values) <= LARGEST


def test_excluded_texts_are_left_out():
    first = make_questions("coin_flip", 50, seed=0)
    again = make_questions("coin_flip", 50, seed=0, exclude={q.text for q in first})
    assert not {q.text for q in first} & {q.text for q in again}


def test_there_are_enough_names_and_none_twice():
    assert len(set(NAMES)) == len(NAMES) >= 300
    assert len({name[-1].lower() for name in NAMES}) >= 15


@pytest.mark.parametrize(
    ("task", "wording"),
    [
        (
            "coin_flip",
            "A coin is heads up. Kim flips the coin. Roy does not flip the coin. "
            'Is the coin still heads up? Note that "flip" here means "reverse".',
        ),
        (
            "tracking_shuffled_objects",
            "Ann, Ben, and Cleo are at a dance. At the start of a song, they each have a partner: "
            "Ann is dancing with Rod, Ben is dancing with Sal, and Cleo is dancing with Tess. \n\n"
            "First, Ann and Cleo switch partners. Then, Ben and Cleo switch partners. At the end, "
            "Cleo is dancing with \nWhich choice is true? Answer choices: (A) Rod, (B) Sal, "
            "(C) Tess.",
        ),
        ("last_letter_concatenation", 'Take the last letters of the words in "Kim Roy" and so on.'),
    ],
)
def test_questions_in_the_published_forms_are_read_too(task, wording):
    answers = {"coin_flip": "no", "tracking_shuffled_objects": "B"}
    question = Question("1", wording, "")
    assert template_of(question, task) == "published"
    assert solve(question, task) == answers.get(task, "my")


def test_the_published_shuffles_have_the_answers_of_the_simulation(published_data):
    seen = 0
    for part in ("train", "test"):
        path = published_data / f"mentor-kd/data/skeleton/tracking_shuffled_objects_{part}.json"
        for row in json.loads(path.read_text(encoding="utf-8")):
            question = Question("1", row["input"], row["answer"])
            seen += solve(question, "tracking_shuffled_objects") == row["answer"]
    assert seen == 750


def test_an_unknown_wording_is_not_solved():
    assert all(solve(Question("1", "How are you? I am fine.", ""), task) is None for task in TASKS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task_name": "gsm8k"}, "not 'gsm8k'; name a data set"),
        ({"task_name": "tso"}, "did you mean 'tracking_shuffled_objects'"),
        ({"steps": 0}, "steps of coin_flip must be from 1 to 16"),
        ({"steps": 17}, "steps of coin_flip must be from 1 to 16"),
        ({"objects": 4}, "objects 3, 5 or 7"),
        ({"steps": 1, "n": 100_000}, "too few different questions"),
    ],
)
def test_what_cannot_be_made_is_an_error(changes, message):
    asked = {"task_name": "coin_flip", "n": 1, "seed": 0} | changes
    if asked["n"] > 1:
        asked["n"] = 2000  # 44 names, 4 wordings, 2 turns, 4 pairs of states: 1,408 texts
    with pytest.raises(ValueError, match=message):
        make_questions(**asked)


def test_rule_made_questions_need_a_number():
    with pytest.raises(ValueError, match="train and test must be numbers"):
        make_splits(QuestionSettings(train=None))


def test_people_have_different_initials_while_there_are_enough():
    for seed in range(50):
        drawn = some_names(Random(seed), SHORT_NAMES, 6)
        assert len({name[0] for name in drawn}) == 6
    everybody = some_names(Random(0), SHORT_NAMES, len(SHORT_NAMES))
    assert sorted(everybody) == sorted(SHORT_NAMES)
