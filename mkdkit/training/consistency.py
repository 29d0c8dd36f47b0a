"""MCC-KD's loss: whatever the rationale, the same answer should come with the same probabilities.

Rows come in pairs, two rationales of one question. Beside the rationale loss of both, their
distributions over the answer's tokens are drawn together.

Source: Chen et al., MCC-KD (Findings of EMNLP 2023), section 3; which rationales stand in a pair is
our choice, since no code for the paper's filter of similar ones is published.
"""

import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mkdkit.models.rows import Row
from mkdkit.settings import StudentSettings
from mkdkit.training import losses
from mkdkit.training.chunks import LossOf


def consistency_loss(one: Tensor, other: Tensor, *, temperature: float) -> Tensor:
    """Return the mean over tokens of half the KL divergences in both directions, in nats.

    Args:
        one: (answer tokens, vocabulary) logits after one rationale; gradients flow to both.
        other: the same after another rationale of the same question.
        temperature: softens both, > 0.
    """
    if one.shape != other.shape:
        raise ValueError(f"an answer has one length, got {tuple(one.shape)}, {tuple(other.shape)}")
    p = F.log_softmax(one.float() / temperature, dim=-1)
    q = F.log_softmax(other.float() / temperature, dim=-1)
    # ½ (KL(p‖q) + KL(q‖p)): the entropies cancel
    return 0.5 * ((p.exp() - q.exp()) * (p - q)).sum(-1).mean()


def pair_up(rows: Sequence[Row], texts: Sequence[str]) -> list[Row]:
    """Return rows in pairs: each with the least similar row of the same question, once a pair.

    A question with a single rationale is paired with itself, so that none is lost.

    Args:
        rows: one per rationale; rows of one question have one prompt.
        texts: the rationales, in the same order.

    Raises:
        ValueError: no question has two rationales, so that nothing could be made consistent.
    """
    of_prompt: dict[tuple[int, ...], list[int]] = {}
    for number, row in enumerate(rows):
        of_prompt.setdefault(row.prompt, []).append(number)
    runs = [_runs(text) for text in texts]
    pairs: dict[tuple[int, int], None] = {}
    for group in of_prompt.values():
        for number in group:
            others = [other for other in group if other != number] or [number]
            farthest = min(others, key=lambda other: _similarity(runs[number], runs[other]))
            pairs[min(number, farthest), max(number, farthest)] = None
    if all(rows[one] == rows[other] for one, other in pairs):
        raise ValueError("MCC-KD learns from pairs, and no question kept two rationales")
    return [rows[number] for pair in pairs for number in pair]


def _runs(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}


def _similarity(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    """The Jaccard index of two sets of three-word runs: the share that both have."""
    return len(one & other) / len(one | other)


def consistent_answers(
    settings: StudentSettings, answer_tokens: Mapping[tuple[int, ...], int]
) -> LossOf:
    """Return MCC-KD's loss for batches of paired rows, as a sum over scored tokens.

    Per token it is rationale loss + `consistency_weight` · consistency, where consistency is a
    mean over the batch's pairs of different rationales; where `max_batch_tokens` has a batch split,
    over those of each part.

    Args:
        settings: weight and temperature of the consistency.
        answer_tokens: prompt -> how many tokens at its labels' end are mark, answer and end.
    """

    def loss_of(logits: Tensor, labels: Tensor, rows: Sequence[Row]) -> Tensor:
        _require_pairs(rows)
        loss = losses.rationale_loss(logits, labels)
        ends = torch.tensor([len(row.label) for row in rows]).cumsum(0).tolist()
        terms = []
        for place in range(0, len(rows), 2):
            first, second = rows[place : place + 2]
            if first == second:
                continue
            span = min(answer_tokens[first.prompt], shared_ending(first.label, second.label))
            one, other = (logits[end - span : end] for end in ends[place : place + 2])
            terms.append(consistency_loss(one, other, temperature=settings.consistency_temperature))
        if not terms:
            return loss
        return loss + settings.consistency_weight * len(labels) * torch.stack(terms).mean()

    return loss_of


def shared_ending(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens two labels have in common at their end."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _require_pairs(rows: Sequence[Row]) -> None:
    pairs = zip(rows[::2], rows[1::2], strict=False)
    if len(rows) % 2 or any(one.prompt != other.prompt for one, other in pairs):
        raise ValueError("MCC-KD learns from pairs: rows 0 and 1, 2 and 3, ... share a question")
