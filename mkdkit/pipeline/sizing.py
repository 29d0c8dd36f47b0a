"""What if: the memory of a training by model size and settings, the price of a collection.

For trying out before anything is chosen, so it has to be quick, and the sizes need no network:
they are configs with published dimensions. Layers are alike, so a model of one layer and one of
two are counted and rehearsed, as `planning` does it with whole ones, and what the second layer
adds is taken once for every further one. `tests/test_planner.py` holds both against each other.
"""

import json
import math
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

import torch

from mkdkit.models import footprint, loading, tiny
from mkdkit.pipeline import planning
from mkdkit.settings import Method, TrainingSettings
from mkdkit.teachers.asking.prices import Price
from mkdkit.training import rehearsal

CUDA = torch.device("cuda")  # planned for; none need be here
DEPTHS = ("num_layers", "num_decoder_layers", "num_hidden_layers")  # what configs call layers


def _flan_t5(width: int, inner: int, layers: int, heads: int) -> dict[str, Any]:
    return {
        "model_type": "t5",
        "d_model": width,
        "d_ff": inner,
        "d_kv": 64,
        "num_layers": layers,
        "num_decoder_layers": layers,
        "num_heads": heads,
        "vocab_size": 32128,
        "feed_forward_proj": "gated-gelu",
        "dropout_rate": 0.1,
        "tie_word_embeddings": False,
        "decoder_start_token_id": 0,
    }


def _llama(width: int, inner: int, layers: int, *, is_tied: bool) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "tie_word_embeddings": is_tied,
    }


# as published: google/flan-t5-*, and Llama 3.2 1B and 3.1 8B for causal models of today
SHAPES: dict[str, dict[str, Any]] = {
    "Flan-T5 small (77 million)": _flan_t5(512, 1024, 8, 6),
    "Flan-T5 base (248 million)": _flan_t5(768, 2048, 12, 12),
    "Flan-T5 large (783 million)": _flan_t5(1024, 2816, 24, 16),
    "Flan-T5 XL (2.8 billion)": _flan_t5(2048, 5120, 24, 32),
    "Flan-T5 XXL (11 billion)": _flan_t5(4096, 10240, 24, 64),
    "causal 1B (1.2 billion)": _llama(2048, 8192, 16, is_tied=True),
    "causal 8B (8.0 billion)": _llama(4096, 14336, 32, is_tied=False),
}
# building turns the libraries' notes off for a while, and a planner counts in another thread too
_BUILDING = threading.Lock()
SIZES = (*tiny.TINY, *SHAPES)


def config_of(size: str) -> dict[str, Any]:
    """Return the config of a size, as its config.json has it.

    Raises:
        ValueError: it is none of `SIZES`.
    """
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, got {size!r}; choose one")
    if size in SHAPES:
        return SHAPES[size]
    path = Path(loading.resolve(size, needs_weights=False)) / "config.json"
    return json.loads(path.read_text(encoding="utf-8"))


def memory(
    size: str,
    *,
    method: Method,
    rank: int = 16,
    batch_size: int = 8,
    tokens: int = 512,
    with_step: bool = True,
) -> dict[str, int]:
    """Return the bytes that a training takes of a GPU, by part.

    The parts are what lives when most lives, so their sum is the peak of `mkdkit plan`. Gradients
    come as activations go: only what they need beyond that room is a part of its own, "backward
    pass, on top". What CUDA's own libraries take is not among them.

    Args:
        size: one of `SIZES`.
        method: full, lora or qlora, with AdamW and bf16.
        rank: of LoRA, on every linear layer; full has none.
        batch_size: rows, in one forward pass.
        tokens: of every row, half prompt, half completion.
        with_step: rehearse a step too; False, for a quick answer: only what is held between steps.

    Raises:
        ValueError: there is no such size or method, or a number is too small.
    """
    settings = TrainingSettings(
        method=method,
        lora_rank=1 if method == "full" else rank,  # full has none: one count for all
        batch_size=batch_size,
        max_tokens=tokens,
        precision="bf16",
    )
    config = config_of(size)
    depth = next(config[name] for name in DEPTHS if name in config)
    one, two = (_count(size, settings, layers, with_step) for layers in (1, 2))
    whole = {name: one[name] + (depth - 1) * (two[name] - one[name]) for name in one}
    parts = {name: whole[name] for name in ("weights", "adapter", "optimiser")}
    if with_step:
        reached = whole["activations"] + whole["logits"]
        # the highest of several moments grows faster than from one layer to two if, in a deeper
        # model, another moment is the highest; these two are the ones that there are
        peak = max(whole["peak"], reached, whole["gradients"])
        parts |= {"activations": whole["activations"], "logits": whole["logits"]}
        parts["backward pass, on top"] = peak - reached
    return parts


@cache
def _count(size: str, settings: TrainingSettings, layers: int, with_step: bool) -> dict[str, int]:
    """Return the bytes of a model of this size with so many layers, and of a step of it."""
    config = config_of(size)
    shallow = config | {name: layers for name in DEPTHS if name in config}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(shallow), encoding="utf-8")
        with _BUILDING:
            model, held = footprint.hold(folder, settings, CUDA, to_train=True)
    found = {
        "weights": held.weights,
        "adapter": held.adapter,
        "gradients": held.gradients,
        "optimiser": held.optimiser,
    }
    if with_step:
        row = planning.longest_row(settings, None, None)
        run = rehearsal.training_step(model, settings, row, CUDA)
        found |= {"activations": run.activations, "logits": run.logits, "peak": run.peak}
    return found


def collection(
    questions: int,
    *,
    rationales: int,
    prompt_tokens: int,
    completion_tokens: int,
    in_one_request: bool = False,
    prices: tuple[float, float] | None = None,
    requests_a_minute: float | None = None,
    tokens_a_minute: float | None = None,
) -> dict[str, float | None]:
    """Return requests, tokens sent and written, cost and minutes of asking a teacher.

    Args:
        questions: that are asked.
        rationales: of each question.
        prompt_tokens: of one request.
        completion_tokens: of one rationale.
        in_one_request: a server writes all rationales of a question for one prompt; else each
            takes a request, and the prompt is sent again.
        prices: of a million tokens, sent and written, in any currency; None: the cost is None.
        requests_a_minute: that the server allows, and
        tokens_a_minute: sent and written; None: no limit known. Without both, time is None.

    Raises:
        ValueError: a number is not above 0, or a price is not 0 or more.
    """
    counts = {"questions": questions, "rationales": rationales}
    counts |= {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    limits = {"requests_a_minute": requests_a_minute, "tokens_a_minute": tokens_a_minute}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    for name, value in (counts | known).items():
        if not 0 < value < math.inf:
            raise ValueError(
                f"{_words(name)} must be above 0, got {value:g}; write a larger number"
            )
    if prices is not None and not all(0 <= price < math.inf for price in prices):
        raise ValueError(f"prices must be 0 or more, got {prices}; write what the provider asks")

    requests = questions * (1 if in_one_request else rationales)
    sent, written = requests * prompt_tokens, questions * rationales * completion_tokens
    work = {"requests_a_minute": requests, "tokens_a_minute": sent + written}
    return {
        "requests": requests,
        "tokens sent": sent,
        "tokens written": written,
        "cost": None if prices is None else Price(*prices, currency="").cost(sent, written),
        "minutes": max((work[name] / limit for name, limit in known.items()), default=None),
    }


def _words(name: str) -> str:
    return name.replace("_", " ")
