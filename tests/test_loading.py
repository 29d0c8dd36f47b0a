"""A base that is held in 4 bits is never in memory whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

BENCHMARKS = Path(__file__).parent / "benchmarks"  # one of them watches memory

# 4-bit loading in a process of its own, whose memory nothing else has touched
LOAD = """
import json, sys
import torch
from own_memory import Peak
from mkdkit.models import loading

loading.load_base("tiny-student", quantization="nf4")  # what is imported on the way is not counted
peak = Peak(every=0.002)
model = loading.load_base(sys.argv[1], quantization="nf4", dtype=torch.bfloat16)
held = sum(loading.bytes_by_part(model)[part] for part in ("frozen weights", "trained weights"))
print(json.dumps({"grown": (peak.gib - peak.first) * 2**30, "held": held}))
"""


def test_layers_are_quantised_one_by_one_as_they_are_read(tmp_path):
    config = LlamaConfig(
        vocab_size=512, hidden_size=1024, intermediate_size=4096, num_hidden_layers=8,
        num_attention_heads=8, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    whole = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    model.save_pretrained(tmp_path)
    del model
    # freed tensors go back to the system at once, so that what is counted is what lives
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "PYTHONPATH": str(BENCHMARKS)}
    said = subprocess.check_output([sys.executable, "-c", LOAD, str(tmp_path)], env=environment)
    found = json.loads(said.splitlines()[-1])
    assert whole > 250 * 2**20
    assert found["held"] < 0.3 * whole  # half a byte a weight instead of two, and the scales
    assert found["held"] * 0.9 < found["grown"] < 0.6 * whole
