"""One batch of prompts, token by token, until every row has ended.

Rows that have ended leave the batch; which token comes next another function chooses.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mkdkit.models.cache import give_room, kept_by, with_mask
from mkdkit.models.encoding import (
    end_token,
    family_of,
    fill_token,
    positions_of,
    require_positions,
)

Choose = Callable[[Tensor, Tensor, int], Tensor]  # (rows, vocabulary), row numbers, step -> ids
Take = Callable[[Tensor, Tensor | None], Tensor]  # new ids, places kept (None: all) -> logits


@torch.no_grad()
def decode(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[tuple[int, ...]],
    n: int,
    max_new_tokens: int,
    choose: Choose,
) -> list[list[int]]:
    """Return the token ids written after each prompt, n rows a prompt, the end mark included.

    Args:
        model: in evaluation mode.
        tokenizer: the model's.
        prompts: token ids; each is read once.
        n: rows that go on from each prompt.
        max_new_tokens: after which a row ends without its mark; in a causal model also where its
            positions end.
        choose: the next token of every row that goes on.

    Raises:
        ValueError: a prompt fills all positions of the model.
    """
    end = end_token(tokenizer)
    room = _room(model, prompts, n, max_new_tokens)
    causal = family_of(model) == "causal"
    step_of = _causal_steps if causal else _encoder_decoder_steps
    # an encoder counts positions from the left, and in training rows are filled on the right
    read, mask = _fill_up(prompts, fill_token(tokenizer), model.device, left=causal)
    take, logits = step_of(model, read, mask, n, max_new_tokens)
    rows = torch.arange(len(prompts) * n, device=model.device)  # which row each place now holds
    written: list[list[int]] = [[] for _ in range(len(rows))]
    for step in range(max_new_tokens):
        ids = choose(logits.float(), rows, step)
        for row, token in zip(rows.tolist(), ids.tolist(), strict=True):
            written[row].append(token)
        going = (ids != end) & (room[rows] > step + 1)
        if not going.any():
            break
        keep = close_up(going)
        rows = rows[keep]
        logits = take(ids[keep], None if going.all() else keep)
    return written


def _room(model: Any, prompts: Sequence[tuple[int, ...]], n: int, max_new_tokens: int) -> Tensor:
    """Return how many tokens each row may write."""
    lengths = [len(prompt) for prompt in prompts]
    require_positions(model, max(lengths) + 1, "a prompt with the first token after it")
    room = torch.full((len(prompts) * n,), max_new_tokens, device=model.device)
    positions = positions_of(model)
    if family_of(model) == "causal" and positions is not None:
        read = torch.tensor(lengths, device=model.device).repeat_interleave(n)
        room = room.minimum(positions - read)
    return room


def close_up(going: Tensor) -> Tensor:
    """Return which places to keep: those that go on, the last of them where others have ended.

    >>> close_up(torch.tensor([True, False, True, True])).tolist()
    [0, 3, 2]
    """
    left = int(going.sum())
    keep = torch.arange(left, device=going.device)
    keep[~going[:left]] = going[left:].nonzero().squeeze(-1) + left
    return keep


def _fill_up(
    prompts: Sequence[tuple[int, ...]], fill: int, where: torch.device, *, left: bool
) -> tuple[Tensor, Tensor]:
    """Return ids and mask, (prompts, longest): filled on the left, all prompts end together."""
    longest = max(map(len, prompts))

    def whole(row: Sequence[int], empty: int) -> list[int]:
        filling = [empty] * (longest - len(row))
        return [*filling, *row] if left else [*row, *filling]

    ids = [whole(prompt, fill) for prompt in prompts]
    mask = [whole([1] * len(prompt), 0) for prompt in prompts]
    return torch.tensor(ids, device=where), torch.tensor(mask, device=where)


def _causal_steps(
    model: Any, read: Tensor, mask: Tensor, n: int, limit: int
) -> tuple[Take, Tensor]:
    """Read the prompts; return a function that reads one more token, and the first logits."""
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    out = model(
        input_ids=read,
        attention_mask=mask,
        position_ids=positions,
        use_cache=True,
        logits_to_keep=1,
    )
    kept = kept_by(out)
    (cache,) = kept.values()
    give_room(cache, limit - 1, len(read), n)  # the last token is not read again
    state = {"mask": mask.repeat_interleave(n, 0)}

    def take(ids: Tensor, keep: Tensor | None) -> Tensor:
        if keep is not None:
            cache.reorder_cache(keep)
            state["mask"] = state["mask"][keep]
        state["mask"] = torch.cat([state["mask"], state["mask"].new_ones(len(ids), 1)], dim=-1)
        place = state["mask"].sum(-1, keepdim=True) - 1
        before = with_mask(kept, state["mask"])
        out = model(input_ids=ids.unsqueeze(-1), position_ids=place, use_cache=True, **before)
        return out.logits[:, -1]

    return take, out.logits[:, -1].repeat_interleave(n, 0)


def _encoder_decoder_steps(
    model: Any, read: Tensor, mask: Tensor, n: int, limit: int
) -> tuple[Take, Tensor]:
    """The same for an encoder-decoder: the prompt is encoded once, then shared by its samples."""
    from transformers.modeling_outputs import BaseModelOutput

    encoded = model.get_encoder()(input_ids=read, attention_mask=mask).last_hidden_state
    state: dict[str, Any] = {
        "encoded": encoded.repeat_interleave(n, 0),
        "mask": mask.repeat_interleave(n, 0),
        "cache": None,
    }

    def take(ids: Tensor, keep: Tensor | None) -> Tensor:
        if keep is not None:
            state["cache"].reorder_cache(keep)
            state["encoded"], state["mask"] = state["encoded"][keep], state["mask"][keep]
        out = model(
            encoder_outputs=BaseModelOutput(last_hidden_state=state["encoded"]),
            attention_mask=state["mask"],
            decoder_input_ids=ids.unsqueeze(-1),
            past_key_values=state["cache"],
            use_cache=True,
        )
        if state["cache"] is None:
            state["cache"] = out.past_key_values
            give_room(state["cache"], limit - 1, len(ids))  # the last token is not read again
        return out.logits[:, -1]

    start = read.new_full((len(state["encoded"]),), model.config.decoder_start_token_id)
    return take, take(start, None)
