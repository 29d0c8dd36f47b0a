"""Three divergences, whole and with the tail merged, against values computed by hand."""

import math
from typing import get_args

import pytest
import torch

from mkdkit.settings import Divergence
from mkdkit.training.divergences import FLOOR
from mkdkit.training.losses import soft_label_loss, top_k_soft_label_loss
from mkdkit.training.soft_labels import TEMPERATURES, keep_top_k

DIVERGENCES = get_args(Divergence)
every_divergence = pytest.mark.parametrize("divergence", DIVERGENCES)
NONE = float("-inf")  # log of no mass at all

torch.manual_seed(1)
STUDENT, MENTOR = torch.randn(6, 11), 3 * torch.randn(6, 11)


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


def by_definition(p, q, divergence):
    """The divergence of two lists of probabilities, mentor's and student's, as it is written."""
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    if divergence == "jensen-shannon":
        return (kl(p, middle) + kl(q, middle)) / 2
    return kl(p, q) if divergence == "forward" else kl(q, p)


def logs(*probabilities):
    return torch.tensor([probabilities], dtype=torch.float64).log()


@pytest.mark.parametrize(
    ("divergence", "expected"),
    [("forward", 0.130812), ("reverse", 0.143841), ("jensen-shannon", 0.033822)],
)
def test_whole_distributions_by_hand(divergence, expected):
    p, q = (0.75, 0.25), (0.5, 0.5)
    loss = soft_label_loss(logs(*q), logs(*p), temperature=1.0, divergence=divergence).item()
    assert loss == pytest.approx(expected, abs=1e-6)
    assert loss == pytest.approx(by_definition(p, q, divergence))


@pytest.mark.parametrize(
    ("divergence", "expected"),
    # mentor (1/2, 1/4 | 1/4), student (1/8, 1/8 | 3/4)
    [
        ("forward", 1.25 * math.log(2) - 0.25 * math.log(3)),
        ("reverse", 0.75 * math.log(3) - 0.375 * math.log(2)),
        ("jensen-shannon", by_definition((1 / 2, 1 / 4, 1 / 4), (1 / 8, 1 / 8, 3 / 4),
                                         "jensen-shannon")),
    ],
)  # fmt: skip
def test_two_tokens_and_a_merged_tail_by_hand(divergence, expected):
    labels = keep_top_k(logs(1 / 2, 1 / 4, 1 / 8, 1 / 8), 2)
    student = logs(1 / 8, 1 / 8, 1 / 4, 1 / 2)
    found = labels.loss(student, temperature=1.0, divergence=divergence)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def within(p, q, divergence):
    """What the sum over some outcomes loses when they are merged: their mass times a divergence."""

    def part(one, other):
        shapes = [(probabilities / probabilities.sum()).tolist() for probabilities in (one, other)]
        return one.sum().item() * kl(*shapes)

    if divergence == "jensen-shannon":
        return (part(p, (p + q) / 2) + part(q, (p + q) / 2)) / 2
    return part(p, q) if divergence == "forward" else part(q, p)


@every_divergence
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_what_merging_hides_is_the_divergence_within_the_tail(divergence, temperature):
    labels = keep_top_k(MENTOR, 4)
    hidden = 0.0
    for row, ids in enumerate(labels.token_ids.tolist()):
        p, q = ((one[row].double() / temperature).softmax(-1) for one in (MENTOR, STUDENT))
        outside = [token for token in range(11) if token not in ids]
        hidden += within(p[outside], q[outside], divergence)
    options = {"temperature": temperature, "divergence": divergence}
    whole = soft_label_loss(STUDENT, MENTOR, **options).item()
    assert hidden > 1e-4
    assert whole - labels.loss(STUDENT, **options).item() == pytest.approx(hidden, abs=2e-5)


@every_divergence
def test_top_k_is_a_lower_bound_that_rises_with_k(divergence):
    options = {"temperature": 2.0, "divergence": divergence}
    whole = soft_label_loss(STUDENT, MENTOR, **options).item()
    bounds = [keep_top_k(MENTOR, k).loss(STUDENT, **options).item() for k in (1, 3, 6, 11)]
    assert bounds == sorted(bounds)
    assert 0 < bounds[0] < bounds[2] < bounds[3] == pytest.approx(whole, 1e-6)


@every_divergence
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_with_the_whole_vocabulary_nothing_is_merged(divergence, temperature):
    options = {"temperature": temperature, "divergence": divergence}
    labels, whole = keep_top_k(MENTOR, 11), soft_label_loss(STUDENT, MENTOR, **options)
    assert labels.loss(STUDENT, **options).item() == pytest.approx(whole.item(), rel=1e-6)


def test_one_direction_is_the_other_with_the_sides_changed_and_between_them_none_matters():
    def loss(one, other, divergence):
        return soft_label_loss(one, other, temperature=1.5, divergence=divergence).item()

    forward, reverse = loss(STUDENT, MENTOR, "forward"), loss(STUDENT, MENTOR, "reverse")
    assert forward == pytest.approx(loss(MENTOR, STUDENT, "reverse"), rel=1e-6)
    assert forward != pytest.approx(reverse, rel=0.05)
    between = loss(STUDENT, MENTOR, "jensen-shannon")
    assert between == pytest.approx(loss(MENTOR, STUDENT, "jensen-shannon"), rel=1e-6)


@every_divergence
def test_equals_have_no_divergence_and_no_gradient(divergence):
    student = MENTOR.clone().requires_grad_()
    loss = keep_top_k(MENTOR, 4).loss(student, temperature=2.0, divergence=divergence)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert student.grad.abs().max() < 1e-6


@every_divergence
def test_gradients_of_whole_distributions_are_their_slopes(divergence):
    student, mentor = STUDENT.double().requires_grad_(), MENTOR.double()
    assert torch.autograd.gradcheck(
        lambda one: soft_label_loss(one, mentor, temperature=2.0, divergence=divergence), student
    )


@every_divergence
@pytest.mark.parametrize("tail", [math.log(0.1), math.log(1e-12), -800.0, NONE])
def test_gradients_with_a_tail_of_any_mass_are_the_slopes(divergence, tail):
    ids = torch.tensor([[2, 0], [5, 1], [3, 4]])
    head = torch.tensor([[0.7, 0.2]] * 3, dtype=torch.float64).log()
    tails = torch.full((3,), tail, dtype=torch.float64)
    student = STUDENT[:3, :7].double().requires_grad_()

    def loss(one):
        options = {"temperature": 1.5, "divergence": divergence}
        return top_k_soft_label_loss(one, ids, head, tails, **options)

    assert torch.autograd.gradcheck(loss, student)


@pytest.mark.parametrize("q", [0.5, 0.999])
def test_a_tail_without_mass_costs_what_it_is_said_to(q):
    """All of the mentor's mass is on one token; the student gives it q."""
    ids, head, tail = torch.tensor([[0]]), torch.zeros(1, 1), torch.tensor([NONE])
    rest = 1 - q
    middle = (1 + q) / 2
    expected = {
        "forward": -math.log(q),
        "reverse": q * math.log(q) + rest * (math.log(rest) + 300 * math.log(10)),
        "jensen-shannon": (
            -math.log(middle) + q * math.log(q / middle) + rest * math.log(2)
        ) / 2,
    }  # fmt: skip
    for divergence, value in expected.items():
        student = logs(q, rest / 2, rest / 2).float().requires_grad_()
        options = {"temperature": 1.0, "divergence": divergence}
        loss = top_k_soft_label_loss(student, ids, head, tail, **options)
        loss.backward()
        assert loss.item() == pytest.approx(value, rel=1e-4, abs=1e-6)
        assert student.grad.isfinite().all()


@every_divergence
@pytest.mark.parametrize("sure", ["mentor", "student", "both, of different tokens"])
def test_logits_that_are_far_apart_have_a_finite_loss_and_gradient(divergence, sure):
    far = torch.zeros(2, 7)
    far[:, 3] = 1e4
    mentor = far if sure != "student" else torch.zeros(2, 7)
    student = {"mentor": torch.zeros(2, 7), "student": far}.get(sure, far.roll(1, -1))
    options = {"temperature": 1.0, "divergence": divergence}
    for loss_of in (
        lambda one: soft_label_loss(one, mentor, **options),
        lambda one: keep_top_k(mentor, 2).loss(one, **options),
    ):
        leaf = student.clone().requires_grad_()
        loss = loss_of(leaf)
        loss.backward()
        assert 0 < loss.item() < math.inf
        assert leaf.grad.isfinite().all()
        if divergence == "jensen-shannon":
            assert loss.item() <= 2 * math.log(2) * (1 + 1e-6)  # two tokens, log 2 each at most
        if divergence == "reverse" and sure.startswith("both"):
            assert loss.item() == pytest.approx(-2 * FLOOR, rel=1e-5)


def test_a_head_whose_mass_rounds_to_nothing_is_no_error():
    ids, head, tail = torch.tensor([[0]]), torch.tensor([[-30.0]]), torch.zeros(1)
    student = torch.zeros(1, 4).requires_grad_()  # 1/4 on the head, 3/4 outside
    loss = top_k_soft_label_loss(student, ids, head, tail, temperature=1.0)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4 / 3))
    assert student.grad.isfinite().all()


@every_divergence
def test_half_precision_logits_lose_nothing_more_in_the_loss(divergence):
    half = STUDENT.bfloat16()
    leaves = [half.clone().requires_grad_(), half.float().requires_grad_()]
    labels, found = keep_top_k(MENTOR.bfloat16(), 4), []
    for leaf in leaves:
        loss = labels.loss(leaf, temperature=2.0, divergence=divergence)
        loss.backward()
        found.append(loss.item())
    assert found[0] == found[1]
    assert leaves[0].grad.dtype == torch.bfloat16
    assert torch.equal(leaves[0].grad, leaves[1].grad.bfloat16())


@every_divergence
def test_a_batch_is_the_sum_of_its_parts(divergence):
    options = {"temperature": 2.0, "divergence": divergence}
    whole = keep_top_k(MENTOR, 4).loss(STUDENT, **options).item()
    parts = [
        keep_top_k(mentor, 4).loss(student, **options).item()
        for mentor, student in zip(MENTOR.split(2), STUDENT.split(2), strict=True)
    ]
    assert whole == pytest.approx(sum(parts), rel=1e-6)
