"""Pre-training text as tensors: full rows to learn from, held-out items to probe with."""

from collections.abc import Iterator
from random import Random
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from mkdkit.pipeline import single_steps

Encoded = tuple[list[int], list[bool]]  # token ids, and which can be known from what precedes


def encode(episode: single_steps.Episode, tokenizer: PreTrainedTokenizerFast) -> Encoded:
    """Token ids of one episode and its end mark, and which of them can be known beforehand.

    The end mark cannot: most texts could have gone on.
    """
    text, spans = episode
    encoded = tokenizer(text, return_offsets_mapping=True)
    known = [
        any(start < span_end and end > span_start for span_start, span_end in spans)
        for start, end in encoded["offset_mapping"]
    ]
    ids: list[int] = encoded["input_ids"]
    return [*ids, _id(tokenizer.eos_token_id)], [*known, False]


def _id(token: Any) -> int:
    if not isinstance(token, int):
        raise ValueError(f"the tokenizer needs a pad and an end token, got {token!r}")
    return token


def batch(
    seed: str,
    shape: tuple[int, int],
    *,
    progress: float,
    plain_share: float,
    tokenizer: PreTrainedTokenizerFast,
) -> tuple[Tensor, Tensor]:
    """Ids (rows, tokens of a row) and which are scored (bool, same shape); `seed` decides all.

    Every row begins with a whole episode and is filled to its end; the last episode is cut. All
    tokens that can be known are scored, and `plain_share` of the others.
    """
    rows, width = shape
    rng = Random(seed + "/plain")
    stream = _endless(seed, progress, tokenizer)
    ids = torch.empty(rows, width, dtype=torch.long)
    scored = torch.empty(rows, width, dtype=torch.bool)
    for row in range(rows):
        tokens: list[int] = []
        known: list[bool] = []
        while len(tokens) < width:
            more, which = next(stream)
            tokens += more
            known += which
        ids[row] = torch.tensor(tokens[:width])
        drawn = [k or rng.random() < plain_share for k in known[:width]]
        scored[row] = torch.tensor(drawn)
    return ids, scored


def _endless(seed: str, progress: float, tokenizer: PreTrainedTokenizerFast) -> Iterator[Encoded]:
    part = 0
    while True:
        for episode in single_steps.episodes(16, f"{seed}/{part}", progress):
            yield encode(episode, tokenizer)
        part += 1


@torch.no_grad()
def probe(model: Any, tokenizer: PreTrainedTokenizerFast, items: int) -> dict[str, float]:
    """Accuracy (%) per skill: is all of an episode that can be known written exactly?

    Greedy decoding writes an answer exactly if and only if each of its tokens is the likeliest
    after the ones before it, so one forward pass over the true text decides. The items are drawn
    from seeds that no training batch uses.
    """
    accuracy = {}
    for skill in single_steps.SKILLS:
        encoded = [_probe_item(skill, number, tokenizer) for number in range(items)]
        width = max(len(ids) for ids, _ in encoded)
        ids = torch.full((items, width), _id(tokenizer.pad_token_id))
        asked = torch.zeros(items, width, dtype=torch.bool)
        for row, (tokens, last) in enumerate(encoded):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            asked[row, : len(tokens)] = torch.tensor(last)
        hits = torch.ones(items, width - 1, dtype=torch.bool)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
            likeliest = model.lm_head(hidden[asked[:, 1:]]).argmax(-1)
        hits[asked[:, 1:]] = likeliest == ids[:, 1:][asked[:, 1:]]
        right = hits.all(dim=1)
        accuracy[skill] = round(100 * right.float().mean().item(), 1)
    return accuracy


def _probe_item(skill: str, number: int, tokenizer: PreTrainedTokenizerFast) -> Encoded:
    text, spans = single_steps.episode(skill, Random(f"probe/{skill}/{number}"))
    ids, known = encode((text[: spans[-1][1]], spans), tokenizer)
    return ids[:-1], known[:-1]  # without the end mark: it cannot be known
