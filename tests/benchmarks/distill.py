"""One epoch of a student's distillation: the published loop, the same with short batches, and ours.

Flan-T5's tokenizer and shapes with random weights (speed does not depend on them), the published
teacher's and mentor's rationales. A few steps of each are timed in turn and scaled to one epoch;
ours pays for its soft-label store too, spread over the 20 epochs that it serves.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import published_loop
import torch
from record import keep
from shares import shares_of
from transformers import AutoConfig, T5Config, T5ForConditionalGeneration, T5Tokenizer

from mkdkit.models import encoding
from mkdkit.models.rows import Row
from mkdkit.settings import Precision, QuestionSettings, SoftLabelSettings, StudentSettings
from mkdkit.tasks import catalogue
from mkdkit.teachers import question_sets, recorded
from mkdkit.training import label_store, loop

TASKS = ("tracking_shuffled_objects", "svamp")
EPOCHS = 20  # of the published training, which the store serves
BATCH = 8
LONGEST = 1024  # tokens of a question and its rationale
SMALL = {"d_model": 512, "d_kv": 64, "d_ff": 1024, "num_layers": 8}
SMALL |= {"num_decoder_layers": 8, "num_heads": 6}


@dataclass(frozen=True)
class Setup:
    """What is timed: models and rows."""

    mentor: Any
    student: T5Config
    rows: list[Row]


def published(tokenizers: Path | None) -> tuple[Any, T5Config, T5Config]:
    """Flan-T5's tokenizer, and the shapes of its large and its small model."""
    vocabulary, large = "google/flan-t5-large", "google/flan-t5-large"
    if tokenizers is not None:
        vocabulary, large = str(tokenizers / "flan-t5"), str(tokenizers / "flan-t5-large")
    config = AutoConfig.from_pretrained(large)
    small = T5Config.from_dict(config.to_dict() | SMALL)
    return T5Tokenizer.from_pretrained(vocabulary), config, small


def rows_of(task: str, data_dir: Path, tokenizer: Any) -> list[Row]:
    """The rows a student learns: correct rationales of the published teacher and mentor."""
    settings = QuestionSettings(
        task=task, source="mentor-kd", data_dir=str(data_dir), train=None, test=None
    )
    questions = question_sets.read_all_questions(settings).train
    by_id = {question.id: question for question in questions}
    length = encoding.counter(tokenizer, "encoder-decoder", "arrow")
    kept = [
        one
        for kind in ("teacher", "mentor")
        for one in recorded.read_rationales_for(settings, questions, kind=kind)
        # the published code cuts longer ones; they are few
        if one.is_correct and length(by_id[one.question_id], one) <= LONGEST
    ]
    return encoding.encode_completions(
        tokenizer, questions, kept,
        family="encoder-decoder", template="arrow", max_tokens=LONGEST,
    )  # fmt: skip


def student_of(config: T5Config) -> Any:
    """A student with random weights, ready to be trained."""
    torch.manual_seed(0)
    return T5ForConditionalGeneration(config).train()


def time_published(setup: Setup, batches: Sequence[Sequence[Row]], *, dynamic: bool) -> list[float]:
    """Seconds of each published step."""
    student = student_of(setup.student)
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-4)
    lengths = None if dynamic else published_loop.longest(setup.rows)
    seconds = []
    for rows in batches:
        started = time.perf_counter()
        batch = published_loop.pad(rows, student, lengths)
        published_loop.step(student, setup.mentor, optimizer, batch)
        seconds.append(time.perf_counter() - started)
    return seconds


def write_store(setup: Setup, rows: list[Row], folder: str, precision: Precision) -> float:
    """Write the mentor's soft labels for rows; seconds a row."""
    started = time.perf_counter()
    kept = SoftLabelSettings(batch_size=BATCH, precision=precision)
    for _ in label_store.write_store(folder, setup.mentor, rows, kept, fill=0, identity={}):
        pass
    return (time.perf_counter() - started) / len(rows)


def time_ours(
    setup: Setup, rows: list[Row], folder: str, precision: Precision
) -> tuple[float, dict[str, float]]:
    """Seconds a row in training from a store, and where they go: shares of kinds of operators.

    The first step warms up and counts all the same; the shares are those of one more step.
    """
    settings = StudentSettings(
        epochs=1, batch_size=BATCH, precision=precision, learning_rate=1e-4, validations=0
    )
    loss_of = loop.distillation(label_store.Store(folder), settings)
    student = student_of(setup.student)
    steps = loop.train(student, rows, loss_of, settings, fill=0)
    a_row = sum(step.seconds for step in steps) / len(rows)
    more = loop.train(student, rows[:BATCH], loss_of, settings, fill=0)
    return a_row, shares_of(lambda: next(more))


def measure(task: str, setup: Setup, *, steps: int) -> None:
    """Time all three in turn on one task; keep the seconds of an epoch and the ratios."""
    rng = random.Random(0)
    rows = setup.rows
    per_epoch = -(-len(rows) // BATCH)
    slow = [rng.sample(rows, BATCH) for _ in range(max(2, steps // 4))]
    mine = rng.sample(rows, BATCH * steps)
    published, dynamic, ours = [], [], {}
    for batch in slow:  # in turn, so that a busy moment falls on all
        published += time_published(setup, [batch], dynamic=False)
        dynamic += time_published(setup, [batch], dynamic=True)
        print(f"{task}: published {published[-1]:.1f} s, dynamic {dynamic[-1]:.1f} s a step")
    for precision in ("fp32", "bf16"):
        with tempfile.TemporaryDirectory() as folder:
            store = write_store(setup, mine, folder, precision)
            ours[precision] = (store, *time_ours(setup, mine, folder, precision))
    published_s, dynamic_s = (per_epoch * statistics.mean(s) for s in (published, dynamic))
    for precision, (store, a_row, shares) in ours.items():
        store_s, ours_s = store * len(rows), a_row * len(rows)
        found = {"published_s": published_s, "dynamic_s": dynamic_s, "ours_s": ours_s}
        found |= {"store_s": store_s, "ratio": published_s / (ours_s + store_s / EPOCHS)}
        found = {name: round(value, 2) for name, value in found.items()}
        about = {"rows": len(rows), "epochs": EPOCHS, "steps_timed": steps, "shares": shares}
        keep(f"distill.{task}.{precision}", found | about)
        print(task, precision, found, flush=True)


def main(
    data_dir: Path, tokenizers: Path | None, *, steps: int = 8, tasks: Sequence[str] = TASKS
) -> None:
    """Run the benchmark.

    Args:
        data_dir: the published data, as `mkdkit fetch mentor-kd` lays it out.
        tokenizers: a folder with flan-t5's spiece.model and flan-t5-large's config.json; None: the
            Hub's.
        steps: of ours to time; a quarter as many of the published loop.
        tasks: which sets.
    """
    tokenizer, large, small = published(tokenizers)
    torch.manual_seed(0)
    mentor = T5ForConditionalGeneration(large).eval()
    for task in tasks:
        catalogue.find(task)
        measure(task, Setup(mentor, small, rows_of(task, data_dir, tokenizer)), steps=steps)


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--tokenizers", type=Path)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    main(**vars(parser.parse_args()))
