"""What each process of `test_processes` runs: one training, its losses and weights left behind."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from mkdkit.models import loading
from mkdkit.models.rows import Row
from mkdkit.pipeline import launched
from mkdkit.settings import TrainingSettings
from mkdkit.training import checkpoints, loop

# 11 rows in batches of 5: shares of 3 and 2 rows, and in the last batch of an epoch 1 and none
ROWS = [
    Row(prompt=(300 + i, 301, 302), label=(*range(310, 311 + i % 4), 320 + i, 1)) for i in range(11)
]
SETTINGS = TrainingSettings(
    learning_rate=3e-3, batch_size=5, accumulation_steps=2, max_steps=8, precision="fp32"
)

if __name__ == "__main__":
    base, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    team = launched.team()
    model = loading.load_trainable(base, SETTINGS)
    steps = list(loop.train(model, ROWS, loop.hard_labels, SETTINGS, fill=0, team=team))
    launched.part()
    record = {
        "processes": team.processes,
        "parted": not torch.distributed.is_initialized(),
        "losses": [step.loss for step in steps],
        "norms": [step.gradient_norm for step in steps],  # Adam would hide a wrong scale
    }
    name = f"process-{team.index}"
    (folder / f"{name}.json").write_text(json.dumps(record))
    save_file(checkpoints.copy_weights(model), folder / f"{name}.safetensors")
