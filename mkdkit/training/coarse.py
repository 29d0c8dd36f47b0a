"""What a student's loss asks of its logits, in few passes over them.

A distillation loss needs three things of each scored token's distribution: the log-probability of
the label, those of the mentor's k likeliest tokens, and that of all other tokens together. Worked
out one by one, each makes several tensors of the logits' size, forward and backward: with 32,000
tokens they take as long as the model. Here one such tensor is made, or two, and backward writes the
gradient in its place.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_MASS = 1e-30  # of all other tokens together: below it float32 has no digits to tell masses by


def coarse_log_probs(
    logits: Tensor, labels: Tensor, token_ids: Tensor, *, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the log-probabilities of labels, of some tokens, and of all others as one bucket.

    The gradient can be taken once: it is written over what was kept for it.

    Args:
        logits: (scored tokens, vocabulary); gradients flow here.
        labels: (scored tokens,), token ids.
        token_ids: (scored tokens, k), none of them twice in a row; k below the vocabulary.
        temperature: softens the tokens and the bucket, > 0; the labels are at 1.

    Returns:
        (scored tokens,) at temperature 1, then (scored tokens, k) and (scored tokens,) at
        `temperature`; float32, or float64 of float64.
    """
    return _CoarseLogProbs.apply(logits, labels, token_ids, temperature)  # type: ignore[no-any-return]


class _CoarseLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, logits: Tensor, labels: Tensor, token_ids: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        kind = torch.float64 if logits.dtype == torch.float64 else torch.float32
        labels = labels.unsqueeze(-1)
        plain = F.log_softmax(logits, dim=-1, dtype=kind)
        label = plain.gather(-1, labels).squeeze(-1)
        soft = plain if temperature == 1 else F.log_softmax(logits.to(kind) / temperature, dim=-1)
        head = soft.gather(-1, token_ids)
        probs = soft.exp_()  # in their place, as all that follows
        rest = probs.scatter_(-1, token_ids, 0.0).sum(-1).clamp_(min=LEAST_MASS)
        context.kept = (probs, None if plain is soft else plain.exp_())
        context.small = (labels, token_ids, head, rest)
        context.temperature, context.dtype = temperature, logits.dtype
        return label, head, rest.log()

    @staticmethod
    def backward(context: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        if context.kept is None:
            raise RuntimeError("this gradient was taken once: what it is made of is gone")
        (probs, plain), context.kept = context.kept, None
        (labels, token_ids, head, rest), tau = context.small, context.temperature
        of_label, of_head, of_rest = outer
        # of a log-probability: the token's own place, minus the distribution
        every = of_head.sum(-1) + of_rest + (of_label if plain is None else 0)
        gradient = probs.mul_(((of_rest / rest - every) / tau).unsqueeze(-1))
        # the head's places hold nothing yet
        own = (of_head - every.unsqueeze(-1) * head.exp()) / tau
        gradient.scatter_(-1, token_ids, own)
        if plain is not None:
            gradient.addcmul_(plain, of_label.unsqueeze(-1), value=-1)
        gradient.scatter_add_(-1, labels, of_label.unsqueeze(-1))
        return gradient.to(context.dtype), None, None, None
