"""Training attends another way on a CPU; what is learned is the same."""

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from mkdkit.models import attention
from mkdkit.models.rows import Row
from mkdkit.training import chunks, loop


def causal():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,  # two heads share what they read
    )
    return LlamaForCausalLM(config)


def learned(model, precision):
    """The loss of rows of unlike length, and the gradient of every weight."""
    rows = [Row((3, 4, 5), (6, 7, 1)), Row((8,), (9, 1)), Row((3, 3), (5, 11, 12, 13, 14, 1))]
    loss = chunks.batch_loss(model, rows, loop.hard_labels, fill=0, precision=precision)
    loss.backward()
    return loss.item(), {name: weight.grad for name, weight in model.named_parameters()}


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 0.05)])
def test_fused_attention_has_the_loss_and_the_gradients_of_plain_attention(precision, tolerance):
    plain, fused = causal(), causal()
    plain.set_attn_implementation("eager")
    attention.make_fast_to_train(fused)
    assert fused.config._attn_implementation == attention.FUSED
    expected, expected_gradients = learned(plain, "fp32")
    loss, gradients = learned(fused, precision)
    assert loss == pytest.approx(expected, rel=tolerance)
    for name, gradient in expected_gradients.items():
        assert (gradients[name] - gradient).norm() <= tolerance * gradient.norm(), name


def test_what_follows_attention_is_in_the_precision_of_what_precedes_it():
    """In float32 the sums of all later layers would be, and take twice the memory."""
    model = causal().to(torch.bfloat16)
    attention.make_fast_to_train(model)
    hidden = model(torch.tensor([[3, 4, 5]]), output_hidden_states=True).hidden_states
    assert {one.dtype for one in hidden} == {torch.bfloat16}


def test_a_model_that_caps_its_scores_goes_on_capping_them():
    config = Gemma2Config(
        vocab_size=40, hidden_size=32, intermediate_size=48, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=16, attn_logit_softcapping=0.01,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(config)
    model.set_attn_implementation("eager")
    ids = torch.arange(3, 9).unsqueeze(0)
    expected = model(ids).logits
    attention.make_fast_to_train(model)
    assert torch.equal(model(ids).logits, expected)
    model.set_attn_implementation(attention.FUSED)
    with pytest.raises(ValueError, match="softcap"):  # the fused kernel cannot
        model(ids)


def test_a_model_with_learned_biases_between_tokens_attends_plainly():
    config = T5Config(vocab_size=40, d_model=32, d_kv=8, d_ff=48, num_layers=1, num_heads=4)
    model = T5ForConditionalGeneration(config)
    attention.make_fast_to_train(model)
    assert model.config._attn_implementation == "eager"
