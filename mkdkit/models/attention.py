"""Attention for training on a CPU: fused, in float32.

In bfloat16 a CPU goes back through fused attention more slowly than through plain attention where
rows are short, and plain attention writes out every pair of tokens several times. Fused and in
float32 it is as fast as plain attention for rows of 200 tokens, about twice as fast for rows of
600, and keeps no table of pairs.
"""

from typing import Any

import torch
from torch import Tensor

FUSED = "fused_float32"


def fused_float32(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Return transformers' fused attention of the same inputs, worked out in float32.

    Args:
        module: the layer that asks.
        query: (rows, heads, length, width of a head).
        key: (rows, heads or fewer, length, width of a head).
        value: as key.
        attention_mask: (rows, 1, length, length), True where a token may be read; None: all
            before it.
        **options: passed on: dropout, scaling, and what else a layer gives.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    q, k, v = query.float(), key.float(), value.float()
    with torch.autocast(query.device.type, enabled=False):
        out, _ = sdpa_attention_forward(module, q, k, v, attention_mask, **options)
    return out.to(query.dtype), None  # as a plain layer's: in float32, all after it would be too


def make_fast_to_train(model: Any) -> None:
    """Let a model attend in the way that is trained fastest on a CPU in bfloat16.

    Some attend plainly all the same: where a learned bias is added to every pair of tokens (T5),
    which the fused kernel cannot go back through; where scores are capped (Gemma 2), which it
    cannot do; and where transformers knows of no fused form.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(FUSED, fused_float32)
    AttentionMaskInterface.register(FUSED, sdpa_mask)
    config = model.config.get_text_config()
    is_capped = getattr(config, "attn_logit_softcapping", None) is not None
    is_plain = config.is_encoder_decoder or is_capped or not model._supports_sdpa
    model.set_attn_implementation("eager" if is_plain else FUSED)
