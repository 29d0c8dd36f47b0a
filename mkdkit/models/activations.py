"""Activations in one pass: T5's is written out as eight operations, each a tensor of its own."""

from torch import nn


def fuse(model: nn.Module) -> None:
    """Let a model work out its "gelu_new" in one operation, forward and backward: the same numbers.

    It is GELU by a tanh (Hendrycks and Gimpel, 2016), which torch has; transformers writes it out.
    """
    from transformers.activations import NewGELUActivation

    written_out = [
        (module, name)
        for module in model.modules()
        for name, child in module.named_children()
        if isinstance(child, NewGELUActivation)
    ]
    for module, name in written_out:
        setattr(module, name, nn.GELU(approximate="tanh"))
