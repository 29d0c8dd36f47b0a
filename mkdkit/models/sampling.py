"""Letting a model write: greedy decoding, and several samples that share one reading of the prompt.

Prompts are read once, whatever the number of samples, and prompts of like length go together. Each
sample draws from its own stream of random numbers, named by seed, prompt and sample, so what is
drawn does not depend on which rows happen to share a batch, and a batch that does not fit into
memory is written in halves.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from mkdkit.models.decoding import Choose, decode
from mkdkit.models.encoding import end_token
from mkdkit.settings import SamplingSettings

log = logging.getLogger("mkdkit")


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote after one prompt."""

    prompt: int  # its place among the prompts
    sample: int  # 0, 1, ...
    text: str
    tokens: int  # written, the end mark included
    is_complete: bool  # it wrote the end mark before the limit


@dataclass
class _Room:
    """How many prompts at a time fit into memory, as far as is known."""

    prompts: int


def greedy(logits: Tensor, rows: Tensor, step: int) -> Tensor:
    """Choose the likeliest token of every row."""
    return logits.argmax(-1)


def sampler(settings: SamplingSettings, streams: Tensor) -> Choose:
    """Return a chooser that draws by temperature, top-k and top-p from the given random numbers.

    Args:
        settings: temperature, top_k, top_p.
        streams: (rows, steps) in [0, 1): one number for every token that may be drawn.
    """

    def choose(logits: Tensor, rows: Tensor, step: int) -> Tensor:
        probs = (logits.double() / settings.sampling_temperature).softmax(-1)
        ids = None  # in the vocabulary's order: sorting it would take longer than all the rest
        if settings.top_k is not None or settings.top_p < 1:
            probs, ids = probs.topk(min(settings.top_k or probs.shape[-1], probs.shape[-1]))
        if settings.top_p < 1:
            # a token is out once the likelier ones alone reach top_p of what top-k left; the first
            # always stays
            probs[probs.cumsum(-1) - probs >= settings.top_p * probs.sum(-1, keepdim=True)] = 0
        mass = probs.cumsum(-1)
        drawn = streams[rows, step].unsqueeze(-1).to(mass) * mass[:, -1:]
        place = torch.searchsorted(mass, drawn, right=True).clamp(max=mass.shape[-1] - 1)
        return (place if ids is None else ids.gather(-1, place)).squeeze(-1)

    return choose


def random_stream(seed: int, name: str, sample: int, length: int) -> Tensor:
    """Return the (length,) random numbers that belong to one sample of one prompt."""
    digest = hashlib.sha256(f"{seed} {name} {sample}".encode()).digest()
    source = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.rand(length, generator=source, dtype=torch.float64)


def write_greedy(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[tuple[int, ...]],
    *,
    max_new_tokens: int,
    batch_size: int,
) -> Iterator[list[Written]]:
    """Yield, batch by batch, one greedy completion for every prompt."""
    room = _Room(batch_size)
    for numbers in _by_length(prompts, batch_size):
        found = _decode_what_fits(
            model, tokenizer, prompts, numbers, 1, max_new_tokens, lambda _: greedy, room
        )
        yield _name(found, numbers, 1, tokenizer)


def write_samples(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[tuple[int, ...]],
    names: Sequence[str],
    settings: SamplingSettings,
    *,
    first: int = 0,
    part: tuple[int, int] = (0, 1),
) -> Iterator[list[Written]]:
    """Yield, batch by batch, `settings.degree` samples for every prompt.

    Args:
        model: in evaluation mode.
        tokenizer: the model's.
        prompts: token ids.
        names: one per prompt (question ids); they name the random numbers.
        settings: degree, temperature, limits, batch size in prompts, seed.
        first: number of the first sample, where earlier ones are there already.
        part: (i, n): every n-th batch from the i-th on, for several that share the work.
    """
    n, limit = settings.degree, settings.max_new_tokens

    def sampler_of(numbers: Sequence[int]) -> Choose:
        streams = [
            random_stream(settings.seed, names[number], sample, limit)
            for number in numbers
            for sample in range(first, first + n)
        ]
        return sampler(settings, torch.stack(streams).to(model.device))

    room = _Room(settings.batch_size)
    mine, of = part
    for numbers in islice(_by_length(prompts, settings.batch_size), mine, None, of):
        found = _decode_what_fits(model, tokenizer, prompts, numbers, n, limit, sampler_of, room)
        yield _name(found, numbers, n, tokenizer, first=first)


def _decode_what_fits(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[tuple[int, ...]],
    numbers: Sequence[int],
    n: int,
    max_new_tokens: int,
    choose_for: Callable[[Sequence[int]], Choose],
    room: _Room,
) -> list[list[int]]:
    """Decode the prompts of a batch; where memory does not suffice, one half after the other.

    What is written does not depend on it: every row has its own random numbers.
    """
    if len(numbers) <= room.prompts:
        batch = [prompts[number] for number in numbers]
        try:
            return decode(model, tokenizer, batch, n, max_new_tokens, choose_for(numbers))
        except RuntimeError as error:
            if len(numbers) == 1 or not _is_out_of_memory(error):
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        room.prompts = (len(numbers) + 1) // 2
        log.warning("out of memory with %d prompts: from now on %d", len(numbers), room.prompts)
    found, size = [], room.prompts  # a part that is halved in its turn lowers room.prompts
    for start in range(0, len(numbers), size):
        part = numbers[start : start + size]
        found += _decode_what_fits(
            model, tokenizer, prompts, part, n, max_new_tokens, choose_for, room
        )
    return found


def _is_out_of_memory(error: RuntimeError) -> bool:
    on_cpu = "can't allocate memory" in str(error) or "not enough memory" in str(error)
    return isinstance(error, torch.OutOfMemoryError) or on_cpu


def _by_length(prompts: Sequence[tuple[int, ...]], batch_size: int) -> Iterator[list[int]]:
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]), reverse=True)
    for start in range(0, len(order), batch_size):  # longest first: too little memory shows at once
        yield order[start : start + batch_size]


def _name(
    found: list[list[int]], numbers: Sequence[int], n: int, tokenizer: Any, first: int = 0
) -> list[Written]:
    end = end_token(tokenizer)
    written = []
    for row, ids in enumerate(found):
        is_complete = bool(ids) and ids[-1] == end
        text = tokenizer.decode(ids, skip_special_tokens=True).strip()
        written.append(Written(numbers[row // n], first + row % n, text, len(ids), is_complete))
    return written
