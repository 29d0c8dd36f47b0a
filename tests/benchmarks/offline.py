"""Offline distillation of a causal pair of about 10:1, by TRL's GKDTrainer (lmbda 0) and by ours.

The same rows, the same forward Kullback-Leibler divergence at τ = 1 and nothing else, the same
optimiser and batch size, each in a process of its own so that its memory is its own. Random
weights: speed does not depend on them. Ours asks the mentor once and pays for its store, spread
over the epochs that it serves; TRL asks it in every step.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from own_memory import Peak
from record import keep

from mkdkit.models import encoding, tiny_tokenizer
from mkdkit.models.rows import Row
from mkdkit.settings import SoftLabelSettings, StudentSettings, TeacherSettings
from mkdkit.tasks import catalogue, procedural
from mkdkit.teachers import scripted
from mkdkit.training import label_store, loop, losses

TASK = "multi_step_arithmetic"
VOCABULARY = 32_000
MENTOR = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 9}
STUDENT = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 3}
BATCH, EPOCHS, LEARNING_RATE = 8, 20, 1e-4
HELD_OUT = 32  # rows


def model_of(shape: dict[str, int], *, sharpness: float = 1.0) -> Any:
    """A causal model with random weights, the same every time; its logits are times `sharpness`."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    heads = shape["hidden_size"] // 64
    config = LlamaConfig(
        **shape, vocab_size=VOCABULARY, num_attention_heads=heads, num_key_value_heads=heads,
        max_position_embeddings=1024, tie_word_embeddings=True, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.model.norm.weight.data *= sharpness
    return model


def mentor_of() -> Any:
    """A mentor that is as sure as trained ones are: a few tokens hold most of its mass."""
    return model_of(MENTOR, sharpness=12.0).eval()


def rows_of(count: int) -> list[Row]:
    """Scripted rationales as rows, `HELD_OUT` more than are learnt."""
    wanted = count + HELD_OUT
    questions = procedural.make_questions(TASK, wanted, seed=0)
    task = catalogue.find(TASK)
    settings = TeacherSettings(rationales_per_question=1)
    written = scripted.write_rationales(questions, task=task, settings=settings)
    tokenizer = tiny_tokenizer.build()
    texts = {question.id: question.text for question in questions}
    return [
        encoding.encode_row(tokenizer, texts[one.question_id], one.text, "causal")
        for one in written
    ]


@torch.no_grad()
def divergence(mentor: Any, student: Any, rows: Sequence[Row]) -> float:
    """Nats a token between mentor and student on rows, over the whole vocabulary."""
    nats = tokens = 0.0
    for start in range(0, len(rows), BATCH):
        batch = encoding.collate(rows[start : start + BATCH], fill=0, model=mentor)
        said, _ = encoding.predict_scored(mentor, batch)
        own, _ = encoding.predict_scored(student, batch)
        nats += losses.soft_label_loss(own, said, temperature=1.0).item()
        tokens += len(own)
    return nats / tokens


def learn_by_trl(student: Any, rows: Sequence[Row]) -> dict[str, float]:
    """Seconds of one epoch by GKDTrainer, padded to the longest row of a batch."""
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast
    from trl.experimental.gkd import GKDConfig, GKDTrainer

    def collate(numbers: Iterable[dict[str, int]]) -> dict[str, torch.Tensor]:
        return encoding.collate([rows[one["row"]] for one in numbers], fill=0, model=student)

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer.build().backend_tokenizer)
    tokenizer.pad_token = "<pad>"
    with tempfile.TemporaryDirectory() as folder:
        settings = GKDConfig(
            output_dir=folder, lmbda=0.0, beta=0.0, num_train_epochs=1,
            per_device_train_batch_size=BATCH, learning_rate=LEARNING_RATE, use_cpu=True,
            save_strategy="no", lr_scheduler_type="constant", report_to=[], logging_steps=10**9,
            disable_tqdm=True, bf16=False,
            gradient_checkpointing=False, dataset_kwargs={"skip_prepare_dataset": True},
        )  # fmt: skip
        trainer = GKDTrainer(
            model=student, teacher_model=mentor_of(), args=settings, data_collator=collate,
            train_dataset=Dataset.from_dict({"row": list(range(len(rows)))}),
            processing_class=tokenizer,
        )  # fmt: skip
        began = time.perf_counter()
        trainer.train()
        return {"seconds": time.perf_counter() - began}


def learn_by_ours(student: Any, rows: Sequence[Row]) -> dict[str, float]:
    """Seconds of one epoch and, apart, of the store; after that the mentor is not needed."""
    settings = StudentSettings(
        epochs=1, batch_size=BATCH, learning_rate=LEARNING_RATE, kd_weight=1.0, kd_temperature=1.0,
        precision="fp32", validations=0,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        mentor, kept = mentor_of(), SoftLabelSettings(batch_size=BATCH)
        for _ in label_store.write_store(folder, mentor, rows, kept, fill=0, identity={}):
            pass
        del mentor
        stored = time.perf_counter()
        loss_of = loop.distillation(label_store.Store(folder), settings)
        for _ in loop.train(student, rows, loss_of, settings, fill=0):
            pass
        return {"seconds": time.perf_counter() - stored, "store_s": stored - began}


def measure(who: str, count: int) -> dict[str, float]:
    """Train one epoch in this process; seconds, peak memory, and the divergence afterwards."""
    warnings.simplefilter("ignore", FutureWarning)  # of names that the libraries will change
    rows, student = rows_of(count), model_of(STUDENT)
    peak = Peak()
    learn = learn_by_trl if who == "trl" else learn_by_ours
    found = learn(student, rows[:count]) | {"peak_gib": peak.gib}
    return found | {"loss": divergence(mentor_of(), student.eval(), rows[count:])}


def main(rows: int, rounds: int) -> None:
    """Measure both in turn; keep medians and the ratio of an epoch's seconds."""
    runs: dict[str, list[dict[str, float]]] = {"trl": [], "ours": []}
    for _ in range(rounds):
        for who, found in runs.items():
            command = [sys.executable, __file__, "--rows", str(rows), "--only", who]
            said = subprocess.check_output(command, text=True)
            found.append(json.loads(said.splitlines()[-1]))
    middle = {
        who: {name: statistics.median(one[name] for one in found) for name in found[0]}
        for who, found in runs.items()
    }
    ours_s = middle["ours"]["seconds"] + middle["ours"]["store_s"] / EPOCHS
    found = {
        "trl_s": middle["trl"]["seconds"],
        "ours_s": ours_s,
        "store_s": middle["ours"]["store_s"],
        "ratio": middle["trl"]["seconds"] / ours_s,
        "trl_peak_gib": middle["trl"]["peak_gib"],
        "ours_peak_gib": middle["ours"]["peak_gib"],
        "trl_loss": middle["trl"]["loss"],
        "ours_loss": middle["ours"]["loss"],
    }
    found = {name: float(f"{value:.4g}") for name, value in found.items()} | {"rows": rows}
    keep("trl", found)
    print(found, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("trl", "ours"), help="print one measurement, as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(chosen.only, chosen.rows)))
    else:
        main(chosen.rows, chosen.rounds)
