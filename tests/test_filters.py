"""Filters: every rationale is kept or dropped for the first reason that applies."""

import json
from dataclasses import replace

import pytest

from mkdkit.filters import REASONS, filter_rationales
from mkdkit.records import Question, Rationale
from mkdkit.settings import FilterSettings
from mkdkit.tasks.catalogue import find

TASK = find("svamp")
QUESTIONS = [
    Question("1", "Tom has 3 pens and gets 4. How many has he?", "7"),
    Question("2", "Tom has 3 pens and loses 2. How many has he?", "1"),
]
RIGHT = Rationale("1", "3 + 4 = 7.", "7", "teacher", True)
ONE_OF_EACH = {
    "kept": RIGHT,
    "no answer": replace(RIGHT, prediction=None, is_correct=False),
    "wrong answer": replace(RIGHT, text="3 + 4 = 8.", prediction="8", is_correct=False),
    "flawed reasoning": replace(RIGHT, text="3 + 4 = 8. No, 3 + 4 = 7."),
    "cannot be encoded": replace(RIGHT, text="3 + 4 \u2261 7."),
    "too long": replace(RIGHT, text="3 + 4 = 7. " * 9),
    "duplicate": replace(RIGHT, text="3 + 4\n= 7. "),
    "over the limit": replace(RIGHT, text="4 + 3 = 7."),
}
ALL_RULES = FilterSettings(check_reasoning=True, max_tokens=20, max_per_question=1)


def run(rationales, settings=ALL_RULES):
    return filter_rationales(
        rationales,
        questions=QUESTIONS,
        task=TASK,
        settings=settings,
        count_tokens=lambda question, rationale: len(rationale.text.split()),
        can_encode=str.isascii,
    )


def test_each_reason_is_found_and_counts_sum_to_what_was_read():
    result = run(ONE_OF_EACH.values())
    assert result.kept == [RIGHT]
    assert result.dropped == {reason: [ONE_OF_EACH[reason]] for reason in REASONS}
    assert result.counts() == dict.fromkeys(("kept", *REASONS), 1)


def test_the_first_reason_in_order_is_given():
    bad = replace(ONE_OF_EACH["wrong answer"], text="3 + 4 = 8 \u2261 8. " * 20)
    assert run([bad]).counts()["wrong answer"] == 1
    assert run([replace(bad, prediction="7", is_correct=True)]).counts()["flawed reasoning"] == 1


def test_with_every_rule_off_everything_is_kept():
    settings = FilterSettings(
        correct_only=False, drop_duplicates=False, encodable_only=False, max_tokens=None
    )
    assert run([*ONE_OF_EACH.values()] * 2, settings).counts()["kept"] == 2 * len(ONE_OF_EACH)


def test_without_a_tokenizer_nothing_is_too_long_or_cannot_be_encoded():
    settings = FilterSettings(max_tokens=1)
    result = filter_rationales(
        [RIGHT, ONE_OF_EACH["cannot be encoded"]],
        questions=QUESTIONS,
        task=TASK,
        settings=settings,
    )
    assert len(result.kept) == 2


def test_the_limit_holds_for_each_question_and_the_first_ones_stay():
    other = Rationale("2", "3 - 2 = 1.", "1", "teacher", True)
    third = ONE_OF_EACH["over the limit"]
    result = run([RIGHT, other, third])
    assert result.kept == [RIGHT, other]
    assert result.dropped["over the limit"] == [third]


def test_the_same_text_for_two_questions_is_no_duplicate():
    settings = FilterSettings(correct_only=False)
    assert run([RIGHT, replace(RIGHT, question_id="2")], settings).counts()["duplicate"] == 0


def test_a_copy_of_a_dropped_rationale_is_no_duplicate():
    wrong = ONE_OF_EACH["wrong answer"]
    assert run([wrong, wrong]).counts()["wrong answer"] == 2


def test_exactly_the_allowed_tokens_are_not_too_long():
    five = replace(RIGHT, text="3 + 4 = 7.")
    assert run([five], FilterSettings(max_tokens=5)).kept == [five]
    assert run([five], FilterSettings(max_tokens=4)).counts()["too long"] == 1


def test_a_rationale_for_an_unknown_question_is_an_error():
    with pytest.raises(ValueError, match="answers question '9', which is not given"):
        run([replace(RIGHT, question_id="9")])


def test_two_questions_of_one_id_are_an_error():
    with pytest.raises(ValueError, match="'1' stands twice"):
        filter_rationales([], questions=[QUESTIONS[0]] * 2, task=TASK, settings=ALL_RULES)


def test_of_the_published_mentor_rationales_the_right_and_distinct_ones_are_kept(published_data):
    path = published_data / "mentor-kd/data/aug/flan-t5_large/svamp_rand3_aug3.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    questions = {row["input"]: Question(row["input"], row["input"], row["answer"]) for row in rows}
    rationales = [
        Rationale(row["input"], row["chain"], row["completion"], "mentor", row["initial_correct"])
        for row in rows
    ]
    settings = FilterSettings(check_reasoning=True)
    counts = filter_rationales(
        rationales, questions=[*questions.values()], task=TASK, settings=settings
    ).counts()
    assert sum(counts.values()) == 2100
    assert counts["wrong answer"] == 2100 - 1558  # Mentor-KD, Table 7
    assert 0.05 < counts["flawed reasoning"] / 1558 < 0.15  # simpler patterns found 8.7%
