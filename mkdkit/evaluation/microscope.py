"""Reading one text with several models: what each expects at every token, and where they part."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mkdkit.models import encoding
from mkdkit.models.rows import Row
from mkdkit.next_tokens import NextTokens
from mkdkit.training.soft_labels import TEMPERATURES

SHOWN = 6  # next tokens kept of each place


def read(
    models: Mapping[str, Any],
    tokenizer: Any,
    row: Row,
    *,
    shown: int = SHOWN,
    temperatures: Sequence[float] = TEMPERATURES,
) -> NextTokens:
    """Return what each model expects at every scored token of a row, given all before it.

    Args:
        models: name -> model in evaluation mode, all with the vocabulary of `tokenizer`; the
            first is the one the others are compared with.
        tokenizer: turns ids into text.
        row: prompt and completion.
        shown: next tokens kept of each place, those that some model thinks likeliest.
        temperatures: τ of the softened distributions; the first orders the kept tokens.

    Raises:
        ValueError: there is no model, or the models' vocabularies differ in size.
    """
    logits = {name: _logits(model, tokenizer, row) for name, model in models.items()}
    sizes = {name: values.shape[-1] for name, values in logits.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(f"models that are compared need one vocabulary, got sizes {sizes}")
    soft = {
        name: torch.stack([(values / tau).log_softmax(-1) for tau in temperatures])
        for name, values in logits.items()
    }  # each (temperatures, tokens, vocabulary)
    likeliest = torch.stack([one[0] for one in soft.values()]).amax(0)
    chosen = likeliest.topk(min(shown, likeliest.shape[-1])).indices  # (tokens, shown)
    places = chosen.expand(len(temperatures), -1, -1)
    first = next(iter(soft.values()))
    return NextTokens(
        tokens=tuple(_texts(tokenizer, row.label)),
        temperatures=tuple(temperatures),
        likeliest=tuple(tuple(_texts(tokenizer, ids)) for ids in chosen.tolist()),
        probabilities={name: one.gather(-1, places).exp().numpy() for name, one in soft.items()},
        entropies={name: -(one.exp() * one).sum(-1).numpy() for name, one in soft.items()},
        divergences={
            name: (first.exp() * (first - one)).sum(-1).clamp(min=0).numpy()  # rounding dips below
            for name, one in list(soft.items())[1:]
        },
    )


@torch.no_grad()
def _logits(model: Any, tokenizer: Any, row: Row) -> Tensor:
    """(scored tokens, vocabulary), float32, on the CPU."""
    batch = encoding.collate([row], fill=encoding.fill_token(tokenizer), model=model)
    batch = {name: value.to(model.device) for name, value in batch.items()}
    return encoding.predict_scored(model, batch)[0].float().cpu()


def _texts(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    return [tokenizer.decode([token]) for token in ids]
