"""A wider base that begins by computing what a small one has learned.

What is added is silent at first: new features of the residual stream hold zero, new heads and
units write nothing. The grown model's logits are the small model's, so its training goes on
instead of starting over.

Source: growth that preserves the function, as in Chen, Goodfellow, Shlens, Net2Net (ICLR 2016);
here with zeros instead of copies, which fits any width.
"""

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

# what writes into the residual stream: zero wherever the small base has no weight of its own
WRITERS = ("embed_tokens.weight", "o_proj.weight", "down_proj.weight")
SIZES = ("hidden_size", "intermediate_size", "num_attention_heads")


def grow(small: LlamaForCausalLM, config: LlamaConfig) -> LlamaForCausalLM:
    """A model of `config` with the logits of `small`.

    Raises:
        ValueError: `config` is smaller than `small` somewhere, or has heads of another size or
            another vocabulary, or another number of layers.
    """
    _require_room(small.config, config)
    large = LlamaForCausalLM(config)
    weights = dict(small.named_parameters())
    # features that hold zero leave the sum of squares as it is, but lower the mean of squares
    shrink = (small.config.hidden_size / config.hidden_size) ** 0.5
    with torch.no_grad():
        for name, parameter in large.named_parameters():
            if name.endswith(WRITERS):
                parameter.zero_()
            scale = shrink if parameter.ndim == 1 else 1.0
            _corner(parameter, weights[name]).copy_(scale * weights[name])
    return large


def _corner(large: Tensor, small: Tensor) -> Tensor:
    """The part of `large` that has the shape of `small` and holds its first rows and columns."""
    for dimension, size in enumerate(small.shape):
        large = large.narrow(dimension, 0, size)
    return large


def _require_room(small: LlamaConfig, large: LlamaConfig) -> None:
    for name in SIZES:
        if getattr(large, name) < getattr(small, name):
            raise ValueError(
                f"a base only grows: {name} must be {getattr(small, name)} or more, "
                f"got {getattr(large, name)}"
            )
    for name in ("head_dim", "vocab_size", "num_hidden_layers"):
        if getattr(large, name) != getattr(small, name):
            raise ValueError(
                f"a base keeps its {name} by growing: it must be {getattr(small, name)}, "
                f"got {getattr(large, name)}"
            )
