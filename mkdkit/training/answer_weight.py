"""Answers that weigh more: the few tokens that tell them, among many that lead to them.

A loss summed over tokens hardly asks for the answer itself. In a rationale of 130 tokens that ends
in "So the correct answer is (C) blue ball. --> C", one token, the first C, has to be worked out;
the others are wording, or copied. A small model learns them all before that one. Here the gradient
of the tokens that first tell the answer (`answers.find_answer`) is multiplied by a weight; the loss
that is reported stays what it was.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mkdkit.models.rows import Row
from mkdkit.training.chunks import LossOf, OfWholeBatch


def weighed(loss_of: LossOf, weight: float) -> LossOf:
    """Return the loss with the gradient of each row's answer multiplied by `weight`.

    Args:
        loss_of: a sum over scored tokens.
        weight: of a label's tokens at `Row.answer`; the others' is 1.
    """
    if weight == 1:
        return loss_of

    def weighed_loss(logits: Tensor, labels: Tensor, rows: Sequence[Row]) -> Tensor:
        weights = weights_of(rows, weight).to(logits.device)
        return loss_of(_Weighed.apply(logits, weights), labels, rows)

    return OfWholeBatch(weighed_loss) if isinstance(loss_of, OfWholeBatch) else weighed_loss


def weights_of(rows: Sequence[Row], weight: float) -> Tensor:
    """Return the (scored tokens,) weights of some rows: 1, and `weight` where they tell the answer.

    >>> weights_of([Row((5,), (6, 7, 9, 1), answer=(1, 3)), Row((5,), (8, 1))], 10.0).tolist()
    [1.0, 10.0, 10.0, 1.0, 1.0, 1.0]
    """
    weights = torch.ones(sum(len(row.label) for row in rows))
    begin = 0
    for row in rows:
        start, stop = row.answer
        weights[begin + start : begin + stop] = weight
        begin += len(row.label)
    return weights


class _Weighed(torch.autograd.Function):
    """Logits as they are, whose gradient is multiplied by a weight for each token."""

    @staticmethod
    def forward(context: Any, logits: Tensor, weights: Tensor) -> Tensor:
        context.save_for_backward(weights)
        return logits.view_as(logits)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (weights,) = context.saved_tensors
        return gradients[0] * weights.unsqueeze(-1).to(gradients[0]), None
