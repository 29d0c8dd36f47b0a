"""Small bases with random weights, of both families, saved as any base is."""

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from mkdkit.models import tiny_tokenizer


def save_causal(folder: Path, *, width: int = 64, seed: int = 0) -> str:
    """Save a Llama-shaped base of two layers; return its folder's name."""
    tokenizer = tiny_tokenizer.build()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        initializer_range=0.1,  # enough spread for an adapter to steer frozen random layers
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def save_t5(folder: Path, *, width: int = 64, dropout: float = 0.0, seed: int = 0) -> str:
    """Save a T5-shaped base of two layers; return its folder's name."""
    tokenizer = tiny_tokenizer.build()
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=width,
        d_kv=16,
        d_ff=2 * width,
        num_layers=2,
        num_heads=4,
        dropout_rate=dropout,
        feed_forward_proj="gated-gelu",
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


SAVE = {"causal": save_causal, "encoder-decoder": save_t5}
FAMILIES = tuple(SAVE)
