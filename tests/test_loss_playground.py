"""The playground's numbers are those of the losses that train, and of hand and eye."""

import math
from typing import get_args

import numpy as np
import pytest
import torch

from mkdkit.settings import Divergence
from mkdkit.show import cards, playground
from mkdkit.show.playground import BETWEEN, DIVERGENCES, FORWARD, REVERSE
from mkdkit.show.widgets import loss_playground
from mkdkit.training import losses

MENTOR, STUDENT = [2.0, 1.0, 0.0, -1.5], [0.3, -0.2, 1.0, 0.0]
SETTINGS = {"kd_weight": 0.3, "temperature": 2.0}
TRAINED = {FORWARD: "forward", REVERSE: "reverse", BETWEEN: "jensen-shannon"}  # as settings say


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("tau_squared", [False, True])
def test_it_is_the_loss_that_trains_and_its_gradient(tau_squared, divergence):
    options = {**SETTINGS, "tau_squared": tau_squared, "divergence": divergence}
    weighed = playground.weigh(MENTOR, STUDENT, 2, **options)
    student = torch.tensor([STUDENT], dtype=torch.float64, requires_grad=True)
    rationale = losses.rationale_loss(student, torch.tensor([2]))
    soft = losses.soft_label_loss(
        student, torch.tensor([MENTOR]), temperature=2.0, divergence=TRAINED[divergence]
    )
    loss = losses.student_loss(rationale, soft, tau_squared=tau_squared, **SETTINGS)
    loss.backward()
    assert weighed.rationale == pytest.approx(rationale.item(), rel=1e-5)
    assert weighed.soft_labels == pytest.approx(soft.item(), rel=1e-5)
    assert weighed.loss == pytest.approx(loss.item(), rel=1e-5)
    total = sum(weighed.gradients.values())
    assert total == pytest.approx(student.grad[0].numpy(), abs=1e-6)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_gradients_are_the_slopes_of_the_loss(divergence):
    options = {**SETTINGS, "divergence": divergence, "tau_squared": True}
    weighed = playground.weigh(MENTOR, STUDENT, 1, **options)
    total = sum(weighed.gradients.values())
    for token in range(4):
        higher, lower = ([*STUDENT], [*STUDENT])
        higher[token] += 1e-5
        lower[token] -= 1e-5
        rise = [playground.weigh(MENTOR, s, 1, **options).loss for s in (higher, lower)]
        assert total[token] == pytest.approx((rise[0] - rise[1]) / 2e-5, abs=1e-6)


def test_divergences_by_hand():
    mentor, student = np.array([0.75, 0.25]), np.array([0.5, 0.5])
    found = {name: diverge(mentor, student)[0] for name, diverge in DIVERGENCES.items()}
    assert found[FORWARD] == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert found[REVERSE] == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    middle = [0.625, 0.375]
    both = [sum(p * math.log(p / m) for p, m in zip(one, middle, strict=True))
            for one in ((0.75, 0.25), (0.5, 0.5))]  # fmt: skip
    assert found[BETWEEN] == pytest.approx(sum(both) / 2)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_nothing_is_left_to_learn_from_ones_own_distribution(divergence):
    options = {"kd_weight": 1.0, "temperature": 3.0, "divergence": divergence}
    weighed = playground.weigh(MENTOR, MENTOR, 0, **options)
    assert weighed.loss == pytest.approx(0)
    assert weighed.gradients["soft labels"] == pytest.approx(np.zeros(4))


def test_tau_squared_keeps_the_size_of_a_close_students_gradient():
    close = [value + shift for value, shift in zip(MENTOR, (0.01, -0.02, 0.01, 0.0), strict=True)]
    sizes = {}
    for squared in (False, True):
        for tau in (4.0, 8.0):  # high enough for the distributions to be nearly level
            options = {"kd_weight": 1.0, "temperature": tau, "tau_squared": squared}
            slope = playground.weigh(MENTOR, close, 0, **options).gradients["soft labels"]
            sizes[squared, tau] = np.linalg.norm(slope)
    assert sizes[False, 8.0] / sizes[False, 4.0] == pytest.approx(1 / 4, rel=0.1)
    assert sizes[True, 8.0] / sizes[True, 4.0] == pytest.approx(1, rel=0.1)


def test_there_is_a_picture_of_every_divergence_that_trains():
    assert list(TRAINED) == list(DIVERGENCES)
    assert set(TRAINED.values()) == set(get_args(Divergence))


def test_an_unknown_divergence_or_other_numbers_of_logits_are_errors():
    with pytest.raises(ValueError, match="must be one of"):
        playground.weigh(MENTOR, STUDENT, 0, divergence="KL", **SETTINGS)
    with pytest.raises(ValueError, match="got 4 and 2"):
        playground.weigh(MENTOR, [0.0, 1.0], 0, **SETTINGS)
    with pytest.raises(ValueError, match="from 0 to 3, got 4"):
        playground.weigh(MENTOR, STUDENT, 4, **SETTINGS)
    with pytest.raises(ValueError, match="above 0, got 0"):
        playground.weigh(MENTOR, STUDENT, 0, kd_weight=0.5, temperature=0)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_logits_that_are_far_apart_have_a_finite_loss(divergence):
    options = {"kd_weight": 0.5, "temperature": 0.5, "divergence": divergence}
    weighed = playground.weigh([900.0, 0.0], [0.0, 900.0], 0, **options)
    assert math.isfinite(weighed.loss)
    assert all(np.isfinite(slope).all() for slope in weighed.gradients.values())


def test_forward_kl_rewards_covering_and_reverse_kl_choosing():
    axes = playground.plot_rewarded([1, 8, 2, 0.2, 0.02, 0.2, 1, 4, 1]).get_figure().axes
    widths = {}
    for ax in axes:
        best = np.asarray(ax.lines[0].get_ydata())
        places = np.arange(len(best))
        widths[ax.get_title()] = math.sqrt((best * (places - best @ places) ** 2).sum())
    assert widths[FORWARD] > 2  # over both peaks
    assert widths[REVERSE] < 1  # on one of them


def test_the_playground_shows_what_its_sliders_say():
    widget = loss_playground(["a", "b"], [1.0, 0.0], [0.0, 0.0])
    before = bytes(widget.picture.value)
    assert before.startswith(b"\x89PNG")
    widget.kd_weight.value = 1.0
    assert bytes(widget.picture.value) != before
    widget.student[0].value = 1.0
    assert widget.weighed.loss == pytest.approx(0)  # the mentor's own logits
    expected = cards.table([playground.describe(widget.weighed)], digits=3)
    assert widget.card.value == expected.data


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_steps_lower_the_loss(divergence):
    widget = loss_playground()
    widget.divergence.value = divergence
    found = [widget.weighed.loss]
    for _ in range(5):
        widget.step.click()
        found.append(widget.weighed.loss)
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0]


def test_a_playground_needs_logits_for_every_token():
    with pytest.raises(ValueError, match="got 2 tokens, 1 and 2 logits"):
        loss_playground(["a", "b"], [1.0], [0.0, 0.0])
