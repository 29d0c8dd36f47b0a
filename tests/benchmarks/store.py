"""What the soft-label store keeps and what it loses, by k and τ, against the mentor's whole word.

The tiny mentor and student, each fine-tuned for a moment on scripted rationales, on rows that
neither was trained on.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from record import keep
from torch import Tensor

from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row
from mkdkit.pipeline import recipes
from mkdkit.settings import SoftLabelSettings, TrainingSettings
from mkdkit.tasks import catalogue, procedural
from mkdkit.teachers import scripted
from mkdkit.training import label_store, loop, losses

TASK = "multi_step_arithmetic"
KS = (4, 8, 16, 32, 64, 128)
TAUS = (1.0, 2.0)
HELD_OUT = 64  # rows


def tiny_rows(tokenizer: Any) -> list[Row]:
    """Right scripted rationales of the recipe's training questions."""
    recipe = recipes.make("tiny", TASK)
    questions = procedural.make_splits(recipe.questions).train
    task = catalogue.find(TASK)
    written = scripted.write_rationales(questions, task=task, settings=recipe.teacher)
    kept = [one for one in written if one.is_correct]
    return list(
        encoding.encode_completions(
            tokenizer, questions, kept, family="causal", template="arrow", max_tokens=512
        )
    )


def tiny_pair(steps: int = 100) -> tuple[Any, Any, list[Row]]:
    """Mentor and student after a moment of fine-tuning, and rows they have not seen."""
    tokenizer = loading.load_tokenizer("tiny-student")
    rows = tiny_rows(tokenizer)
    settings = TrainingSettings(
        learning_rate=1e-3, batch_size=16, max_steps=steps, validations=0, precision="fp32"
    )
    pair = []
    for base in ("tiny-mentor", "tiny-student"):
        model = loading.load_trainable(base, settings)
        fill = encoding.fill_token(tokenizer)
        for _ in loop.train(model, rows[:-HELD_OUT], loop.hard_labels, settings, fill=fill):
            pass
        pair.append(model.eval())
    return pair[0], pair[1], rows[-HELD_OUT:]


def gradient(model: Any, loss: Tensor) -> Tensor:
    """All gradients of a loss as one vector."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    parts = torch.autograd.grad(loss, trained, retain_graph=True)
    return torch.cat([part.flatten() for part in parts]).double()


def measure(mentor: Any, student: Any, rows: Sequence[Row], name: str) -> None:
    """Write a store for every k, read it back, and compare with the mentor's whole logits.

    Args:
        mentor: in evaluation mode.
        student: with the mentor's vocabulary.
        rows: that neither was trained on.
        name: the key that numbers are kept under.
    """
    batch = encoding.collate(rows, fill=0, model=mentor)
    with torch.no_grad():
        mentor_logits, _ = encoding.predict_scored(mentor, batch)
    student_logits, _ = encoding.predict_scored(student, batch)
    tokens, vocabulary = student_logits.shape
    for k in KS:
        with tempfile.TemporaryDirectory() as folder:
            settings = SoftLabelSettings(top_k=k, batch_size=16, precision="fp32")
            for _ in label_store.write_store(folder, mentor, rows, settings, fill=0, identity={}):
                pass
            labels = label_store.Store(folder).read(rows)
            size = sum(path.stat().st_size for path in Path(folder).iterdir())
        for tau in TAUS:
            whole = losses.soft_label_loss(student_logits, mentor_logits, temperature=tau)
            stored = labels.loss(student_logits, temperature=tau)
            directions = gradient(student, whole), gradient(student, stored)
            found = {
                "bytes_per_token": round(size / tokens, 1),
                "share_of_dense": round(size / tokens / (4 * vocabulary), 5),
                "mass": round(1 - labels.tail_at(tau).exp().mean().item(), 6),
                "kl_gap": float(f"{(whole - stored).item() / tokens:.3g}"),
                "gradient_cosine": round(torch.cosine_similarity(*directions, dim=0).item(), 5),
            }
            keep(f"{name}.{k}.{tau:g}", found)
            print(name, f"k={k}", f"tau={tau:g}", found, flush=True)


def main() -> None:
    """Measure the tiny pair."""
    measure(*tiny_pair(), "store.tiny")


if __name__ == "__main__":
    main()
