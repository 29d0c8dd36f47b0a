"""A wider and deeper base that begins by computing what a small one has learned.

Every width is doubled by writing each feature twice; each layer that is added first does nothing.
The grown model's logits are the small model's, so its training goes on instead of starting over.

Source: Chen, Goodfellow, Shlens, Net2Net (ICLR 2016), here for tied embeddings and RMSNorm.
"""

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

WRITERS = ("self_attn.o_proj.weight", "mlp.down_proj.weight")  # zero: the layer adds nothing
NOISE = 0.5  # in standard deviations of the matrix


def grow(small: LlamaForCausalLM, config: LlamaConfig) -> LlamaForCausalLM:
    """A model of `config` with the logits of `small`.

    Raises:
        ValueError: `config` does not double every width of `small`, or has fewer layers.
    """
    _require_doubled(small.config, config)
    large = LlamaForCausalLM(config)
    with torch.no_grad():
        embedding = small.model.embed_tokens.weight
        large.model.embed_tokens.weight.copy_(torch.cat([embedding, embedding], dim=1))
        # the head sums over twice as many features
        large.model.norm.weight.copy_(small.model.norm.weight.repeat(2) / 2)
        last = len(small.model.layers) - 1
        for place, layer in enumerate(large.model.layers):
            weights = dict(small.model.layers[min(place, last)].named_parameters())
            for name, parameter in layer.named_parameters():
                parameter.copy_(_doubled(weights[name]))
                if place > last and name in WRITERS:
                    parameter.zero_()
    return large


def _doubled(weight: Tensor) -> Tensor:
    if weight.ndim == 1:
        return weight.repeat(2)
    # both halves of the input are equal, so what is added to one and taken from the other changes
    # nothing yet, but the two copies of a feature get different gradients and grow apart
    noise = NOISE * weight.std() * torch.randn(2 * weight.shape[0], weight.shape[1])
    half = weight.repeat(2, 1) / 2
    return torch.cat([half + noise, half - noise], dim=1)


def _require_doubled(small: LlamaConfig, large: LlamaConfig) -> None:
    for name in ("hidden_size", "intermediate_size", "num_attention_heads"):
        if getattr(large, name) != 2 * getattr(small, name):
            raise ValueError(
                f"a base grows by doubling: {name} must be {2 * getattr(small, name)}, "
                f"got {getattr(large, name)}"
            )
    if large.num_hidden_layers < small.num_hidden_layers:
        raise ValueError(
            f"a base does not lose layers by growing: it has {small.num_hidden_layers}, "
            f"got {large.num_hidden_layers}"
        )
