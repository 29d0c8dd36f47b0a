"""One GPU: QLoRA by ours and by plain peft and transformers, distillation steps, loss memory.

Published shapes with random weights, which speed and memory do not depend on. Each measurement is
taken in a process of its own; "ours" goes through the kit's own loading and training, and the
other side is what PEFT's and transformers' documentation tells one to write.

    python tests/benchmarks/gpu.py
    python tests/benchmarks/gpu.py --cpu      the same on tiny shapes: does it run?
"""

import argparse
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import published_loop
import torch
from own_memory import Peak
from record import keep
from torch.nn import functional as F

from mkdkit.models import encoding, footprint, loading
from mkdkit.models.rows import Row
from mkdkit.pipeline import planning, probe, sizing
from mkdkit.settings import SoftLabelSettings, StudentSettings, TrainingSettings
from mkdkit.training import chunks, label_store, loop, rehearsal

QLORA = {
    "flan_t5_xl": "Flan-T5 XL (2.8 billion)",
    "flan_t5_xxl": "Flan-T5 XXL (11 billion)",
    "causal_8b": "causal 8B (8.0 billion)",
}
MENTOR, STUDENT = "Flan-T5 large (783 million)", "Flan-T5 small (77 million)"
VOCABULARIES = {"32k": 32_128, "152k": 151_936}
BATCH, PROMPT, COMPLETION = 8, 256, 256
STEPS = 12  # of which the first ones warm up
WARM_UP = 4
TRY_OUT = {"d_model": 64, "d_ff": 64, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 1}
TRY_OUT |= {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
TRY_OUT |= {"num_attention_heads": 1, "num_key_value_heads": 1}

WHERE = loading.device()


def write_base(size: str, folder: Path, *, is_tried: bool) -> None:
    """Save a base of a published size, with random weights in bf16."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    shape = dict(sizing.SHAPES[size])
    if is_tried:
        shape |= {name: value for name, value in TRY_OUT.items() if name in shape}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    config = AutoConfig.from_pretrained(folder)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.device(WHERE), loading.quiet():
        auto.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)


def rows_of(count: int, vocabulary: int = 32_000) -> list[Row]:
    """Rows of random tokens, all as long as can be."""
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(2, vocabulary, (count, PROMPT + COMPLETION), generator=draw).tolist()
    return [Row(tuple(one[:PROMPT]), tuple(one[PROMPT:])) for one in ids]


def peak_gib() -> float:
    """The most that tensors took of the GPU since the last reset, GiB."""
    return torch.cuda.max_memory_allocated() / 2**30 if WHERE.type == "cuda" else 0.0


def forget_peak() -> None:
    """Begin to look for the highest anew."""
    if WHERE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def qlora_by_ours(base: str) -> tuple[list[float], float]:
    """Seconds of each step, and GiB at most while the base was loaded."""
    settings = qlora_settings()
    model = loading.load_trainable(base, settings)
    loaded = peak_gib()
    forget_peak()
    steps = loop.train(model, rows_of(BATCH * STEPS), loop.hard_labels, settings, fill=0)
    return [step.seconds for step in steps], loaded


def qlora_settings() -> TrainingSettings:
    """Rank 16 on all linear layers, 8-bit paged AdamW, layers computed again going back."""
    return TrainingSettings(
        method="qlora", lora_rank=16, optimizer="paged_adamw_8bit", batch_size=BATCH,
        max_steps=STEPS, max_tokens=PROMPT + COMPLETION, precision="bf16", validations=0,
        gradient_checkpointing=True,
    )  # fmt: skip


def qlora_by_peft(base: str) -> tuple[list[float], float]:
    """The same as PEFT's guide to quantisation and transformers' Trainer do it."""
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import Trainer, TrainerCallback, TrainingArguments

    model = loading.load_base(base, quantization="nf4", dtype=torch.bfloat16)
    loaded = peak_gib()
    forget_peak()
    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=True)
    is_t5 = model.config.is_encoder_decoder
    lora = LoraConfig(
        r=16, lora_alpha=32, target_modules="all-linear", lora_dropout=0.0,
        task_type="SEQ_2_SEQ_LM" if is_t5 else "CAUSAL_LM",
    )  # fmt: skip
    model = get_peft_model(model, lora)
    ends: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            wait()
            ends.append(time.perf_counter())

    rows = rows_of(BATCH * (STEPS + 1))
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            folder, per_device_train_batch_size=BATCH, max_steps=STEPS + 1, report_to=[],
            optim="paged_adamw_8bit" if WHERE.type == "cuda" else "adamw_torch", save_strategy="no",
            bf16=True, gradient_checkpointing=True, logging_strategy="no", disable_tqdm=True,
            remove_unused_columns=False, use_cpu=WHERE.type == "cpu",
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )  # fmt: skip
        Trainer(
            model, settings, callbacks=[Clock()], train_dataset=rows,
            data_collator=lambda batch: encoding.collate(batch, fill=0, model=model),
        ).train()  # fmt: skip
    return [after - before for before, after in itertools.pairwise(ends)], loaded


def wait() -> None:
    """Until the GPU has done what it was told."""
    if WHERE.type == "cuda":
        torch.cuda.synchronize()


def qlora(base: str, learn: Callable[[str], tuple[list[float], float]]) -> dict[str, float]:
    """Tokens a second, peaks, and the share of the device's matrix products that is used."""
    own = Peak()  # of the CPU: the base must never be there whole
    seconds, loaded = learn(base)
    second = statistics.median(seconds[WARM_UP:])
    settings = qlora_settings()
    model, _ = footprint.hold(base, settings, WHERE, to_train=True)
    row = planning.longest_row(settings, PROMPT, COMPLETION)
    flop = rehearsal.training_step(model, settings, row, WHERE).flop
    rate = probe.matmul_rate(4096, 4096, torch.bfloat16, WHERE)
    return {
        "tokens_per_s": BATCH * (PROMPT + COMPLETION) / second,
        "peak_gib": peak_gib(),
        "loading_peak_gib": loaded,
        "loading_cpu_gib": own.gib,
        "share_of_matmul_rate": flop / second / rate,
        "teraflops": flop / second / 1e12,
    }


def distillation(mentor: str, student: str, *, is_ours: bool) -> dict[str, float]:
    """Seconds of a student's step from a mentor; ours reads what the mentor said before."""
    held = {"dtype": torch.float32}
    learner = loading.load_base(student, **held).train()
    rows = rows_of(BATCH * STEPS)
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    teacher = loading.load_base(mentor, **held)
    seconds, store_s = [], 0.0
    if is_ours:
        settings = StudentSettings(
            batch_size=BATCH, max_steps=STEPS, precision="bf16", learning_rate=1e-4, validations=0
        )
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            kept = SoftLabelSettings(batch_size=BATCH)
            for _ in label_store.write_store(folder, teacher, rows, kept, fill=0, identity={}):
                pass
            store_s = (time.perf_counter() - began) / len(batches)
            del teacher
            forget_peak()
            loss_of = loop.distillation(label_store.Store(folder), settings)
            seconds = [s.seconds for s in loop.train(learner, rows, loss_of, settings, fill=0)]
    else:
        optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-4)
        for one in batches:
            began = time.perf_counter()
            batch = {k: v.to(WHERE) for k, v in published_loop.pad(one, learner, None).items()}
            published_loop.step(learner, teacher, optimizer, batch)
            wait()
            seconds.append(time.perf_counter() - began)
    found = {"step_s": statistics.median(seconds[WARM_UP:]), "peak_gib": peak_gib()}
    return found | ({"store_s_per_step": store_s} if is_ours else {})


def loss_memory(vocabulary: int, *, is_ours: bool) -> dict[str, float]:
    """GiB that the loss takes on top of a small model's other tensors, forward and backward."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=256, intermediate_size=256, num_hidden_layers=1,
        num_attention_heads=4, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config).to(WHERE).train()
    rows = rows_of(BATCH)
    before = torch.cuda.memory_allocated() / 2**30 if WHERE.type == "cuda" else 0.0
    forget_peak()
    if is_ours:
        loss = chunks.batch_loss(model, rows, loop.hard_labels, fill=0, precision="bf16")
    else:
        batch = encoding.collate(rows, fill=0, model=model)
        batch = {name: value.to(WHERE) for name, value in batch.items()}
        labels = batch.pop("labels")
        with torch.autocast(WHERE.type, dtype=torch.bfloat16):
            logits = model(**batch).logits[:, :-1].float()
        loss = F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    loss.backward()
    return {"gib": peak_gib() - before}


def measure(chosen: argparse.Namespace) -> dict[str, float]:
    """Take one measurement in this process."""
    warnings.simplefilter("ignore", FutureWarning)  # of names that the libraries will change
    what, who = chosen.only, chosen.who == "ours"
    if what.startswith("qlora"):
        return qlora(chosen.folders[0], qlora_by_ours if who else qlora_by_peft)
    if what == "distillation":
        return distillation(*chosen.folders, is_ours=who)
    return loss_memory(VOCABULARIES[what.removeprefix("loss.")], is_ours=who)


def both(key: str, folders: Sequence[Path], *, is_tried: bool) -> None:
    """Measure ours and the other side, each in its own process, and keep both."""
    for who in ("plain", "ours"):
        command = [sys.executable, __file__, "--only", key, "--who", who, "--folders"]
        done = subprocess.run(
            [*command, *map(str, folders)], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:  # out of memory, most likely: the others are measured all the same
            print(key, who, "failed", flush=True)
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        found = {name: float(f"{value:.4g}") for name, value in found.items()}
        if not is_tried:
            keep(f"gpu.{key}.{who}", found)
        print(key, who, found, flush=True)


def main(*, is_tried: bool) -> None:
    """Measure all; `is_tried`: on tiny shapes, and keep nothing."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "base"
        for name, size in QLORA.items():
            write_base(size, folder, is_tried=is_tried)
            both(f"qlora.{name}", [folder], is_tried=is_tried)
            shutil.rmtree(folder)
        pair = [Path(place) / "mentor", Path(place) / "student"]
        for size, one in zip((MENTOR, STUDENT), pair, strict=True):
            write_base(size, one, is_tried=is_tried)
        both("distillation", pair, is_tried=is_tried)
        for name in VOCABULARIES:
            both(f"loss.{name}", [], is_tried=is_tried)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu", action="store_true", help="tiny shapes, nothing kept")
    parser.add_argument("--only", help="one measurement, printed as JSON")
    parser.add_argument("--who", choices=("plain", "ours"))
    parser.add_argument("--folders", nargs="*", default=[])
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure(given)))
    else:
        main(is_tried=given.cpu)
