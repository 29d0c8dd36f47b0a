"""Bases and adapters: loading whole or in 4-bit, adding LoRA, saving what was trained.

Bases are a shipped tiny one, a folder, or a name on the Hub. Only safetensors are read.
"""

import contextlib
import json
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mkdkit import strict_json
from mkdkit.models import activations, attention, nf4, text_part, tiny
from mkdkit.models.encoding import Family
from mkdkit.settings import Method, Precision, TrainingSettings

ADAPTER = "adapter_config.json"  # PEFT's own file: where it is, an adapter is
BASE = "base.json"  # beside an adapter: which base it belongs to, and how that is held
# families of which PEFT refuses an adapter on `out_proj`
FUSED = ("mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h")

# PyTorch's products in bfloat16 on a CPU are made anew for every shape, and batches have many: the
# thousand that are kept by default take more than a gigabyte, and so few cost no time
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

# on import it suggests an optional package for its CPU kernels: noise in a reader's page
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def device() -> torch.device:
    """Return where models run on this machine: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolve(base: str, *, needs_weights: bool = True) -> str:
    """Return what transformers should load for a base's name.

    Raises:
        ValueError: a tiny base or a folder is named that has no weights, though they are needed.
    """
    if tiny.is_tiny(base):
        return str(tiny.folder(base))
    path = Path(base)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ValueError(f"{base}: no config.json in this folder; it is not a model's")
        if needs_weights and not any(path.glob("*.safetensors")):
            raise ValueError(
                f"{base}: no weights (*.safetensors) in this folder; save a model there with "
                "save_pretrained, or name a base of the Hub"
            )
    elif path.is_absolute() or base.startswith("."):
        raise ValueError(f"{base}: no such folder; name a folder with a model, or one of the Hub")
    return base


def load_tokenizer(base: str) -> Any:
    """Return the tokenizer of a base, or of a folder with an adapter."""
    from transformers import AutoTokenizer

    has_own = (Path(base) / "tokenizer_config.json").is_file()  # an adapter's folder has no model
    with plain_errors(base):
        return AutoTokenizer.from_pretrained(base if has_own else resolve(base))


def family_of_base(base: str) -> Family:
    """Return the family of a base from its config alone."""
    return "encoder-decoder" if config_of_base(base).is_encoder_decoder else "causal"


def config_of_base(base: str) -> Any:
    """Return the config of a base; its weights are not read."""
    from transformers import AutoConfig

    with plain_errors(base):
        return AutoConfig.from_pretrained(resolve(base))


def load_base(
    base: str, *, quantization: str | None = None, dtype: torch.dtype = torch.float32
) -> Any:
    """Return a base model on this machine's device, in evaluation mode.

    Args:
        base: a shipped tiny base, a folder, or a name on the Hub.
        quantization: "nf4" holds the weights of linear layers in 4-bit NormalFloat blocks of 64
            with doubly quantised scales (Dettmers et al., QLoRA, 2023); None holds `dtype`.
        dtype: of all that is not quantised.

    Raises:
        ValueError: there is nothing to load, or what is there cannot be read.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    name = resolve(base)
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
    if quantization is not None:
        options |= {
            "quantization_config": nf4.settings_of(quantization, dtype_beside_4bit(device())),
            "device_map": {"": device()},
        }
    with plain_errors(base), quiet():
        config = AutoConfig.from_pretrained(name)
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model: Any = auto.from_pretrained(name, config=config, **options)
    activations.fuse(model)
    return (model if quantization else model.to(device())).eval()


@contextlib.contextmanager
def plain_errors(base: str) -> Iterator[None]:
    """Turn what the libraries raise for a base that cannot be loaded into one clear error."""
    try:
        yield
    except (OSError, KeyError, json.JSONDecodeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"{base}: the model cannot be loaded: {first} (a folder needs config.json, "
            "*.safetensors and a tokenizer; a Hub name needs the network or a cached copy)"
        ) from error
    except Exception as error:
        if type(error).__name__ != "SafetensorError":
            raise
        raise ValueError(f"{base}: a weights file is damaged: {error}; copy it again") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep loading from writing notes and bars into the reader's page; errors still come."""
    from transformers.utils import logging as theirs

    level, bars = theirs.get_verbosity(), theirs.is_progress_bar_enabled()
    bitsandbytes_level = logging.getLogger("bitsandbytes").level
    theirs.set_verbosity_error()
    theirs.disable_progress_bar()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        yield
    finally:
        theirs.set_verbosity(level)
        logging.getLogger("bitsandbytes").setLevel(bitsandbytes_level)
        if bars:
            theirs.enable_progress_bar()


def load_trainable(base: str, settings: TrainingSettings) -> Any:
    """Return a model whose trainable weights, in float32, are what `settings.method` trains."""
    is_4bit = settings.method == "qlora"
    held: Any = {"quantization": "nf4", "dtype": dtype_beside_4bit(device())} if is_4bit else {}
    return make_trainable(load_base(base, **held), settings, device())


def make_trainable(model: Any, settings: TrainingSettings, where: torch.device) -> Any:
    """Return a base made ready for training on a device: its attention, adapter, checkpointing."""
    if where.type == "cpu" and precision_of(settings.precision) == "bf16":
        attention.make_fast_to_train(model)
    if settings.method != "full":
        model = add_lora(model, settings)
    text_part.freeze_the_rest(model)
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    return model


def add_lora(model: Any, settings: TrainingSettings) -> Any:
    """Return the model with a LoRA adapter on every linear layer and all else frozen.

    But for `out_proj` of the families in FUSED, whose kernels read its weights past an adapter.

    PEFT's `prepare_model_for_kbit_training` is not called: it would hold T5's embeddings and
    unquantised `wo` layers in float32, half as much memory again as the whole 4-bit model.
    """
    from peft import LoraConfig, TaskType, get_peft_model

    kind = TaskType.SEQ_2_SEQ_LM if model.config.is_encoder_decoder else TaskType.CAUSAL_LM
    config = LoraConfig(
        task_type=kind,
        target_modules="all-linear",
        exclude_modules=["out_proj"] if model.config.model_type in FUSED else None,
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
    )
    with torch.random.fork_rng():  # the adapter's start belongs to the settings' seed alone
        torch.manual_seed(settings.seed)
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # peft's own calls
            adapted = get_peft_model(model, config)
    for parameter in adapted.parameters():
        if parameter.requires_grad:  # the optimiser needs float32 beside a bf16 base
            parameter.data = parameter.data.float()
    return adapted


def save(model: Any, tokenizer: Any, folder: Path, *, base: str, method: Method) -> None:
    """Save what was trained: the whole model, or PEFT's own adapter files and the base's name."""
    with quiet():
        model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    if method != "full":
        record = {"base": base, "quantization": "nf4" if method == "qlora" else None}
        (folder / BASE).write_text(json.dumps(record) + "\n", encoding="utf-8")


def load_trained(folder: str | Path, dtype: torch.dtype | None = None) -> Any:
    """Return a model saved by `save`, as it was trained (an adapter beside its base), for use.

    It is held in `dtype`, or in `use_dtype()`; beside 4-bit weights in what suits them.
    """
    folder, dtype = Path(folder), dtype or use_dtype()
    if not (folder / ADAPTER).is_file():
        return load_base(str(folder), dtype=dtype)
    from peft import PeftModel

    record = strict_json.read(folder / BASE)
    if record["quantization"]:
        dtype = dtype_beside_4bit(device())
    base = load_base(record["base"], quantization=record["quantization"], dtype=dtype)
    with plain_errors(str(folder)), warnings.catch_warnings(action="ignore"):
        return PeftModel.from_pretrained(base, str(folder)).eval()


def use_dtype() -> torch.dtype:
    """Return the dtype a model that is not trained is held in: half the memory on a GPU."""
    is_fast = device().type == "cuda" and fast_precision() == "bf16"
    return torch.bfloat16 if is_fast else torch.float32


def dtype_beside_4bit(where: torch.device) -> torch.dtype:
    """Return the dtype of what is not quantised beside 4-bit weights, and of products with them.

    On a CPU without instructions for bfloat16, a step in it takes over ten times as long.
    """
    is_slow = where.type == "cpu" and fast_precision() == "fp32"
    return torch.float32 if is_slow else torch.bfloat16


def fast_precision() -> Precision:
    """Return the precision this machine's forward pass is fast in: bf16 where it is native."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    # without the instructions bf16 on a CPU works, but slower than float32
    capability = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16" if capability() else "fp32"


def precision_of(asked: Precision) -> Precision:
    """Return bf16 or fp32: what was asked for, or for "auto" what this machine is fast in."""
    return fast_precision() if asked == "auto" else asked


def autocast(precision: Precision, where: torch.device) -> torch.autocast:
    """Return a context in which matrix products on a device run in the precision asked for."""
    enabled = precision_of(precision) == "bf16"
    return torch.autocast(where.type, dtype=torch.bfloat16, enabled=enabled)


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Return (trainable, all) parameters; a 4-bit block counts as the weights it stands for."""
    trainable = total = 0
    for parameter in model.parameters():
        shape = getattr(getattr(parameter, "quant_state", None), "shape", parameter.shape)
        count = torch.Size(shape).numel()
        total += count
        trainable += count if parameter.requires_grad else 0
    return trainable, total


def bytes_by_part(model: nn.Module) -> dict[str, int]:
    """Return the bytes of a model held for training with AdamW, by part.

    Counted from the tensors themselves: the frozen and the trainable weights, a gradient for each
    trainable weight, and the optimiser's two moments. Activations come on top.
    """
    frozen = trainable = 0
    for parameter in model.parameters():
        size = parameter.numel() * parameter.element_size()
        if parameter.requires_grad:
            trainable += size
        else:
            frozen += size
            state = getattr(parameter, "quant_state", None)
            if state is not None:  # the blocks' own scales
                frozen += sum(t.numel() * t.element_size() for t in nf4.scales(state))
    return {
        "frozen weights": frozen,
        "trained weights": trainable,
        "gradients": trainable,
        "optimiser": 2 * trainable,
    }
