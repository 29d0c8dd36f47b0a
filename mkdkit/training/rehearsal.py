"""A step of training, of soft labels or of writing, rehearsed: what it holds and what it computes.

The functions that will run are called on tensors without numbers (`models.ledger`), so a change of
the training loop's code changes the plan with it.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mkdkit.models import cache, encoding, sampling
from mkdkit.models.ledger import Ledger, without_numbers
from mkdkit.models.rows import Row
from mkdkit.settings import (
    SamplingSettings,
    ScoringSettings,
    SoftLabelSettings,
    StudentSettings,
    TrainingSettings,
)
from mkdkit.training import batches, chunks, loop, soft_labels


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What one step holds beside weights and optimiser, in bytes, and how much work it is."""

    activations: int  # when the output layer is reached: kept for the backward pass, or a cache
    logits: int  # at their highest before the backward pass, with what the loss makes of them
    peak: int  # of all that lives at one time, the gradients of weights among it
    flop: int  # floating-point operations of matrix products and attention


def row_of(prompt: int, completion: int) -> Row:
    """Return a row of so many tokens, the end mark among the completion's."""
    return Row((0,) * prompt, (0,) * completion)


class _Unsaid:
    """A store of soft labels without numbers."""

    def __init__(self, k: int) -> None:
        self.k = k

    def read(self, rows: Sequence[Row]) -> soft_labels.SoftLabels:
        n = sum(len(row.label) for row in rows)
        tails = torch.zeros(n, len(soft_labels.TEMPERATURES))
        ids = torch.zeros(n, self.k, dtype=torch.int64)
        return soft_labels.SoftLabels(ids, torch.zeros(n, self.k), tails)


def training_step(
    model: Any, settings: TrainingSettings, row: Row, where: torch.device, *, top_k: int = 1
) -> Rehearsed:
    """Return what one optimiser step takes, until the optimiser itself moves.

    Args:
        model: on the meta device, ready for training; it is used up.
        settings: the precision must be given, not "auto".
        row: all rows are as long as this one.
        where: the device planned for.
        top_k: of a student's soft labels.
    """
    loss_of = loop.hard_labels
    if isinstance(settings, StudentSettings):
        loss_of = loop.distillation(_Unsaid(top_k), settings)
    parts = list(batches.split([row] * settings.batch_size, settings.max_batch_tokens))
    rows = parts[0]
    # from the second pass of a step on, the gradients of the first are there: two show all
    passes = len(parts) * settings.accumulation_steps
    rehearsed = min(2, passes)
    highest_logits = 0
    with without_numbers(model, where, scored=len(rows) * len(row.label)) as ledger:
        model.train()
        with _casts_of_adapter(model, settings, where):
            chunks.is_plain(model, row, fill=0)  # a training finds it out once, and in one row
            ledger.start_again()
            for _ in range(rehearsed):
                loss = chunks.batch_loss(model, rows, loss_of, fill=0, precision=settings.precision)
                highest_logits = highest_logits or ledger.peak
                loss.backward()
                del loss
    found = _read(ledger, highest_logits)
    return Rehearsed(
        found.activations,
        found.logits,
        found.peak,
        # the last part of a batch may be smaller than the first: rows are what is computed
        found.flop * settings.batch_size * settings.accumulation_steps // (rehearsed * len(rows)),
    )


def _casts_of_adapter(
    model: Any, settings: TrainingSettings, where: torch.device
) -> contextlib.AbstractContextManager[Any]:
    """Beside 4-bit weights and under CUDA's autocast, PEFT does not cast what an adapter reads."""
    if settings.method != "qlora" or where.type != "cuda" or settings.precision == "fp32":
        return contextlib.nullcontext()
    from peft.helpers import disable_input_dtype_casting

    return disable_input_dtype_casting(model)


def _read(ledger: Ledger, highest_logits: int) -> Rehearsed:
    at_head = ledger.at_head or 0
    peak = max(ledger.peak_before_head, ledger.peak)
    return Rehearsed(at_head, highest_logits - at_head, peak, ledger.flop)


@torch.no_grad()
def soft_label_step(
    model: Any, settings: SoftLabelSettings, row: Row, where: torch.device
) -> Rehearsed:
    """Return what the mentor takes to speak on one batch of rows as long as `row`."""
    rows = [row] * settings.batch_size
    with without_numbers(model, where, scored=len(rows) * len(row.label)) as ledger:
        soft_labels.speak(model, rows, settings, fill=0)
        return _read(ledger, ledger.peak)


@torch.no_grad()
def writing_step(
    model: Any, settings: SamplingSettings | ScoringSettings, prompt: int, where: torch.device
) -> Rehearsed:
    """Return what a batch takes in which every row is written to the last token allowed.

    Args:
        model: on the meta device, in evaluation mode; it is used up.
        settings: of sampling, or of greedy writing, one row a prompt.
        prompt: tokens of each prompt.
        where: the device planned for.

    Returns:
        Activations are the cache of keys and values at its longest, and one token's way through;
        the work is that of reading and of all tokens written, the last of which is the dearest.
    """
    is_sampled = isinstance(settings, SamplingSettings)
    prompts, written = settings.batch_size, settings.max_new_tokens
    rows = prompts * (settings.degree if is_sampled else 1)
    with without_numbers(model, where) as ledger:
        choose = sampling.greedy
        if is_sampled:
            choose = sampling.sampler(settings, torch.zeros(rows, written, dtype=torch.float64))
        read = _read_prompts(model, prompts, prompt)
        reading = _read(ledger, ledger.peak)
        del read
        given = _after(model, rows, prompt, written)
        ledger.start_again()
        logits = model(**given, use_cache=True).logits[:, -1]
        choose(logits.float(), torch.arange(rows), written - 1)
        step = _read(ledger, ledger.peak)
    peak = max(reading.peak, step.peak)
    return Rehearsed(step.activations, step.logits, peak, reading.flop + written * step.flop)


def _read_prompts(model: Any, prompts: int, prompt: int) -> Any:
    ids = torch.zeros(prompts, prompt, dtype=torch.int64)
    mask = torch.ones_like(ids)
    if encoding.family_of(model) == "encoder-decoder":
        return model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
    return model(input_ids=ids, attention_mask=mask, use_cache=True, logits_to_keep=1)


def _after(model: Any, rows: int, prompt: int, limit: int) -> dict[str, Any]:
    """Return what a model is given to choose the last of so many tokens: the one before it.

    With the cache of all earlier ones, and room for this one alone, as `decoding` has it by then.
    """
    one = torch.zeros(rows, 1, dtype=torch.int64)
    earlier = max(0, limit - 2)  # the last token is not read, the one before it is yet to be
    if encoding.family_of(model) == "causal":
        before = torch.zeros(rows, prompt + earlier, dtype=torch.int64)
        mask = torch.ones_like(before)
        out = model(input_ids=before, attention_mask=mask, use_cache=True, logits_to_keep=1)
        kept = cache.kept_by(out)
        (held,) = kept.values()
        cache.give_room(held, 1, rows)
        longer = torch.ones(rows, prompt + earlier + 1, dtype=torch.int64)
        return {"input_ids": one} | cache.with_mask(kept, longer)
    from transformers.modeling_outputs import BaseModelOutput

    mask = torch.ones(rows, prompt, dtype=torch.int64)
    encoded = BaseModelOutput(last_hidden_state=_read_prompts(model, rows, prompt))
    given = {"encoder_outputs": encoded, "attention_mask": mask}
    before = torch.zeros(rows, 1 + earlier, dtype=torch.int64)  # its first token is a mark
    out = model(**given, decoder_input_ids=before, use_cache=True)
    cache.give_room(out.past_key_values, 1, rows)
    return given | {"decoder_input_ids": one, "past_key_values": out.past_key_values}
