"""What a model takes of memory before anything runs through it, by part, from its config alone.

The model is built on torch's "meta" device, where tensors have shapes and no numbers: its weights
and its adapter are counted, not reckoned. Only 4-bit blocks are reckoned, by their format.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mkdkit.models import activations, loading
from mkdkit.settings import TrainingSettings

BLOCK, OUTER_BLOCK = 64, 256  # NF4: weights that share a scale, and scales that share one of theirs
# moments in 8 bits that share a scale, and the smallest tensor whose moments are held so
MOMENT_BLOCK, LEAST_IN_8_BITS = 256, 4096
# beside every 4-bit matrix: 16 levels of its weights, 256 of its scales, and the scales' mean
TABLES = 4 * (16 + 256 + 1)


@dataclass(frozen=True, slots=True)
class Footprint:
    """The bytes of a model held for training with AdamW, by part."""

    weights: int  # of the base, with the scales of its 4-bit blocks
    adapter: int
    gradients: int  # one for every trained weight
    optimiser: int  # two moments for every trained weight, and what they are read by
    parameters: int  # adapter included; a 4-bit block counts as the weights it stands for
    trained: int  # parameters that are trained


def read_config(base: str) -> Any:
    """Return the config of a base; its weights need not be there.

    Raises:
        ValueError: there is no config, or it names no architecture that transformers has.
    """
    from transformers import AutoConfig

    name = loading.resolve(base, needs_weights=False)
    try:
        with loading.plain_errors(base):
            return AutoConfig.from_pretrained(name)
    except ValueError as error:
        raise _without_remedies(base, error) from error


def build(base: str, *, dtype: torch.dtype) -> Any:
    """Return a base as its config describes it, in evaluation mode, on the meta device.

    Raises:
        ValueError: there is no config, or it describes no model that writes text.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = read_config(base)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    try:
        with torch.device("meta"), loading.quiet():
            model: Any = auto.from_config(config, dtype=dtype)
            activations.fuse(model)
    except ValueError as error:
        raise _without_remedies(base, error) from error
    if _has_a_head_of_its_own(base, config):
        head = model.get_output_embeddings()
        head.weight = nn.Parameter(torch.empty_like(head.weight))
    return model.eval()


def _without_remedies(base: str, error: ValueError) -> ValueError:
    """Return an error whose message ends where the library's advice on itself begins."""
    message = str(error).strip().splitlines()[0]
    return ValueError(message if base in message else f"{base}: {message}")


def _has_a_head_of_its_own(base: str, config: Any) -> bool:
    """Whether the files of a base hold an output layer that its class would tie to its embedding.

    T5 1.1, Flan-T5 and mT5 say so in their config, and transformers 5 reads that as False.
    """
    said, _ = type(config).get_config_dict(loading.resolve(base, needs_weights=False))
    marks = (said.get("tie_word_embeddings"), said.get("scale_decoder_outputs"))
    return config.tie_word_embeddings and any(mark is False for mark in marks)


def hold(
    base: str, settings: TrainingSettings, where: torch.device, *, to_train: bool
) -> tuple[Any, Footprint]:
    """Return a base without numbers as `loading` would hold it on a device, and what it takes.

    Args:
        base: a shipped tiny base, a folder, or a name on the Hub.
        settings: how it is trained.
        where: the device planned for; a GPU is taken to know bf16.
        to_train: ready for training; else as it is used afterwards, with nothing left to train.
    """
    if settings.method == "qlora":
        dtype = loading.dtype_beside_4bit(where)
    else:
        dtype = torch.bfloat16 if where.type == "cuda" and not to_train else torch.float32
    model = build(base, dtype=dtype)
    weights = weight_bytes(model, quantised=settings.method == "qlora")
    parameters = sum(one.numel() for one in model.parameters())
    # on "meta", the adapter's weights too; a warning of what will be renamed belongs to a run
    with torch.device("meta"), warnings.catch_warnings(action="ignore", category=FutureWarning):
        if to_train:
            model = loading.make_trainable(model, settings, where)
        elif settings.method != "full":
            model = loading.add_lora(model, settings)
    trained = [one for one in model.parameters() if one.requires_grad]
    count, size = sum(one.numel() for one in trained), _bytes(trained)
    is_adapter = settings.method != "full"
    footprint = Footprint(
        weights=weights,
        adapter=size if is_adapter else 0,
        gradients=size if to_train else 0,
        optimiser=_optimiser_bytes(trained, settings) if to_train else 0,
        parameters=parameters + (count if is_adapter else 0),
        trained=count if to_train else 0,
    )
    return model, footprint


def _optimiser_bytes(trained: Sequence[Tensor], settings: TrainingSettings) -> int:
    """Return the bytes of AdamW's two moments; in 8 bits a block of them shares a scale."""
    if settings.optimizer == "adamw":
        return 2 * _bytes(trained) + 4 * len(trained)  # and a count of steps for every tensor
    small = [one for one in trained if one.numel() < LEAST_IN_8_BITS]
    large = [one for one in trained if one.numel() >= LEAST_IN_8_BITS]
    scales = sum(-(-one.numel() // MOMENT_BLOCK) for one in large)
    moments = 2 * (4 * sum(one.numel() for one in small) + sum(one.numel() for one in large))
    return moments + 2 * 4 * scales + (2 * 4 * 256 if large else 0)  # one table for each moment


def weight_bytes(model: Any, *, quantised: bool) -> int:
    """Return the bytes of a base's weights and buffers, or of them with its matrices in NF4."""
    held = [*model.parameters(), *model.buffers()]
    if not quantised:
        return _bytes(held)
    matrices = quantised_matrices(model)
    in_blocks = {id(one) for one in matrices}
    whole = [one for one in held if id(one) not in in_blocks]
    return _bytes(whole) + sum(nf4_bytes(one.numel()) for one in matrices)


def quantised_matrices(model: Any) -> list[Tensor]:
    """Return the weights of a base that bitsandbytes would hold in 4 bits.

    Not its output layer, and not what its class wants in full precision, as T5 does its `wo`.
    """
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.base import HfQuantizer
    from transformers.quantizers.quantizers_utils import should_convert_module

    kept = HfQuantizer.get_modules_to_not_convert(model, None, model._keep_in_fp32_modules)
    return [
        module.weight
        for name, module in model.named_modules()
        if (type(module) is nn.Linear or isinstance(module, Conv1D))
        and should_convert_module(name, kept)
    ]


def nf4_bytes(weights: int) -> int:
    """Return the bytes of a matrix in NF4 with doubly quantised scales.

    Half a byte a weight, a byte for every block's scale, four for every block of scales.

    >>> nf4_bytes(64 * 256) - TABLES
    8452
    """
    scales = -(-weights // BLOCK)
    return -(-weights // 2) + scales + 4 * -(-scales // OUTER_BLOCK) + TABLES


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(one.numel() * one.element_size() for one in tensors)
