"""Numbers in the words of a model: what is stated, what explains it, and what a dash is."""

from fractions import Fraction

import pytest

from mkdkit.tasks import numbers
from mkdkit.tasks.answers import extract
from mkdkit.tasks.catalogue import find
from mkdkit.tasks.sentences import before_reason

NUMBER = find("svamp")


def strict(completion):
    return extract(completion, NUMBER).strict


def flexible(completion):
    return extract(completion, NUMBER).flexible


@pytest.mark.parametrize(
    ("completion", "stated"),
    [
        ("The answer is 3 because 3 + 5 = 8.", "3"),
        ("The answer is 3 since 3 x 5 = 15.", "3"),
        ("The answer is 3, as 15 / 5 = 3 and 3 + 5 = 8.", "3"),
        ("Answer: 3 (check: 3 x 5 = 15)", "3"),
        ("Answer: 3, check: 3 x 5 = 15", "3"),
        ("The answer is three because 3 + 5 = 8.", "3"),
        ("The answer is 10 hours = 600 minutes.", "10"),
    ],
)
def test_a_stated_number_stands_against_the_equation_that_explains_it(completion, stated):
    assert strict(completion) == stated


@pytest.mark.parametrize(
    ("completion", "result"),
    [
        ("The answer is 3 + 5 = 8.", "8"),
        ("--> 5 red pens + 9 blue pens = 14 pens", "14"),
        ("--> 5 (red) + 9 (blue) = 14", "14"),
        ("--> (3 + 4) = 7", "7"),
        ("--> 5 dozen = 60", "60"),
        ("--> 3 times as many as 5 = 15", "15"),
        ("Answer: since 3 + 4 = 7", "7"),  # the reason is all there is
        ("--> 15 = 20 - 5", "15"),
    ],
)
def test_an_equation_that_is_the_answer_still_gives_its_result(completion, result):
    assert strict(completion) == result


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        ("Answer:\n- 12 apples", "12"),
        ("**Answer:** - 12 apples", "12"),
        ("So, in total:\n- 12 apples", "12"),
        ("Apples left - 12", "12"),
        ("Apples left: -12", "-12"),
        ("--> 5 - 8 = - 3", "-3"),
        ("5 - 8 = - 3", "-3"),
        ("-->-3", "-3"),
    ],
)
def test_a_dash_before_a_blank_is_a_minus_only_behind_an_equals_sign(completion, number):
    assert flexible(completion) == number


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        ("The answer is negative 3", "-3"),
        ("The answer is minus 3.", "-3"),
        ("So it is minus $3.", "-3"),
        ("Answer: minus three", "-3"),
        ("That leaves him with negative 4 cakes.", "-4"),
        ("The answer is 5 minus 3", "5"),  # a sum without its result
        ("He had 160 minus 56", "56"),
    ],
)
def test_a_sign_may_be_a_word(completion, number):
    assert flexible(completion) == number


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        ("Answer: After 3 days she has 12.", "12"),
        ("Answer: After 3 days, she has 12.", "12"),
        ("Answer: In 2 hours he drives 120 miles.", "120"),
        ("Therefore, after 3 days Tom has 12 pens in 2 boxes.", "12"),
        ("Answer: After 3 days", "3"),
        ("Answer: in 5 days and 3 hours", "5"),
    ],
)
def test_the_number_of_a_lead_in_is_not_the_answer(completion, number):
    assert flexible(completion) == number


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        ("The answer is 2.5 million.", "2500000"),
        ("The answer is $5 thousand", "5000"),
        ("--> 3 Hundred", "300"),
        ("so 0.05 million people", "50000"),
        ("--> 1.23456 thousand", "1234.56"),
        ("--> 3 million-dollar houses", "3"),
    ],
)
def test_figures_have_scales_as_number_words_do(completion, number):
    assert flexible(completion) == number


def test_a_scale_is_exact_however_long_the_number():
    long = "1234567890123456789012345678901234567"
    value = numbers.number_value(f"{long}.5 thousand")
    assert value == (Fraction(long) + Fraction(1, 2)) * 1000


def test_asides_in_asides_are_left_out():
    assert flexible("He would still have 67 cakes ((62 + 149) - 144).") == "67"


def test_a_comparison_gives_no_reason():
    for sentence in ("twice as many as 4", "3 times as old as Tom", "the same as 7"):
        assert before_reason(sentence) == sentence
    assert before_reason("3 pens, as twice as many are 6") == "3 pens"
