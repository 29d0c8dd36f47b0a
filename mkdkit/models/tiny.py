"""The tiny family: the shipped bases that make the default run possible without a network.

Small decoders of the Llama form (rotary positions, RMSNorm, SwiGLU, tied embeddings), trained
by `python -m mkdkit.pipeline.pretrain` on rule-made text of single steps. What they lack, and
rationales must teach, is chaining the steps. `data/models/README.md` says what they have read.
"""

from pathlib import Path
from typing import Any, Literal, get_args

from transformers import LlamaConfig

from mkdkit.models import tiny_tokenizer

Size = Literal["seed", "student", "middle", "mentor"]

CONTEXT = tiny_tokenizer.CONTEXT
TINY = {
    "tiny-student": "1.4 million parameters: 6 layers, width 128",
    "tiny-middle": "3.0 million parameters: 6 layers, width 192",
    "tiny-mentor": "5.0 million parameters: 6 layers, width 256",
}
STUDENT = {
    "hidden_size": 128,
    "intermediate_size": 320,
    "num_hidden_layers": 6,  # with four, a swap (whose? with whom? what has he?) is not learnt
    "num_attention_heads": 4,
}
SHAPES: dict[str, dict[str, int]] = {
    # every width is a multiple of 64, the number of weights that share one scale in NF4
    "seed": STUDENT,  # what the others grow from
    "student": STUDENT,
    "middle": {
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
    },
    "mentor": {
        "hidden_size": 256,
        "intermediate_size": 640,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
    },
}
MODELS = Path(__file__).parents[2] / "data" / "models"


def is_tiny(name: str) -> bool:
    """Whether `name` is one of the shipped bases."""
    return name in TINY


def folder(name: str) -> Path:
    """The folder of the shipped base `name`, with its weights, config and tokenizer.

    Raises:
        ValueError: there is no base of that name, or its folder lacks a file.
    """
    if not is_tiny(name):
        raise ValueError(f"the shipped bases are {', '.join(TINY)}; got {name!r}")
    path = MODELS / name
    needed = ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"]
    missing = [file for file in needed if not (path / file).is_file()]
    if missing:
        size = name.removeprefix("tiny-")
        raise ValueError(
            f"the shipped base {name} lacks {', '.join(missing)} in {path}; check the file out "
            f"again, or make it: python -m mkdkit.pipeline.pretrain --size {size}"
        )
    return path


def config(size: Size | str) -> LlamaConfig:
    """The configuration of one size, untrained; all sizes share the tokenizer's vocabulary."""
    if size not in get_args(Size):
        raise ValueError(f"size must be one of {', '.join(get_args(Size))}, got {size!r}")
    tokens = tiny_tokenizer.vocabulary()
    shape: dict[str, Any] = SHAPES[size]
    return LlamaConfig(
        **shape,
        vocab_size=len(tokens),
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=tokens.index(tiny_tokenizer.PAD),
        eos_token_id=tokens.index(tiny_tokenizer.EOS),
        bos_token_id=None,
    )
