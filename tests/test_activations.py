"""T5's activation in one operation gives the numbers of the eight, forward and backward."""

import pytest
import torch
from torch import nn
from transformers import T5ForConditionalGeneration
from transformers.activations import NewGELUActivation

from mkdkit.models import activations, encoding, footprint, loading
from mkdkit.models.rows import Row
from mkdkit.settings import TrainingSettings

ROWS = [Row((300, 301, 302), (310, 311, 1)), Row((303, 304), (312, 1))]


def test_known_values():
    """gelu(0) = 0; far from zero it is x or 0; gelu(1) = 0.8412 by the tanh."""
    model = nn.Sequential(NewGELUActivation())
    activations.fuse(model)
    found = model(torch.tensor([0.0, 9.0, -9.0, 1.0]))
    assert found.tolist() == pytest.approx([0.0, 9.0, 0.0, 0.8412], abs=1e-4)


def logits_and_gradient(model):
    batch = encoding.collate(ROWS, fill=0, model=model)
    logits, labels = encoding.predict_scored(model, batch)
    model.zero_grad()
    nn.functional.cross_entropy(logits, labels).backward()
    return logits.detach(), torch.cat([weight.grad.flatten() for weight in model.parameters()])


def test_a_t5_is_the_same_function(bases):
    model = T5ForConditionalGeneration.from_pretrained(bases["encoder-decoder"]).eval()
    before = logits_and_gradient(model)
    assert any(isinstance(one, NewGELUActivation) for one in model.modules())
    activations.fuse(model)
    assert not any(isinstance(one, NewGELUActivation) for one in model.modules())
    for one, other in zip(before, logits_and_gradient(model), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_what_is_trained_and_what_is_used_have_it(bases):
    base = bases["encoder-decoder"]
    trained = loading.load_trainable(base, TrainingSettings(method="lora"))
    for model in (trained, loading.load_base(base), footprint.build(base, dtype=torch.float32)):
        assert not any(isinstance(one, NewGELUActivation) for one in model.modules())
