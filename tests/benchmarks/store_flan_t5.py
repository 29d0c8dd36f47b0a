"""What the soft-label store keeps at a vocabulary of 32 thousand, where its size matters.

Two models of Flan-T5-small's shape, trained from nothing for a while on published rationales: a
head with random weights would have no likely tokens that a store could keep.
"""

import argparse
from pathlib import Path
from typing import Any

import distill
import store
import torch
from transformers import T5Config, T5ForConditionalGeneration

from mkdkit.models.rows import Row
from mkdkit.settings import TrainingSettings
from mkdkit.training import loop

TASK = "svamp"
MENTOR_STEPS, STUDENT_STEPS = 240, 80
HELD_OUT = 16  # rows


def trained(config: T5Config, rows: list[Row], steps: int) -> Any:
    """A model after so many steps on rows."""
    torch.manual_seed(steps)
    model = T5ForConditionalGeneration(config)
    # an output layer of its own starts 20 times too large, and would take long to come down
    model.lm_head.weight.data *= config.d_model**-0.5
    settings = TrainingSettings(
        learning_rate=1e-3, warmup_share=0.1, batch_size=8, max_steps=steps, validations=0
    )
    for step in loop.train(model, rows, loop.hard_labels, settings, fill=0):
        if step.number % 40 == 0:
            print(f"step {step.number} of {steps}: {step.loss:.2f} nats a token", flush=True)
    return model.eval()


def main(data_dir: Path, tokenizers: Path | None) -> None:
    """Train the pair and measure it on rows that neither has seen."""
    tokenizer, _, config = distill.published(tokenizers)
    rows = distill.rows_of(TASK, data_dir, tokenizer)
    asked = {row.prompt for row in rows[-HELD_OUT:]}
    learnt = [row for row in rows if row.prompt not in asked]
    mentor, student = (trained(config, learnt, n) for n in (MENTOR_STEPS, STUDENT_STEPS))
    store.measure(mentor, student, rows[-HELD_OUT:], "store.flan_t5")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--tokenizers", type=Path)
    main(**vars(parser.parse_args()))
