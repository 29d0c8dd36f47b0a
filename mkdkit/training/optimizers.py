"""AdamW, in float32 or with its moments in 8 bits."""

from typing import Any

import torch

from mkdkit.settings import TrainingSettings


def make_optimizer(model: Any, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Return AdamW over the trainable weights; norms and biases (one-dimensional) do not decay.

    Raises:
        ValueError: nothing is trainable, or 8 bits are asked for without bitsandbytes.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    if not trainable:
        raise ValueError("the model has no trainable weights: load it with load_trainable")
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if settings.optimizer == "paged_adamw_8bit":
        return _in_8_bits(groups, settings, trainable[0].device)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _in_8_bits(
    groups: list[dict[str, Any]], settings: TrainingSettings, where: torch.device
) -> torch.optim.Optimizer:
    """Return AdamW whose moments take a byte each; tensors below 4,096 weights keep four.

    On a GPU they are paged: where memory is short, they move to the CPU's between two steps.

    Source: Dettmers et al. (ICLR 2022), 8-bit optimizers via block-wise quantization.
    """
    try:
        from bitsandbytes.optim.adamw import AdamW8bit, PagedAdamW8bit
    except ImportError as error:
        raise ValueError(
            'optimizer "paged_adamw_8bit" needs bitsandbytes, which is not installed; "adamw" does '
            "without"
        ) from error
    adamw = PagedAdamW8bit if where.type == "cuda" else AdamW8bit
    return adamw(groups, lr=settings.learning_rate)  # type: ignore[no-any-return]
