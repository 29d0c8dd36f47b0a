"""Losses made a few rows at a time are the losses of all logits at once, gradients and all."""

from typing import get_args

import pytest
import torch
from bases import FAMILIES
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Gemma2Config, Gemma2ForCausalLM

from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row
from mkdkit.settings import Divergence, StudentSettings, TrainingSettings
from mkdkit.training import chunks, label_store, loop, losses, soft_labels

WHOLE = 2**60  # logits that one chunk may have: all of them
ROWS = [Row((300 + i, 301), (*range(310, 313 + 3 * i), 320 + i, 1)) for i in range(6)]


@pytest.fixture(params=FAMILIES)
def base(request, bases):
    return bases[request.param]


def store_of(mentor, folder, k=32):
    settings = soft_labels.SoftLabelSettings(top_k=k, batch_size=4)
    for _ in label_store.write_store(folder, mentor, ROWS, settings, fill=0, identity={}):
        pass
    return label_store.Store(folder)


def full_kl(mentor):
    """The soft-label loss against the mentor's whole distribution."""

    def loss_of(logits, labels, rows):
        batch = encoding.collate(rows, fill=0, model=mentor)
        with torch.no_grad():
            said, _ = encoding.predict_scored(mentor, batch)
        return losses.soft_label_loss(logits, said, temperature=2.0)

    return loss_of


def loss_named(name, base, folder):
    if name == "cross-entropy":
        return loop.hard_labels
    torch.manual_seed(1)
    mentor = loading.load_base(base).double()
    for weight in mentor.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    if name == "full KL":
        return full_kl(mentor)
    divergence = name.removeprefix("top-k ")
    settings = StudentSettings(kd_weight=0.5, kd_temperature=2.0, divergence=divergence)
    return loop.distillation(store_of(mentor, folder), settings)


def gradients(model, loss_of, precision, most_logits, scale=1.0):
    model.zero_grad()
    loss = chunks.batch_loss(
        model, ROWS, loss_of, fill=0, precision=precision, most_logits=most_logits
    )
    (scale * loss).backward()
    return loss.item(), torch.cat([weight.grad.flatten() for weight in model.parameters()])


TOP_K = [f"top-k {divergence}" for divergence in get_args(Divergence)]


@pytest.mark.parametrize("name", ["cross-entropy", "full KL", *TOP_K])
@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-5), ("bf16", 1e-3)])
def test_by_chunks_loss_and_gradient_are_those_of_all_logits(
    name, precision, bound, base, tmp_path
):
    model = loading.load_base(base)
    model = model.double() if precision == "fp32" else model
    loss_of = loss_named(name, base, tmp_path / "store")
    whole, expected = gradients(model, loss_of, precision, WHOLE)
    for most in (1, 10 * model.config.vocab_size):  # row by row; ten scored tokens at a time
        loss, found = gradients(model, loss_of, precision, most)
        assert loss == pytest.approx(whole, rel=bound)
        assert (found - expected).norm() <= bound * expected.norm()


@pytest.mark.parametrize("name", TOP_K)
def test_a_padded_batch_has_the_soft_label_loss_of_its_rows_alone(name, base, tmp_path):
    model = loading.load_base(base).double()
    loss_of = loss_named(name, base, tmp_path / "store")
    options = {"fill": 0, "precision": "fp32"}
    together = chunks.batch_loss(model, ROWS, loss_of, **options).item()
    alone = [chunks.batch_loss(model, [row], loss_of, **options).item() for row in ROWS]
    assert together == pytest.approx(sum(alone), rel=1e-6)


def test_the_gradient_is_scaled_by_what_the_loss_is_scaled_by(base):
    model = loading.load_base(base)
    _, once = gradients(model, loop.hard_labels, "fp32", 1)
    _, thrice = gradients(model, loop.hard_labels, "fp32", 1, scale=3.0)
    assert (3 * once - thrice).norm() <= 1e-5 * thrice.norm()


class Largest(TorchDispatchMode):
    """Remembers the most numbers that a tensor of logits had."""

    def __init__(self, model):
        super().__init__()
        self.vocabulary, self.numbers = model.config.vocab_size, 0
        self.weight = (model.config.hidden_size, self.vocabulary)  # the output layer's, turned

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        made = function(*arguments, **(options or {}))
        for one in made if isinstance(made, tuple | list) else [made]:
            shape = tuple(one.shape) if isinstance(one, torch.Tensor) else ()
            if shape[-1:] == (self.vocabulary,) and shape != self.weight:
                self.numbers = max(self.numbers, one.numel())
        return made


def test_no_more_logits_are_made_than_a_chunk_may_have(base):
    model = loading.load_base(base)
    vocabulary, most_tokens = model.config.vocab_size, 20
    largest = {}
    for most in (most_tokens, WHOLE):
        with Largest(model) as seen:
            gradients(model, loop.hard_labels, "fp32", most * vocabulary)
        largest[most] = seen.numbers / vocabulary
    scored = sum(len(row.label) for row in ROWS)
    assert largest == {most_tokens: most_tokens, WHOLE: scored}


def test_no_logits_are_made_where_nothing_is_scored(base):
    model = loading.load_base(base)
    batch = encoding.collate(ROWS, fill=0, model=model)
    with Largest(model) as seen, torch.no_grad():
        encoding.predict_scored(model, batch)
    assert seen.numbers == model.config.vocab_size * sum(len(row.label) for row in ROWS)


def test_a_model_that_caps_its_logits_is_not_cut_short(bases):
    """Gemma's kind: what comes out of the output layer is not yet the logits."""
    model = loading.load_base(bases["causal"])
    plain = model.forward

    def capped(*arguments, **options):
        out = plain(*arguments, **options)
        out.logits = 2 * torch.tanh(out.logits / 2)
        return out

    model.forward = capped
    whole, expected = gradients(model, loop.hard_labels, "fp32", WHOLE)
    loss, found = gradients(model, loop.hard_labels, "fp32", 1)
    assert loss == pytest.approx(whole, rel=1e-6)
    assert torch.allclose(found, expected, atol=1e-6)
    uncapped = loading.load_base(bases["causal"])
    assert gradients(uncapped, loop.hard_labels, "fp32", 1)[0] != pytest.approx(whole, rel=1e-3)


def test_a_model_that_caps_its_logits_draws_the_same_dropout_in_every_process():
    """Whether it caps is found out once a process; a resumed run must not see that."""
    size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = Gemma2Config(vocab_size=400, attention_dropout=0.5, **size, **heads)
    model = Gemma2ForCausalLM(config).train()

    def loss():
        torch.manual_seed(0)
        return gradients(model, loop.hard_labels, "fp32", 1)[0]

    first, *later = (loss() for _ in range(3))
    assert later == [first, first]
    torch.manual_seed(1)
    assert gradients(model, loop.hard_labels, "fp32", 1)[0] != first  # else there is no dropout


def test_without_gradients_the_loss_is_the_same(base):
    model = loading.load_base(base)
    whole, _ = gradients(model, loop.hard_labels, "fp32", WHOLE)
    with torch.no_grad():
        loss = chunks.batch_loss(
            model, ROWS, loop.hard_labels, fill=0, precision="fp32", most_logits=1
        )
    assert loss.item() == pytest.approx(whole, rel=1e-6)


def test_an_adapter_is_trained_though_the_output_layer_is_not(base):
    settings = TrainingSettings(method="lora", precision="fp32")
    model = loading.load_trainable(base, settings)
    found = []
    for most in (1, WHOLE):
        model.zero_grad()
        options = {"fill": 0, "precision": "fp32", "most_logits": most}
        chunks.batch_loss(model, ROWS, loop.hard_labels, **options).backward()
        grads = [w.grad.flatten() for w in model.parameters() if w.requires_grad]
        found.append(torch.cat(grads))
    assert found[0].norm() > 0
    assert torch.allclose(*found, rtol=1e-4, atol=1e-6)
