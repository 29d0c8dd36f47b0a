"""Ten times the rows: how much more time, how much more memory? Each size in its own process.

Rows are read from a JSON Lines file, encoded, given soft labels by a mentor and learnt for one
epoch by a student. Both models are one narrow layer, so that what is timed is the kit and not the
arithmetic.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from own_memory import Peak
from record import keep

SIZES = (3_000, 30_000, 300_000)


def write_rows(path: Path, rows: int) -> None:
    """Small sums with a line of reasoning each, all different, as JSON Lines."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            one, other = divmod(number, 1000)
            question = f"Ada has {one} pens and Kofi has {other}. How many are there?"
            text = f"{one} + {other} = {one + other}. So there are {one + other} pens."
            file.write(json.dumps({"question": question, "text": text}) + "\n")


def measure(path: Path) -> dict[str, float]:
    """Encode, store, train; seconds of each, and the process's peak memory in GiB."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from mkdkit import json_lines
    from mkdkit.models import encoding, tiny_tokenizer
    from mkdkit.models.rows import Rows
    from mkdkit.settings import SoftLabelSettings, StudentSettings
    from mkdkit.training import label_store, loop

    peak, tokenizer = Peak(), tiny_tokenizer.build()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=1, max_position_embeddings=768, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    mentor, student = LlamaForCausalLM(config).eval(), LlamaForCausalLM(config)
    began = time.perf_counter()
    rows = Rows(
        encoding.encode_row(tokenizer, row["question"], row["text"], "causal")
        for _, row in json_lines.read(path)
    )
    encoded = time.perf_counter()
    settings = SoftLabelSettings(top_k=16, batch_size=128)
    with tempfile.TemporaryDirectory() as folder:
        for _ in label_store.write_store(folder, mentor, rows, settings, fill=0, identity={}):
            pass
        stored = time.perf_counter()
        learn = StudentSettings(epochs=1, batch_size=128, validations=0, precision="fp32")
        loss_of = loop.distillation(label_store.Store(folder), learn)
        for _ in loop.train(student, rows, loss_of, learn, fill=0):
            pass
    ended = time.perf_counter()
    return {
        "encode_s": encoded - began,
        "store_s": stored - encoded,
        "train_s": ended - stored,
        "seconds": ended - began,
        "peak_gib": peak.gib,
    }


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Measure every size in a process of its own, so that peaks are its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        for rows in sizes:
            write_rows(path, rows)
            said = subprocess.check_output([sys.executable, __file__, str(path)])
            found = {name: round(value, 2) for name, value in json.loads(said).items()}
            keep(f"scaling.{rows}", found)
            print(rows, found, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(Path(sys.argv[1]))))
    else:
        main()
