"""A base that is held in 4 bits is never in memory whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mkdkit.models import loading
from mkdkit.settings import TrainingSettings

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


@pytest.mark.parametrize("fast", ["bf16", "fp32"])
def test_beside_4_bits_a_cpu_works_in_what_it_is_fast_in(fast, bases, monkeypatch):
    """A step in bfloat16 took ten times as long where a CPU has no instructions for it."""
    monkeypatch.setattr(loading, "device", lambda: torch.device("cpu"))
    monkeypatch.setattr(loading, "fast_precision", lambda: fast)
    model = loading.load_trainable(bases["causal"], TrainingSettings(method="qlora"))
    wanted = torch.bfloat16 if fast == "bf16" else torch.float32
    frozen = {one.dtype for one in model.parameters() if not one.requires_grad}
    assert frozen == {torch.uint8, wanted}  # 4-bit blocks, and all else
    products = {one.compute_dtype for one in model.modules() if hasattr(one, "compute_dtype")}
    assert products == {wanted}
    assert loading.dtype_beside_4bit(torch.device("cuda")) == torch.bfloat16


# a product, as many others between as there are sizes, and whether it is made anew after them
AGAIN = """
import sys
from mkdkit.models import loading
import torch

def convolve(size):
    torch.nn.functional.conv2d(torch.ones(2, 8, size, size), torch.ones(8, 8, 3, 3))

convolve(50)
for size in range(51, 51 + int(sys.argv[1])):
    convolve(size)
with torch.backends.mkldnn.verbose(2):
    convolve(50)
"""


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN")
@pytest.mark.parametrize(("others", "made_anew"), [(1, 0), (200, 1)])
def test_products_of_shapes_that_came_once_are_not_kept_for_ever(others, made_anew):
    command = [sys.executable, "-c", AGAIN, str(others)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "exec,cpu,convolution" in done.stdout
    assert done.stdout.count("create:cache_miss,cpu,convolution") == made_anew
