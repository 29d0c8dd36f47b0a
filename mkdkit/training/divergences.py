"""How far a student's distribution is from its mentor's: three divergences, outcome by outcome.

With p the mentor's probability of an outcome and q the student's:

- "forward", KL(mentor ‖ student): Σ p log(p/q). Mentor-KD's; dear where the student leaves out
  what the mentor says.
- "reverse", KL(student ‖ mentor): Σ q log(q/p). Dear where the student says what the mentor rules
  out, so a student that cannot be like its mentor keeps to what is likeliest.
- "jensen-shannon": ½ KL(mentor ‖ m) + ½ KL(student ‖ m) with m = (p + q) / 2, the generalised
  one at β = ½: the same from both sides, and at most log 2.

All three are f-divergences, Σ q f(p/q) with f convex and f(1) = 0: t log t, -log t, and
½ (t log t - (1 + t) log((1 + t) / 2)). Merging outcomes can therefore only lower them (Jensen's
inequality), and leaves them as they are if p/q is the same in all that is merged.

Source: Agarwal et al., On-Policy Distillation (GKD, ICLR 2024), section 2; Gu et al., MiniLLM
(ICLR 2024) for reverse KL.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mkdkit.settings import Divergence

Terms = Callable[[Tensor, Tensor], Tensor]  # log p and log q -> each outcome's share, in nats

# What a mentor rules out (log p = -inf) counts as a probability of 1e-300. Without it reverse KL is
# infinite and its gradient undefined. No logit gap that a network writes at τ >= 1 is as wide, so
# nothing else is touched; in float32 such a p is 0 wherever it is a weight.
FLOOR = math.log(1e-300)


def diverge(mentor: Tensor, student: Tensor, divergence: Divergence) -> Tensor:
    """Return what each outcome adds to a divergence, in nats; the sum over outcomes is it.

    Value and gradient are finite whatever the mentor says: of an outcome it rules out, reverse KL
    takes q (log q + 691), Jensen-Shannon ½ q log 2, and forward KL nothing.

    Args:
        mentor: log-probabilities, -inf allowed; constant.
        student: the same outcomes' log-probabilities, finite, as a softmax of finite logits
            gives them; gradients flow here.
        divergence: which one.
    """
    return _TERMS[divergence](mentor.clamp(min=FLOOR), student)


def forward_kl(mentor: Tensor, student: Tensor) -> Tensor:
    """Return p log(p/q) of each outcome, from log p and log q."""
    return mentor.exp() * (mentor - student)


def reverse_kl(mentor: Tensor, student: Tensor) -> Tensor:
    """Return q log(q/p) of each outcome, from log p and log q."""
    return student.exp() * (student - mentor)


def jensen_shannon(mentor: Tensor, student: Tensor) -> Tensor:
    """Return what each outcome adds to the mean of both KL divergences from the middle."""
    middle = torch.logaddexp(mentor, student) - math.log(2)
    return (forward_kl(mentor, middle) + forward_kl(student, middle)) / 2


_TERMS: dict[Divergence, Terms] = {
    "forward": forward_kl,
    "reverse": reverse_kl,
    "jensen-shannon": jensen_shannon,
}
