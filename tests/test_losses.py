"""Losses against values computed by hand, identities, and what must not matter."""

import math

import pytest
import torch
from torch.nn import functional as F

from mkdkit.training.losses import (
    rationale_loss,
    soft_label_loss,
    student_loss,
    top_k_soft_label_loss,
)
from mkdkit.training.soft_labels import TEMPERATURES, keep_top_k

torch.manual_seed(0)
STUDENT, MENTOR = torch.randn(6, 11), 3 * torch.randn(6, 11)


def test_matches_a_hand_computed_kl():
    mentor = torch.tensor([[math.log(3.0), 0.0]])  # p = (3/4, 1/4)
    student = torch.zeros(1, 2)  # q = (1/2, 1/2)
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert soft_label_loss(student, mentor, temperature=1.0).item() == pytest.approx(expected)


def test_temperature_softens_both_sides():
    mentor = torch.tensor([[2 * math.log(3.0), 0.0]])  # at temperature 2: p = (3/4, 1/4)
    student = torch.tensor([[0.0, 2 * math.log(4.0)]])  # at temperature 2: q = (1/5, 4/5)
    expected = 0.75 * math.log(0.75 / 0.2) + 0.25 * math.log(0.25 / 0.8)
    assert soft_label_loss(student, mentor, temperature=2.0).item() == pytest.approx(expected)


def test_kl_of_a_distribution_with_itself_is_zero():
    for temperature in TEMPERATURES:
        loss = soft_label_loss(MENTOR, MENTOR, temperature=temperature)
        assert loss.item() == pytest.approx(0, abs=1e-6)


def test_no_gradient_reaches_the_mentor():
    student, mentor = STUDENT.clone().requires_grad_(), MENTOR.clone().requires_grad_()
    soft_label_loss(student, mentor, temperature=1.0).backward()
    assert student.grad is not None
    assert mentor.grad is None


def test_soft_label_gradient_is_the_difference_of_the_distributions():
    student = STUDENT.clone().requires_grad_()
    soft_label_loss(student, MENTOR, temperature=2.0).backward()
    expected = ((STUDENT / 2).softmax(-1) - (MENTOR / 2).softmax(-1)) / 2
    assert torch.allclose(student.grad, expected, atol=1e-6)


def test_rationale_loss_is_the_sum_of_negative_log_probabilities():
    logits = torch.tensor([[math.log(2.0), 0.0, 0.0], [0.0, 0.0, 0.0]])  # 1/2 1/4 1/4; thirds
    labels = torch.tensor([0, 2])
    assert rationale_loss(logits, labels).item() == pytest.approx(math.log(2) + math.log(3))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_top_k_with_the_whole_vocabulary_is_the_full_kl(temperature):
    labels = keep_top_k(MENTOR, MENTOR.shape[-1])
    full = soft_label_loss(STUDENT, MENTOR, temperature=temperature)
    assert labels.loss(STUDENT, temperature=temperature).item() == pytest.approx(full.item(), 1e-5)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_top_k_is_the_kl_of_the_distribution_with_its_tail_merged(temperature):
    labels = keep_top_k(MENTOR, 4)
    p, q = ((logits / temperature).softmax(-1).double() for logits in (MENTOR, STUDENT))
    expected = 0.0
    for row, ids in enumerate(labels.token_ids):
        outside = [token for token in range(11) if token not in ids.tolist()]
        pairs = [(p[row, token], q[row, token]) for token in ids]
        pairs.append((p[row, outside].sum(), q[row, outside].sum()))
        expected += sum((a * math.log(a / b)).item() for a, b in pairs)
    assert labels.loss(STUDENT, temperature=temperature).item() == pytest.approx(expected, 1e-4)


def test_top_k_is_a_lower_bound_that_rises_with_k():
    full = soft_label_loss(STUDENT, MENTOR, temperature=2.0).item()
    bounds = [keep_top_k(MENTOR, k).loss(STUDENT, temperature=2.0).item() for k in (1, 3, 6, 11)]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[-1] == pytest.approx(full, 1e-5)


def test_top_k_gradient_is_finite_where_the_tail_has_no_mass():
    mentor = torch.full((2, 11), -1e4)
    mentor[:, 3] = 0.0
    student = STUDENT[:2].clone().requires_grad_()
    loss = keep_top_k(mentor, 2).loss(student, temperature=1.0)
    loss.backward()
    # all mass on one token: the KL is that token's cross-entropy
    assert loss.item() == pytest.approx(
        F.cross_entropy(STUDENT[:2], torch.tensor([3, 3])).item() * 2
    )
    assert student.grad.isfinite().all()


def test_lambda_zero_is_plain_fine_tuning_and_one_is_soft_labels_alone():
    hard, soft = torch.tensor(3.0), torch.tensor(5.0)
    assert student_loss(hard, soft, kd_weight=0.0, temperature=2.0) == hard
    assert student_loss(hard, soft, kd_weight=1.0, temperature=2.0) == soft


def test_tau_squared_multiplies_the_soft_label_term_alone():
    mixed = student_loss(
        torch.tensor(3.0), torch.tensor(5.0), kd_weight=0.3, temperature=2.0, tau_squared=True
    )
    assert mixed.item() == pytest.approx(0.7 * 3 + 0.3 * 4 * 5)


def test_bad_shapes_and_temperatures_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(6, 11\) and \(6, 7\)"):
        soft_label_loss(STUDENT, MENTOR[:, :7], temperature=1.0)
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        soft_label_loss(STUDENT, MENTOR, temperature=0)
    ids = torch.zeros(1, 12, dtype=torch.long)
    with pytest.raises(ValueError, match="another tokenizer"):
        top_k_soft_label_loss(STUDENT[:1], ids, ids.float(), ids[:, 0].float(), temperature=1)
    with pytest.raises(ValueError, match="at most the vocabulary's 11, got 12"):
        keep_top_k(MENTOR, 12)
    with pytest.raises(ValueError, match="stored for the temperatures"):
        keep_top_k(MENTOR, 3).tail_at(1.7)
