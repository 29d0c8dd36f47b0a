"""Two processes train as one does: the same losses, the same weights, every row once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bases import FAMILIES
from safetensors.torch import load_file
from two_processes import ROWS, SETTINGS

from mkdkit.models import loading
from mkdkit.training import checkpoints, loop
from mkdkit.training.team import ALONE

SCRIPT = Path(__file__).with_name("two_processes.py")


@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_take_the_steps_that_one_takes(family, bases, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launch, "--nproc_per_node", "2", str(SCRIPT), bases[family], str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]

    model = loading.load_trainable(bases[family], SETTINGS)
    alone = list(loop.train(model, ROWS, loop.hard_labels, SETTINGS, fill=0))
    for process in range(2):
        record = json.loads((tmp_path / f"process-{process}.json").read_text())
        assert record["processes"] == 2
        assert record["losses"][0] == pytest.approx(alone[0].loss, rel=1e-5)
        assert record["norms"][0] == pytest.approx(alone[0].gradient_norm, rel=1e-5)
        assert record["losses"] == pytest.approx([step.loss for step in alone], rel=1e-3)
        weights = load_file(tmp_path / f"process-{process}.safetensors")
        for name, expected in checkpoints.trainable(model).items():
            assert torch.allclose(weights[name], expected, atol=2e-3), name


def test_alone_every_row_is_ones_own():
    assert ALONE.share([1, 2, 3]) == ([1, 2, 3], 1.0)
    assert ALONE.add_up(0.5, torch.device("cpu")) == 0.5
