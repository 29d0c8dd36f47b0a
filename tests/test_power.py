"""How large a difference a test can show, against values published and worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from mkdkit.evaluation.power import detectable_difference, mcnemar_power
from mkdkit.evaluation.statistics import mcnemar


def test_the_power_of_a_published_example():
    # G*Power 3.1 manual, chapter 5 (O'Brien 2002): 50 pairs, 0.32 and 0.08 discordant, one-sided
    # at 0.05: power 0.839343, actual alpha 0.032578. The other side of our two adds next to nothing
    power = mcnemar_power(50, differing=40, difference=24, level=0.10)
    assert power == pytest.approx(0.839343, abs=2e-5)
    false_alarms = mcnemar_power(50, differing=40, difference=0, level=0.10)
    assert false_alarms / 2 == pytest.approx(0.032578, abs=1e-6)


def test_the_power_of_three_coins_by_hand():
    # at 0.3 only three of three (p = 1/4) are sure; of three questions each differs with
    # probability 4/5, and is then gained with (1 + 1/2) / 2 = 3/4
    by_hand = 0.8**3 * (0.75**3 + 0.25**3)
    assert mcnemar_power(3, differing=80, difference=40, level=0.3) == pytest.approx(by_hand)


def test_power_is_how_often_the_test_itself_is_sure():
    n, source, sure = 60, np.random.default_rng(5), 0
    for _ in range(1000):
        kind = source.choice(3, size=n, p=[0.05, 0.25, 0.7])  # lost, gained, alike
        sure += mcnemar(kind == 0, kind == 1) < 0.05
    expected = mcnemar_power(n, differing=30, difference=20)
    assert sure / 1000 == pytest.approx(expected, abs=3 * (expected * (1 - expected) / 1000) ** 0.5)


def test_six_questions_show_only_what_wins_all_of_them():
    # all six differ; sure are six of six alone: x^6 + (1 - x)^6 = 0.8 at x = 0.9635, 2x - 1 points
    assert detectable_difference(6, differing=100) == pytest.approx(
        100 * (2 * 0.9635 - 1), abs=0.01
    )


@pytest.mark.parametrize(("n", "differing", "power"), [(150, 20, 0.8), (225, 10, 0.9)])
def test_the_difference_found_has_the_power_asked_for(n, differing, power):
    points = detectable_difference(n, differing=differing, power=power)
    assert mcnemar_power(n, differing=differing, difference=points) == pytest.approx(
        power, abs=1e-5
    )
    # the textbook's approximation, Connett, Smith and McHugh (1987), is a little more hopeful
    share, reach = differing / 100, stats.norm.ppf(0.975) * (differing / 100) ** 0.5
    difference = points / 100
    reach += stats.norm.ppf(power) * (share - difference**2) ** 0.5
    assert 0.85 * n < (reach / difference) ** 2 < n


def test_a_difference_that_no_arm_can_have_is_not_promised():
    assert detectable_difference(50, differing=5) is None  # 2.5 questions on average, six needed


def test_impossible_shares_are_refused():
    with pytest.raises(ValueError, match="differing 10, difference 11"):
        mcnemar_power(100, differing=10, difference=11)
    with pytest.raises(ValueError, match="differing 0"):
        detectable_difference(100, differing=0)
    with pytest.raises(ValueError, match=r"above the level 0\.05 and below 1, got 1"):
        detectable_difference(100, differing=10, power=1)
