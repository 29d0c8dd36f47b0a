"""Log-probabilities in few passes are those of plain log-softmax, and so are their gradients."""

import math
from typing import get_args

import pytest
import torch
from torch.nn import functional as F

from mkdkit.settings import Divergence
from mkdkit.training import losses
from mkdkit.training.coarse import LEAST_MASS, coarse_log_probs
from mkdkit.training.soft_labels import TEMPERATURES, keep_top_k

ROWS, WORDS, K = 12, 50, 7


def plainly(logits, labels, ids, *, temperature):
    """The same by the book: every part from its own log-softmax."""
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    soft = F.log_softmax(wide / temperature, dim=-1)
    label = F.log_softmax(wide, dim=-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    rest = soft.scatter(-1, ids, float("-inf")).logsumexp(-1)
    return label, soft.gather(-1, ids), rest


def drawn(kind=torch.float64, scale=3.0):
    source = torch.Generator().manual_seed(3)
    logits = (scale * torch.randn(ROWS, WORDS, generator=source)).to(kind).requires_grad_()
    ids = torch.stack([torch.randperm(WORDS, generator=source)[:K] for _ in range(ROWS)])
    labels = torch.randint(WORDS, (ROWS,), generator=source)
    labels[::2] = ids[::2, 1]  # every other label is among the tokens asked for
    weights = [torch.randn(shape, generator=source) for shape in (ROWS, (ROWS, K), ROWS)]
    return logits, labels, ids, weights


def weighed(found, weights):
    return sum((part * weight).sum() for part, weight in zip(found, weights, strict=True))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize(
    ("kind", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 1e-3)]
)
def test_values_and_gradients_are_those_of_plain_log_softmax(temperature, kind, bound):
    logits, labels, ids, weights = drawn(kind)
    expected = plainly(logits, labels, ids, temperature=temperature)
    (wanted,) = torch.autograd.grad(weighed(expected, weights), logits)
    found = coarse_log_probs(logits, labels, ids, temperature=temperature)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=bound, atol=bound)
    (got,) = torch.autograd.grad(weighed(found, weights), logits)
    assert got.dtype == logits.dtype
    assert (got - wanted).double().norm() <= bound * wanted.double().norm()


def test_half_quarter_quarter_by_hand():
    logits = torch.tensor([[math.log(2), 0.0, 0.0]], dtype=torch.float64)  # 1/2, 1/4, 1/4
    one = torch.tensor([0])
    label, head, rest = coarse_log_probs(logits, one, one.unsqueeze(0), temperature=1.0)
    assert [label.exp().item(), head.exp().item(), rest.exp().item()] == pytest.approx([0.5] * 3)


def test_others_with_almost_no_mass_have_a_finite_loss_and_still_a_push():
    logits = torch.zeros(1, 4)
    logits[0, 0] = 200.0  # the others have e^-200 each, less than float32 can hold
    logits.requires_grad_()
    first = torch.tensor([0])
    _, _, rest = coarse_log_probs(logits, first, first.unsqueeze(0), temperature=1.0)
    assert rest.item() == pytest.approx(math.log(LEAST_MASS))
    (-rest).sum().backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 0] == pytest.approx(1.0)  # the likely token is pushed down


def test_a_gradient_is_taken_once_and_then_refused():
    logits, labels, ids, weights = drawn()
    loss = weighed(coarse_log_probs(logits, labels, ids, temperature=1.0), weights)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="taken once"):
        loss.backward()


@pytest.mark.parametrize("divergence", get_args(Divergence))
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_both_losses_at_once_are_the_two_of_the_lesson(divergence, temperature):
    logits, labels, _, _ = drawn(torch.float32)
    mentor = torch.randn(ROWS, WORDS, generator=torch.Generator().manual_seed(5))
    soft = keep_top_k(4 * mentor, K)
    plain = (
        losses.rationale_loss(logits, labels),
        soft.loss(logits, temperature=temperature, divergence=divergence),
    )
    (wanted,) = torch.autograd.grad(0.3 * plain[0] + 0.7 * plain[1], logits)
    found = soft.both_losses(logits, labels, temperature=temperature, divergence=divergence)
    assert [one.item() for one in found] == pytest.approx([one.item() for one in plain], rel=1e-5)
    (got,) = torch.autograd.grad(0.3 * found[0] + 0.7 * found[1], logits)
    assert (got - wanted).norm() <= 1e-5 * wanted.norm()
