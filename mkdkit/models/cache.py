"""Keys and values of what a model has read, with room behind them for what it will write.

The library's own layers are made anew, whole, for every token. These have room for all that may
be written, so memory that does not suffice shows before the first token; and a row that has ended
gives its place to another.
"""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """A layer of a cache that writes into room it has; what it returns is what the library's does.

    `keys` and `values`, (rows, heads, tokens, width), are views of the beginning of that room.
    """

    def __init__(self, keys: Tensor, values: Tensor, tokens: int, n: int = 1) -> None:
        super().__init__()
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True
        self._rooms = _with_room(keys, tokens, n), _with_room(values, tokens, n)
        self._look(len(keys) * n, keys.shape[-2])

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write behind what is there; return all of it."""
        before = self.get_seq_length()
        after = before + key_states.shape[-2]
        for room, states in zip(self._rooms, (key_states, value_states), strict=True):
            room[: len(states), :, before:after] = states
        return self._look(len(key_states), after)

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Keep these rows, in this order; only rows that change their place are copied."""
        places = torch.arange(len(beam_idx), device=beam_idx.device)
        moved = (beam_idx != places).nonzero().squeeze(-1)
        tokens = self.get_seq_length()
        for room in self._rooms:
            room[moved, :, :tokens] = room[beam_idx[moved], :, :tokens]
        self._look(len(beam_idx), tokens)

    def _look(self, rows: int, tokens: int) -> tuple[Tensor, Tensor]:
        keys, values = (room[:rows, :, :tokens] for room in self._rooms)
        self.keys, self.values = keys, values
        return keys, values


def _with_room(states: Tensor, tokens: int, n: int) -> Tensor:
    rows, heads, before, width = states.shape
    room = states.new_empty(rows, n, heads, before + tokens, width)
    room[..., :before, :] = states.unsqueeze(1)
    return room.flatten(0, 1)


def kept_by(out: Any) -> dict[str, Any]:
    """Return what a model's output has of what it read, by the name under which it is given back.

    >>> from types import SimpleNamespace
    >>> kept_by(SimpleNamespace(cache_params="states"))
    {'cache_params': 'states'}

    Raises:
        ValueError: the model gives nothing back.
    """
    for name in ("past_key_values", "cache_params"):  # the latter: models of recurrent layers alone
        if getattr(out, name, None) is not None:
            return {name: getattr(out, name)}
    raise ValueError(
        f"the model gives back nothing of what it has read ({type(out).__name__} without a cache), "
        "so it cannot write token by token; choose another base"
    )


def with_mask(kept: dict[str, Any], mask: Tensor) -> dict[str, Any]:
    """Return what was kept and the mask of all tokens, those that are given now included.

    Models of recurrent layers alone get none: they would take it for one of the given tokens.
    """
    return kept if "cache_params" in kept else kept | {"attention_mask": mask}


def give_room(cache: Any, tokens: int, rows: int, n: int = 1) -> None:
    """Put layers with room for so many tokens more in the place of a cache's plain ones.

    Layers of another kind (a sliding window, a recurrent state) get no room, and what a decoder
    looks up in its encoder stays as it is: nothing is added to it.

    Args:
        cache: of what a model has read.
        tokens: that will be added to each row.
        rows: that were read.
        n: rows that go on from each row that was read.
    """
    own = getattr(cache, "self_attention_cache", cache)
    for place, layer in enumerate(own.layers):  # one by one: the old one is gone before the next
        if type(layer) is DynamicLayer and layer.keys is not None and layer.values is not None:
            own.layers[place] = RoomyLayer(layer.keys, layer.values, tokens, n)
        elif n > 1:  # layers of every kind can be put in an order, one that repeats rows too
            order: Any = torch.arange(rows).repeat_interleave(n)
            layer.reorder_cache(order)
