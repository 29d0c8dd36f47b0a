"""Intervals and tests against published and hand-computed values."""

import numpy as np
import pytest
from scipy import stats

from mkdkit.evaluation import seeds
from mkdkit.evaluation.statistics import (
    Pairs,
    bootstrap_interval,
    count_pairs,
    holm,
    majority_accuracy,
    mcnemar,
    mcnemar_mid_p,
    mcnemar_range,
    mean_interval,
    mean_test,
    paired_bootstrap,
    sign_flip_test,
    smallest_difference,
    verdict_without_answers,
    wilson_interval,
)


def test_wilson_interval_of_a_textbook_example():
    # 81 of 263: Newcombe (1998), Statistics in Medicine 17, table I, method 3
    assert wilson_interval(81, 263) == pytest.approx((25.53, 36.62), abs=0.01)
    assert wilson_interval(15, 148) == pytest.approx((6.24, 16.05), abs=0.01)  # the same table


def test_wilson_interval_stays_within_0_and_100():
    # z²/(n + z²) is the upper end at 0 of n
    assert wilson_interval(0, 20) == pytest.approx((0.0, 100 * 3.8415 / 23.8415), abs=0.01)
    low, high = wilson_interval(20, 20)
    assert (round(low, 2), high) == (round(100 - 100 * 3.8415 / 23.8415, 2), 100.0)


def test_exact_mcnemar_counts_coins():
    first = [True] * 1 + [False] * 7 + [True] * 50
    second = [False] * 1 + [True] * 7 + [True] * 50
    # 1 head or fewer in 8 throws, doubled: 2 · (1 + 8) / 256
    assert mcnemar(first, second) == pytest.approx(2 * 9 / 256)


def arms(both, lost, gained, neither):
    """Two arms with these counts."""
    first = [True] * (both + lost) + [False] * (gained + neither)
    second = [True] * both + [False] * lost + [True] * gained + [False] * neither
    return first, second


def test_airway_reactions_before_and_after_a_transplantation():
    # Bentur et al. (2009), in Fagerland et al. (2013), tables 1 and 2: exact 0.0703, mid-p 0.0391
    before, after = arms(1, 1, 7, 12)
    assert mcnemar(before, after) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_mid_p(before, after) == pytest.approx(0.0391, abs=5e-5)
    assert mcnemar_mid_p(after, before) == mcnemar_mid_p(before, after)


def test_approval_of_a_prime_minister_fell():
    # Agresti, Categorical Data Analysis: 794, 150, 86, 570; z = (86 - 150) / sqrt(236) = -4.17.
    # Of 236 coins the mid-p value is about the normal curve's, the exact one that with Yates' half
    now, later = arms(794, 150, 86, 570)
    assert mcnemar_mid_p(now, later) == pytest.approx(2 * stats.norm.sf(64 / 236**0.5), rel=0.1)
    assert mcnemar(now, later) == pytest.approx(2 * stats.norm.sf(63 / 236**0.5), rel=0.1)


def test_the_mid_p_value_of_arms_that_are_level_is_one_less_half_a_chance():
    # two gained, two lost: six of the 16 ways four coins fall; Fagerland et al., supplement
    assert mcnemar_mid_p(*arms(5, 2, 2, 1)) == pytest.approx(1 - 0.5 * 6 / 16)
    assert mcnemar_mid_p(*arms(5, 0, 0, 1)) == 1.0


def limits(right, n, *, corrected):
    """Percentile or BCa limits (%) of a proportion for draws without end: binomial quantiles."""
    p, ends = right / n, stats.norm.ppf([0.025, 0.975])
    if corrected:
        below = stats.binom.cdf(right - 1, n, p) + stats.binom.pmf(right, n, p) / 2
        bias, skew = stats.norm.ppf(below), (1 - 2 * p) / (6 * (n * p * (1 - p)) ** 0.5)
        ends = bias + (bias + ends) / (1 - skew * (bias + ends))
    return 100 * stats.binom.ppf(stats.norm.cdf(ends), n, p) / n


@pytest.mark.parametrize(("right", "n"), [(30, 40), (143, 150), (12, 225)])
def test_the_bootstrap_of_an_accuracy_comes_to_its_closed_form(right, n):
    accuracy, *ends = bootstrap_interval([True] * right + [False] * (n - right))
    assert accuracy == pytest.approx(100 * right / n)
    assert ends == pytest.approx(limits(right, n, corrected=True), abs=100.1 / n)  # a question
    assert np.mean(ends) != pytest.approx(accuracy, abs=0.1)  # not the mean plus and minus a half


def test_near_the_end_of_the_scale_the_corrected_bootstrap_holds_and_the_plain_one_does_not():
    n, truth = 225, 95.0
    chance = stats.binom.pmf(np.arange(n + 1), n, truth / 100)

    def coverage(interval):
        inside = [low <= truth <= high for low, high in map(interval, range(1, n))]
        return 100 * float(chance[1:n] @ inside)

    assert coverage(lambda k: limits(k, n, corrected=False)) == pytest.approx(92.6, abs=0.05)
    assert coverage(lambda k: limits(k, n, corrected=True)) == pytest.approx(95.2, abs=0.05)
    assert coverage(lambda k: wilson_interval(k, n)) == pytest.approx(95.4, abs=0.05)


def test_arrays_serve_as_well_as_lists():
    first, second = [True, False, False], [False, True, True]
    assert count_pairs(np.array(first), np.array(second)) == count_pairs(first, second)


def test_mcnemar_of_arms_that_never_differ_is_one():
    assert mcnemar([True, False], [True, False]) == 1.0


def test_every_question_of_a_pair_is_counted_once():
    first = [True, True, True, False, False, True]
    second = [True, False, False, True, False, True]
    assert count_pairs(first, second) == Pairs(both=2, gained=1, lost=2, neither=1)


def test_two_accuracies_alone_bound_the_p_value():
    # 60 and 70 of 100. None lost: 10 coins, all heads. Most lost: min(60, 30) = 30, so 40 : 30
    lowest, highest = mcnemar_range(60, 70, 100)
    assert lowest == pytest.approx(2 / 2**10)
    assert highest == pytest.approx(mcnemar([False] * 40 + [True] * 30, [True] * 40 + [False] * 30))
    assert (lowest, highest) == mcnemar_range(70, 60, 100)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (10, 15, "cannot be"),  # five heads of five coins: p = 2/32
        (10, 16, "open"),  # six of six are 2/64, but 16 of 26 are no surprise
        (94, 100, "yes"),  # six of six, and none of a hundred can be lost
        (16, 16, "cannot be"),
    ],
)
def test_accuracies_alone_decide_only_what_no_pairing_can_turn(first, second, said):
    assert verdict_without_answers(first, second, 100) == said
    assert verdict_without_answers(second, first, 100) == said


def test_equal_accuracies_are_never_a_difference():
    assert mcnemar_range(16, 16, 150) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("discordant", "points"),
    [
        (5, None),  # five heads of five: 2/32 is not below 0.05
        (6, 3.0),  # six of six: 2/64
        (10, 4.0),  # nine of ten: 2 · 11/1024; eight are not enough: 2 · 56/1024
    ],
)
def test_the_smallest_difference_is_that_of_a_coin_just_loaded_enough(discordant, points):
    assert smallest_difference(200, discordant=discordant) == points


def test_a_mean_of_three_seeds_has_the_interval_of_students_t():
    # sd 1, standard error 1/sqrt(3), t(0.975; 2) = 4.3027
    mean, low, high = mean_interval([1.0, 2.0, 3.0])
    assert (mean, low, high) == pytest.approx((2.0, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), 1e-4)


def test_paired_bootstrap_of_a_constant_gain_has_no_width():
    assert paired_bootstrap([False] * 9, [True] * 9) == (100.0, 100.0, 100.0)


def test_paired_bootstrap_agrees_with_the_normal_interval_on_many_questions():
    first, second = [False] * 500 + [True] * 500, [False] * 400 + [True] * 600
    gain, low, high = paired_bootstrap(first, second)
    half = 1.96 * 100 * (0.1 * 0.9 / 1000) ** 0.5  # gains are 0 or 1, a tenth of them 1
    assert gain == pytest.approx(10.0)
    assert (low, high) == pytest.approx((10 - half, 10 + half), abs=0.2)


def test_majority_accuracy_is_the_share_of_the_most_frequent_answer():
    assert majority_accuracy(["A", "B", "A", "C"]) == 50.0


def test_impossible_counts_and_unequal_arms_are_refused():
    with pytest.raises(ValueError, match="need 0 <= correct <= n"):
        wilson_interval(5, 4)
    with pytest.raises(ValueError, match="same questions, got 2 and 1"):
        mcnemar([True, False], [True])
    with pytest.raises(ValueError, match="at least 2 values, got 1"):
        mean_interval([3.0])
    with pytest.raises(ValueError, match="need 0 <= correct <= n"):
        smallest_difference(10, discordant=11)
    with pytest.raises(ValueError, match="no answers"):
        majority_accuracy([])
    with pytest.raises(ValueError, match="got 5 that are all alike; use wilson_interval"):
        bootstrap_interval([True] * 5)


def test_the_test_of_a_mean_is_students():
    # the ten patients of Student (1908): R's example of a paired t-test has t = 4.0621 for their
    # extra hours of sleep with one drug over the other, and p = 0.002833
    sleep = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert mean_test(sleep) == pytest.approx(0.00283, abs=5e-6)
    assert mean_test([2.0, 2.0]) == 0.0
    assert mean_test([0.0, 0.0, 0.0]) == 1.0
    with pytest.raises(ValueError, match="at least 2 values, got 1"):
        mean_test([1.0])


@pytest.mark.parametrize("shift", [-0.1, 0.1])
def test_the_test_of_a_mean_agrees_with_its_interval(shift):
    differences = [10.0, 12.0, 17.0]
    _, low, _ = mean_interval(differences)
    p = mean_test([value - low + shift for value in differences])
    assert (p < 0.05) == (shift > 0)


@pytest.mark.parametrize("n", [2, 5, 8])
def test_differences_of_one_sign_have_the_smallest_p_value_there_is(n):
    assert sign_flip_test([1.0 + i for i in range(n)]) == pytest.approx(2 / 2**n)


def test_the_sign_flip_test_counts_the_patterns_that_are_as_extreme():
    # sums of (3, 2, 1) with all signs: 6 4 2 0 0 -2 -4 -6; as far from zero as 3 + 2 - 1 = 4: four
    assert sign_flip_test([3.0, 2.0, -1.0]) == pytest.approx(4 / 8)


def test_darwins_maize_crossed_and_selfed():
    # Fisher, The Design of Experiments (1935), section 21: of 32768 sums 863 are 314 or more
    eighths = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sign_flip_test(eighths) == pytest.approx(2 * 863 / 32768)


def test_differences_that_cancel_show_nothing():
    assert sign_flip_test([2.0, -2.0, 1.0, -1.0]) == 1.0


def test_accuracies_that_floats_cannot_hold_still_tie():
    # 0.2, 0.2 and 0.4 points: of eight patterns, sums as far from zero as 0.4 are six
    differences = [83.4 - 83.2, 61.6 - 61.4, 50.2 - 50.6]
    tenths = [2, 2, -4]
    assert sign_flip_test([0.2, 0.2, 0.4]) == pytest.approx(2 / 8)
    assert sign_flip_test(differences) == sign_flip_test(tenths) == 1.0
    assert sign_flip_test([83.4 - 83.2, 50.6 - 50.2, 61.4 - 61.6]) == pytest.approx(6 / 8)


def test_of_many_differences_patterns_are_drawn():
    # all of one size: their sum is as far from zero as that of 18 against 7 in a fair coin's 25
    # throws, of which a binomial table says 2 x 0.02164; the standard error of 99,999 draws: 0.0006
    differences = [1.0] * 18 + [-1.0] * 7
    assert sign_flip_test(differences) == pytest.approx(2 * 0.02164, abs=0.002)
    assert sign_flip_test(differences) == sign_flip_test(differences)
    assert sign_flip_test([1.0] * 40) == pytest.approx(2 / 100_000)


def test_the_sign_flip_test_needs_two_differences():
    with pytest.raises(ValueError, match="at least 2 differences, got 1"):
        sign_flip_test([1.0])


def test_holm_multiplies_by_the_number_still_in_play_and_never_falls():
    # 0.01 x 4; 0.02 x 3; 0.03 x 2 = 0.06; 0.04 x 1 is raised to 0.06
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])


def row(task, arm, seed, accuracy):
    return {"task": task, "arm": arm, "seed": seed, "accuracy": accuracy}


def test_arms_are_compared_seed_by_seed_and_task_by_task():
    leads = {"coin_flip": [1, 2, 3, 4, 5, 6], "date_understanding": [1, -1, 1, -1, 1, -1]}
    rows = [row("last_letter_concatenation", "a", 1, 50.0)]  # one arm alone: left out
    for task, points in leads.items():
        for seed, lead in enumerate(points):
            rows = [
                row(task, "b", seed, 40.0 + seed + lead),
                *rows,
                row(task, "a", seed, 40.0 + seed),
            ]
    found = seeds.compare(rows, "a", "b")
    assert set(found) == set(leads)
    coin = found["coin_flip"]
    assert coin["differences"] == [1, 2, 3, 4, 5, 6]
    assert coin["points"] == 3.5
    # standard deviation 1.8708, over the root of 6: 0.7638; t = 2.571 for five degrees of freedom
    assert coin["interval"] == pytest.approx((3.5 - 2.571 * 0.7638, 3.5 + 2.571 * 0.7638), abs=1e-3)
    assert coin["p"] == pytest.approx(2 / 2**6)  # all of one sign
    assert coin["p_holm"] == pytest.approx(4 / 2**6)  # the smaller of two, doubled
    assert found["date_understanding"]["p_holm"] == 1


def test_seeds_that_one_arm_lacks_are_left_out_of_a_comparison():
    rows = [
        row("coin_flip", arm, seed, 1.0 * seed)
        for arm, n in (("a", 4), ("b", 3))
        for seed in range(n)
    ]
    assert len(seeds.compare(rows, "a", "b")["coin_flip"]["differences"]) == 3
    assert seeds.compare(rows[:1], "a", "b") == {}


def test_a_task_counts_once_all_its_seeds_are_there():
    rows = [{"task": "a", "arm": arm, "seed": s} for arm in ("one", "two") for s in (1, 2)]
    rows += [{"task": "b", "arm": "one", "seed": s} for s in (1, 2)]
    rows += [{"task": "b", "arm": "two", "seed": 1}, {"task": "a", "arm": "three", "seed": 1}]
    found = seeds.complete(rows, ("one", "two"), 2)
    assert found == [row for row in rows if row["task"] == "a"]
    assert seeds.complete(rows, ("one",), 2) == rows
    assert seeds.complete(rows, ("one", "two"), 3) == []
    assert seeds.complete(iter(rows), ("none",), 1) == []
