"""Weights in 4-bit NormalFloat blocks of 64, with doubly quantised scales.

Source: Dettmers et al., QLoRA (NeurIPS 2023), section 3; computed by bitsandbytes.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import torch


def settings_of(quantization: str, dtype: torch.dtype) -> Any:
    """Return what transformers needs to load a base so; a ValueError if that cannot be.

    Args:
        quantization: "nf4".
        dtype: of the products with the weights.
    """
    from transformers import BitsAndBytesConfig

    if quantization != "nf4":
        raise ValueError(f"quantization must be 'nf4' or None, got {quantization!r}")
    try:
        with warnings.catch_warnings(action="ignore"):
            import bitsandbytes  # noqa: F401  (not every machine has a wheel of it)
    except ImportError as error:
        raise ValueError(
            "4-bit weights need bitsandbytes, which is not installed here; "
            "install it, or use method 'lora' (the same adapter on an unquantised base)"
        ) from error
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def dequantise(weight: Any) -> torch.Tensor:
    """Return a 4-bit weight as the float32 matrix it stands for, on the CPU."""
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(weight.data, weight.quant_state).float().cpu()


def scales(quant_state: Any) -> Iterator[torch.Tensor]:
    """Yield the scales of a weight's blocks, and those of the blocks of scales."""
    for holder in (quant_state, getattr(quant_state, "state2", None)):
        absmax = getattr(holder, "absmax", None)
        if absmax is not None:
            yield absmax
