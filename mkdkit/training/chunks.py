"""Losses of large vocabularies: logits exist for a few rows at a time, forward and backward.

A batch of 8 rows of 512 tokens and a vocabulary of 150,000 has logits of 2.4 GiB in float32, and
their gradient as much again. Here each chunk's gradient is worked out as soon as its logits are
there, and only gradients of the hidden states and of the output layer are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row
from mkdkit.settings import Precision

# (scored tokens, vocabulary) logits, (scored tokens,) labels, the rows they come from -> a sum
LossOf = Callable[[Tensor, Tensor, Sequence[Row]], Tensor]


@dataclass(frozen=True, slots=True)
class OfWholeBatch:
    """A loss that is no sum over rows: it is given all rows of a batch at once, or is another."""

    loss_of: LossOf

    def __call__(self, logits: Tensor, labels: Tensor, rows: Sequence[Row]) -> Tensor:
        """Return the loss of a whole batch."""
        return self.loss_of(logits, labels, rows)


# output layer -> whether what comes out of it is what the model says, neither scaled nor capped
_PLAIN: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
MOST_LOGITS = 2**25  # of one chunk: 128 MiB in float32


def batch_loss(
    model: Any,
    rows: Sequence[Row],
    loss_of: LossOf,
    *,
    fill: int,
    precision: Precision,
    most_logits: int = MOST_LOGITS,
    is_sum_over_rows: bool = True,
) -> Tensor:
    """Return a batch's loss; backward gives the gradients of the loss from all logits at once.

    Args:
        model: in training or evaluation mode.
        rows: the batch.
        loss_of: a sum over scored tokens.
        fill: the id in padded places.
        precision: of the forward pass.
        most_logits: numbers in a chunk's logits; a single row may have more.
        is_sum_over_rows: the loss of a batch is the sum of its rows' losses; if not, all logits
            are made at once.
    """
    batch = encoding.collate(rows, fill=fill, model=model)
    batch = {name: value.to(model.device) for name, value in batch.items()}
    vocabulary = encoding.vocabulary_of(model)
    chunks = list(_chunks(rows, max(1, most_logits // vocabulary)))
    own = getattr(model, "module", model)
    if len(chunks) > 1 and is_sum_over_rows and is_plain(own, rows[0], fill=fill):
        with loading.autocast(precision, model.device):
            hidden, labels, _ = encoding.run_before_head(model, batch, lambda rows: rows[-1:])
        head = own.get_output_embeddings()
        return _by_chunks(head, hidden, labels, rows, chunks, loss_of, precision)
    with loading.autocast(precision, model.device):
        logits, labels = encoding.predict_scored(model, batch)
    return loss_of(logits, labels, rows)


@torch.no_grad()
def is_plain(model: Any, row: Row, *, fill: int) -> bool:
    """Whether a model's logits are what its output layer makes of the hidden states.

    Found out once a model, by one row; no random number that a training will draw is taken.

    Args:
        model: as it is, without what makes several processes of it.
        row: any.
        fill: the id in padded places.
    """
    head = model.get_output_embeddings()
    if head not in _PLAIN:
        batch = encoding.collate([row], fill=fill, model=model)
        batch = {name: value.to(model.device) for name, value in batch.items()}
        devices = [model.device] if model.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            hidden, _, last = encoding.run_before_head(model, batch, lambda rows: rows[-1:])
            _PLAIN[head] = torch.equal(last, head(hidden[-1:].unsqueeze(0)).squeeze(0))
    return _PLAIN[head]


def _chunks(rows: Sequence[Row], most_tokens: int) -> Iterator[slice]:
    """Runs of rows whose labels together have at most so many tokens, or single rows."""
    start, tokens = 0, 0
    for place, row in enumerate(rows):
        if place > start and tokens + len(row.label) > most_tokens:
            yield slice(start, place)
            start, tokens = place, 0
        tokens += len(row.label)
    yield slice(start, len(rows))


def _by_chunks(
    head: nn.Module,
    hidden: Tensor,
    labels: Tensor,
    rows: Sequence[Row],
    chunks: Sequence[slice],
    loss_of: LossOf,
    precision: Precision,
) -> Tensor:
    lengths = [sum(len(row.label) for row in rows[chunk]) for chunk in chunks]
    parts = list(zip(chunks, labels.split(lengths), strict=True))

    def losses(leaf: Tensor) -> Iterator[Tensor]:
        for (chunk, expected), part in zip(parts, leaf.split(lengths), strict=True):
            with loading.autocast(precision, part.device):
                logits = head(part)
            yield loss_of(logits, expected, rows[chunk])

    weights = [weight for weight in head.parameters() if weight.requires_grad]
    if not torch.is_grad_enabled():
        return torch.stack(list(losses(hidden))).sum()
    return _GradientsAtOnce.apply(losses, hidden, *weights)  # type: ignore[no-any-return]


class _GradientsAtOnce(torch.autograd.Function):
    """A sum of losses whose gradients are taken in the forward pass, one loss after another."""

    @staticmethod
    def forward(
        context: Any, losses: Callable[[Tensor], Iterator[Tensor]], *inputs: Tensor
    ) -> Tensor:
        hidden, *weights = inputs
        leaf = hidden.detach().requires_grad_()
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        sums = [torch.zeros_like(one) for one in (hidden, *weights)]
        with torch.enable_grad():
            for loss in losses(leaf):
                gradients = torch.autograd.grad(loss, [leaf, *weights])
                for place, gradient in zip(sums, gradients, strict=True):
                    place += gradient
                total = total + loss.detach()
        context.save_for_backward(*sums)
        return total

    @staticmethod
    def backward(context: Any, *outer: Tensor) -> tuple[Any, ...]:
        return None, *(outer[0] * gradient for gradient in context.saved_tensors)
