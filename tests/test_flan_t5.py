"""The recorded data with Flan-T5's real tokenizer and config, at small width, random weights.

Every stage, for T5 and for a causal model with the same tokenizer, full and NF4 LoRA.
"""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
)

from mkdkit.models import encoding, loading
from mkdkit.pipeline import recipes, stages

SMALL = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}


@pytest.fixture(scope="session")
def flan(published_data, tmp_path_factory):
    """Folders of a T5 and a causal base with Flan-T5's own sentencepiece vocabulary."""
    folder = tmp_path_factory.mktemp("flan")
    shutil.copy(published_data / "tokenizers" / "flan-t5" / "spiece.model", folder)
    tokenizer = T5Tokenizer.from_pretrained(folder)
    real = json.loads((published_data / "tokenizers/flan-t5-base/config.json").read_text())
    torch.manual_seed(0)
    t5 = T5Config(**{**real, **SMALL, "num_decoder_layers": 2})
    causal = LlamaConfig(
        vocab_size=t5.vocab_size,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    models = {
        "encoder-decoder": T5ForConditionalGeneration(t5),
        "causal": LlamaForCausalLM(causal),
    }
    for family, model in models.items():
        model.save_pretrained(folder / family)
        tokenizer.save_pretrained(folder / family)
    return {family: str(folder / family) for family in models}


@pytest.mark.parametrize(
    ("family", "method", "augmentation"),
    [
        ("encoder-decoder", "full", "own"),
        ("encoder-decoder", "qlora", "own"),
        ("causal", "full", "own"),
        ("causal", "qlora", "own"),
        ("encoder-decoder", "full", "recorded"),
    ],
)
def test_recorded_rationales_go_through_every_stage(
    published_data, flan, tmp_path, monkeypatch, family, method, augmentation
):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path))
    recipe = recipes.make("smoke", "tracking_shuffled_objects")
    recipe = recipes.with_source(
        recipe, "mentor-kd", data_dir=published_data / "mentor-kd", augmentation=augmentation
    )
    recipe = recipes.with_bases(recipe, mentor=flan[family], student=flan[family])
    recipe = replace(
        recipe,
        mentor=replace(recipe.mentor, method=method),
        student=replace(recipe.student, method="full" if method == "full" else "lora"),
    )
    report = stages.read_report(stages.report(recipe, ["fine_tune_cot", "mentor_kd"]))
    outcomes = report["filter"]["by_source"]
    written = sum(outcomes["teacher"].values())
    assert 30 <= written <= 12 * 3  # three a question, but for the few the teacher never solved
    assert outcomes["teacher"]["kept"] >= 0.9 * written  # the published set is filtered already
    if augmentation == "recorded":
        assert outcomes["mentor"]["kept"] >= 18  # about nine in ten of twelve questions' two
    assert [arm["n"] for arm in report["arms"]] == [8, 8]


def test_untied_t5_heads_survive_saving_and_loading(flan, tmp_path):
    """Flan-T5's head is not its embedding; rebuilding it from the config would tie the two."""
    model = loading.load_base(flan["encoder-decoder"])
    with torch.no_grad():
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight + 1.0)
    tokenizer = loading.load_tokenizer(flan["encoder-decoder"])
    loading.save(model, tokenizer, tmp_path, base="flan", method="full")
    again = loading.load_trained(tmp_path)
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)
    assert torch.equal(again.shared.weight, model.shared.weight)
    assert not torch.equal(again.shared.weight, again.lm_head.weight)


def test_cleaned_text_loses_no_sign_that_plain_text_would(flan):
    tokenizer = loading.load_tokenizer(flan["encoder-decoder"])
    knows = encoding.can_encode(tokenizer)
    assert knows("12 × 3 − 4 ÷ 2 ≈ 34\nso 34")  # cleaned first
    assert not knows("a set {1, 2}")  # braces are unknown to T5, and nothing can stand for them
    row = encoding.encode_row(tokenizer, "q", "3 apples\n4 pears", "encoder-decoder")
    assert tokenizer.decode(row.label, skip_special_tokens=True) == "3 apples 4 pears"


def test_token_lengths_are_those_measured_on_the_published_set(published_data, flan):
    """Mean 133 tokens of teacher labels on tracking_shuffled_objects (Flan-T5 tokenizer)."""
    rows = json.loads(
        (published_data / "mentor-kd/data/main/tracking_shuffled_objects_3_train.json").read_text()
    )
    rows = rows["data"] if isinstance(rows, dict) else rows
    tokenizer = loading.load_tokenizer(flan["encoder-decoder"])
    labels = [
        len(
            encoding.encode_row(
                tokenizer, "q", f"{r['chain']} --> {r['answer']}", "encoder-decoder"
            ).label
        )
        for r in rows
    ]
    assert len(rows) == 1536
    assert sum(labels) / len(labels) == pytest.approx(133, abs=2)
