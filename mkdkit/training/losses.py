"""The losses of the lesson: hard labels, soft labels, and their mix.

All are sums in nats over scored tokens. The training loop divides by the scored tokens of the
whole optimiser step, so neither padding nor accumulation can change a gradient.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mkdkit.settings import Divergence
from mkdkit.training.divergences import diverge


def rationale_loss(student_logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of the completion's tokens, summed: learning from hard labels.

    Args:
        student_logits: (scored tokens, vocabulary).
        labels: (scored tokens,), token ids.

    Source: Lee et al., Mentor-KD (EMNLP 2024), equation 2.
    """
    return F.cross_entropy(student_logits.float(), labels, reduction="sum")


def soft_label_loss(
    student_logits: Tensor,
    mentor_logits: Tensor,
    *,
    temperature: float,
    divergence: Divergence = "forward",
) -> Tensor:
    """Sum over tokens of the divergence between the mentor's distribution and the student's.

    Both sets of logits are divided by `temperature` first. Rows are scored tokens only:
    which position predicts which token differs between encoder-decoder and causal
    models, and `encoding.scored_rows` has already settled it.

    Args:
        student_logits: (scored tokens, vocabulary), any float dtype; gradients flow here.
        mentor_logits: same shape; treated as constant.
        temperature: softening, > 0; 1 leaves the distributions as they are.
        divergence: "forward" is the paper's KL(mentor ‖ student); see `divergences`.

    Returns:
        A scalar tensor in nats, in float32 or wider, not multiplied by temperature².

    Raises:
        ValueError: the shapes disagree or `temperature` <= 0.

    Source: Lee et al., Mentor-KD (EMNLP 2024), equations 3 and 4.
    """
    if student_logits.shape != mentor_logits.shape:
        raise ValueError(
            f"student and mentor logits must have one shape, got {tuple(student_logits.shape)} "
            f"and {tuple(mentor_logits.shape)}; soft labels need a shared vocabulary"
        )
    _require_temperature(temperature)
    student = F.log_softmax(_widen(student_logits) / temperature, dim=-1)
    mentor = F.log_softmax(_widen(mentor_logits.detach()) / temperature, dim=-1)
    return diverge(mentor, student, divergence).sum()


def top_k_soft_label_loss(
    student_logits: Tensor,
    token_ids: Tensor,
    log_probs: Tensor,
    log_tail: Tensor,
    *,
    temperature: float,
    divergence: Divergence = "forward",
) -> Tensor:
    """Return `soft_label_loss` from the mentor's k likeliest tokens, all others as one bucket.

    Merging outcomes can only lower a divergence, so this is a lower bound of the full loss, exact
    when k is the vocabulary. What is missing is the divergence within the bucket, times a mass:
    for forward KL the mentor's tail, which a head of the likeliest tokens keeps small; for reverse
    KL the student's mass outside the mentor's head, which only learning makes small; for
    Jensen-Shannon half of both, each against the middle.

    Args:
        student_logits: (scored tokens, vocabulary); gradients flow here.
        token_ids: (scored tokens, k), the mentor's likeliest tokens.
        log_probs: (scored tokens, k), their log-probabilities at temperature 1.
        log_tail: (scored tokens,), log of the mentor's mass outside them at `temperature`;
            -inf if none.
        temperature: softening of both sides, > 0.
        divergence: as in `soft_label_loss`.

    Returns:
        A scalar tensor in nats, in float32 or wider, summed, not multiplied by temperature².
    """
    _require_temperature(temperature)
    if token_ids.shape[-1] > student_logits.shape[-1]:
        raise ValueError(
            f"top-k soft labels hold {token_ids.shape[-1]} tokens, more than the student's "
            f"vocabulary of {student_logits.shape[-1]}; they belong to another tokenizer"
        )
    student = F.log_softmax(_widen(student_logits) / temperature, dim=-1)
    head = student.gather(-1, token_ids)
    mentor, tail = mentor_log_probs(log_probs, log_tail, temperature=temperature)
    loss = diverge(mentor, head, divergence).sum()
    if token_ids.shape[-1] == student_logits.shape[-1]:
        return loss  # no tail: the full divergence
    rest = student.scatter(-1, token_ids, float("-inf")).logsumexp(-1)  # not 1 - sum: it cancels
    return loss + diverge(tail, rest, divergence).sum()


def mentor_log_probs(
    log_probs: Tensor, log_tail: Tensor, *, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return a mentor's log-probabilities at a temperature: of its tokens, of all others together.

    Args:
        log_probs: (scored tokens, k), of its likeliest tokens at temperature 1.
        log_tail: (scored tokens,), log of the mass outside them at `temperature`.
        temperature: softening, > 0.
    """
    tail = _widen(log_tail)
    # at any temperature the head's shape is that of log_probs / temperature, its mass 1 - tail
    head_mass = torch.log1p(-tail.exp()).unsqueeze(-1)
    return F.log_softmax(_widen(log_probs) / temperature, dim=-1) + head_mass, tail


def student_loss(
    rationale: Tensor,
    soft_label: Tensor,
    *,
    kd_weight: float,
    temperature: float,
    tau_squared: bool = False,
) -> Tensor:
    """Return (1 - λ) · rationale loss + λ · soft-label loss, with λ = `kd_weight`.

    Where τ is large against the logits, the soft labels' gradient shrinks with 1/τ². Mentor-KD
    leaves it so: τ also changes the weight of the term. `tau_squared` multiplies it back, as
    Hinton et al. (2015) do.

    Source: Lee et al., Mentor-KD (EMNLP 2024), equation 5.
    """
    scale = temperature**2 if tau_squared else 1.0
    return (1 - kd_weight) * rationale + kd_weight * scale * soft_label


def _widen(values: Tensor) -> Tensor:
    """Return values in float32 at least: half precision is too coarse for logarithms' sums."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _require_temperature(temperature: float) -> None:
    if temperature <= 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
