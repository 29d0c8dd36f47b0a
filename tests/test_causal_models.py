"""Causal models of other makes: windows that slide, experts, convolutions, recurrent states."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, Gemma3Config

from mkdkit.models import decoding, loading, tiny_tokenizer
from mkdkit.models.rows import Row
from mkdkit.settings import TrainingSettings
from mkdkit.training import chunks, loop

SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_d_state": 8}
OWN = {  # what a family needs beside SHAPE to have two small layers, one of each of its kinds
    "mistral": {"sliding_window": 8},
    "gemma2": {"sliding_window": 8, "query_pre_attn_scalar": 8},
    "gpt_neox": {"num_key_value_heads": None, "head_dim": None},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "bloom": {"n_layer": 2, "n_head": 4},
    "qwen3_moe": EXPERTS,
    "gpt_oss": {"num_local_experts": 4, "sliding_window": 8},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "qwen3_next": EXPERTS
    | {
        "layer_types": ["linear_attention", "full_attention"],
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "shared_expert_intermediate_size": 16,
    },
    "jamba": {"num_experts": 1, "attn_layer_period": 2, "attn_layer_offset": 1}
    | {"mamba_d_state": 8, "use_mamba_kernels": False},
    "falcon_h1": MAMBA | {"mamba_d_ssm": 64, "mamba_chunk_size": 8},
    "mamba": {"state_size": 8},
    "mamba2": {"state_size": 8, "num_heads": 4, "head_dim": 16, "n_groups": 1, "chunk_size": 8},
}
PROMPTS = [tuple(range(5, 15)), (20, 21, 22), (30, 31, 32, 33, 34)]
LENGTHS = [18, 5, 9, 18, 3, 12]  # tokens after which each row is made to end, two rows a prompt


def model_of(kind, **changes):
    tokenizer = tiny_tokenizer.build()
    marks = dict.fromkeys(("eos_token_id", "bos_token_id"), tokenizer.eos_token_id)
    config = SHAPE | {"pad_token_id": tokenizer.pad_token_id} | marks | OWN.get(kind, {}) | changes
    config = {name: value for name, value in config.items() if value is not None}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(kind, vocab_size=len(tokenizer), **config)
    )
    for weight in model.parameters():
        if weight.dim() > 1:
            weight.data *= 3  # random layers of the usual spread write one token for ever
    return model.eval(), tokenizer


@torch.no_grad()
def written_anew(model, prompt, tokens):
    """The likeliest tokens, all that stands before each read again."""
    ids = list(prompt)
    for _ in range(tokens):
        ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("kind", OWN)
def test_rows_that_share_a_prompt_and_leave_are_written_as_each_alone(kind):
    """Prompts of several lengths, each read once for two rows; rows end at several moments."""
    model, tokenizer = model_of(kind)
    expected = [written_anew(model, prompt, 18) for prompt in PROMPTS for _ in range(2)]

    def choose(logits, rows, step):
        ends = torch.tensor([LENGTHS[row] == step + 1 for row in rows.tolist()])
        logits[:, tokenizer.eos_token_id] = -torch.inf  # none ends by itself
        return logits.argmax(-1).where(~ends, tokenizer.eos_token_id)

    found = decoding.decode(model, tokenizer, PROMPTS, 2, 18, choose)
    assert tokenizer.eos_token_id not in {token for row in expected for token in row}
    for row, alone, length in zip(found, expected, LENGTHS, strict=True):
        assert row == [*alone[: length - 1], tokenizer.eos_token_id]


@pytest.mark.parametrize("kind", OWN)
def test_the_loss_of_a_batch_is_that_of_its_rows(kind):
    """Rows are filled up to the longest; what fills them reaches no row's loss."""
    model, _ = model_of(kind)
    rows = [Row(prompt, tuple(range(40, 52 - len(prompt)))) for prompt in PROMPTS]

    @torch.no_grad()
    def loss(part):
        return float(chunks.batch_loss(model, part, loop.hard_labels, fill=0, precision="fp32"))

    assert loss(rows) == pytest.approx(sum(loss([row]) for row in rows), rel=1e-4)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_of_a_model_for_pictures_all_that_is_trained_gets_a_gradient(method):
    """Several processes wait for every gradient of one another."""
    pictures = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Gemma3Config(
        text_config=SHAPE | {"vocab_size": 97},
        vision_config=pictures | {"intermediate_size": 32, "image_size": 28, "patch_size": 14},
        mm_tokens_per_image=4, image_token_index=96, boi_token_index=95, eoi_token_index=94,
    )  # fmt: skip
    settings = TrainingSettings(method=method, precision="fp32")
    model = AutoModelForCausalLM.from_config(config)
    model = loading.make_trainable(model, settings, torch.device("cpu"))
    rows = [Row((3, 4, 5), (6, 7, 8, 1))]
    chunks.batch_loss(model, rows, loop.hard_labels, fill=0, precision="fp32").backward()
    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    assert len(trained) > 10
    assert [name for name, one in trained.items() if one.grad is None] == []
    assert not any("vision" in name for name in trained)


def test_a_model_that_keeps_nothing_of_what_it_reads_is_refused():
    kinds = {"block_types": ("recurrent", "attention"), "lru_width": 32}
    model, tokenizer = model_of("recurrent_gemma", attention_window_size=16, **kinds)
    with pytest.raises(ValueError, match="gives back nothing of what it has read"):
        decoding.decode(model, tokenizer, PROMPTS, 1, 4, lambda logits, *_: logits.argmax(-1))


@pytest.mark.parametrize("kind", [kind for kind in OWN if kind in loading.FUSED])
def test_layers_that_kernels_read_past_an_adapter_have_none(kind, tmp_path):
    """And what was trained beside them comes back as it was."""
    model, tokenizer = model_of(kind)
    base = tmp_path / "base"
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)
    settings = TrainingSettings(method="lora")
    adapted = loading.load_trainable(str(base), settings)
    trained = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert trained
    assert not any("out_proj" in name for name in trained)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            weight.data += 0.1
    loading.save(adapted, tokenizer, tmp_path / "adapter", base=str(base), method="lora")
    again = loading.load_trained(tmp_path / "adapter")
    ids = torch.tensor(PROMPTS[:1])
    with torch.no_grad():
        assert torch.equal(again(ids).logits, adapted.eval()(ids).logits)
        assert not torch.allclose(again(ids).logits, model(ids).logits)
