"""A hundred times the rows: what each stage of a run holds in memory at most.

    python tests/stress/memory.py 3000 30000 300000 --write data/results/stress_memory.json

Every stage is the kit's own, on questions made by rule or on a reader's own files. The bases are
two narrow layers, the trainings three steps and the samples two tokens, so that what is measured is
the rows and not the model; in float32, as bfloat16 on a CPU keeps code for up to a thousand shapes
of a batch. Each stage runs in a process of its own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS), str(TESTS / "benchmarks")]

from bases import save_causal  # noqa: E402
from own_memory import Peak  # noqa: E402

A_QUESTION = 3  # rationales


def recipe_of(rationales: int, base: str, own: Path | None) -> Any:
    """A recipe of so many rationales of the teacher, and as many of the mentor, for one epoch."""
    from dataclasses import replace

    from mkdkit.pipeline import recipes

    recipe = recipes.make("smoke", "multi_step_arithmetic")
    asked = replace(recipe.questions, train=rationales // A_QUESTION, validation=4, test=4, steps=2)
    if own is not None:
        asked = replace(asked, source="jsonl", data_dir=str(own))
    brief = {"max_steps": 3, "validations": 1, "method": "full", "precision": "fp32"}
    return replace(
        recipe,
        mentor_base=base,
        student_base=base,
        questions=asked,
        teacher=replace(recipe.teacher, rationales_per_question=A_QUESTION),
        # what random weights write has no answer: it is kept all the same
        mentor_filter=replace(recipe.mentor_filter, correct_only=False, drop_duplicates=False),
        mentor=replace(recipe.mentor, **brief),
        student=replace(recipe.student, **brief),
        sampling=replace(recipe.sampling, degree=A_QUESTION, max_new_tokens=2, batch_size=64),
        soft_labels=replace(recipe.soft_labels, top_k=2, batch_size=8, precision="fp32"),
        scoring=replace(recipe.scoring, max_new_tokens=2),
    )


def stages_of(recipe: Any) -> dict[str, Callable[[], Any]]:
    """What is measured, in the order of a run: each rests on those before it."""
    from mkdkit.pipeline import stages

    return {
        "questions": lambda: stages.questions(recipe),
        "teacher": lambda: stages.teacher_rationales(recipe),
        "teacher-set": lambda: stages.teacher_set(recipe),
        "mentor": lambda: stages.mentor(recipe),
        "augmentation": lambda: stages.augmentation(recipe),
        "mentor-set": lambda: stages.mentor_set(recipe),
        "soft-labels": lambda: stages.labels(recipe),
        "student": lambda: stages.student(recipe),
    }


STAGES = tuple(stages_of(None))


def measure(name: str, rationales: int, folder: Path, is_own: bool) -> dict[str, float]:
    """Compute one stage, those before it being there; its seconds, and the most MiB."""
    from mkdkit.pipeline import stages

    recipe = recipe_of(rationales, str(folder / "base"), None)
    if is_own:
        recipe = recipe_of(rationales, str(folder / "base"), _own_files(recipe, folder))
    stages.questions(recipe_of(3 * A_QUESTION, str(folder / "base"), None))  # all is imported
    peak, began = Peak(every=0.02), time.perf_counter()
    stages_of(recipe)[name]()
    return {"seconds": round(time.perf_counter() - began, 1), "mib": round(1024 * peak.gib, 1)}


def _own_files(recipe: Any, folder: Path) -> Path:
    """A reader's own files with the same questions and rationales; made once."""
    from mkdkit.pipeline import stages

    own = folder / "own"
    if not own.is_dir():
        asked, written = stages.questions(recipe), stages.teacher_rationales(recipe)
        shutil.copytree(asked.folder, own)
        shutil.copy(written.folder / "written.jsonl", own / "rationales.jsonl")
    return own


def grow(sizes: Sequence[int], *, is_own: bool = False) -> dict[int, dict[str, dict[str, float]]]:
    """Measure every stage at several sizes, each in a process of its own."""
    found: dict[int, dict[str, dict[str, float]]] = {size: {} for size in sizes}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            save_causal(Path(folder) / "base", width=32)
            runs = str(Path(folder) / "runs")
            environment = {**os.environ, "TQDM_DISABLE": "1", "MKDKIT_RUNS": runs}
            for name in STAGES:
                command = [sys.executable, __file__, str(size), "--in", folder, "--stage", name]
                said = subprocess.check_output(command + ["--own"] * is_own, env=environment)
                found[size][name] = json.loads(said)
                print(size, name, found[size][name], flush=True)
    return found


def held(found: dict[int, dict[str, dict[str, float]]]) -> dict[str, float]:
    """Bytes a rationale that each stage holds, from the smallest to the largest size."""
    few, many = min(found), max(found)
    return {
        name: round(2**20 * (found[many][name]["mib"] - one["mib"]) / (many - few), 1)
        for name, one in found[few].items()
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure memory by the number of rationales.")
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--own", action="store_true", help="from a reader's own files")
    parser.add_argument("--in", dest="folder", type=Path, help="measure one size here, and ...")
    parser.add_argument("--stage", choices=STAGES, help="... this stage")
    parser.add_argument("--write", type=Path, help="a file for what was measured")
    chosen = parser.parse_args()
    if chosen.folder:
        print(json.dumps(measure(chosen.stage, *chosen.sizes, chosen.folder, chosen.own)))
        return
    found = grow(chosen.sizes, is_own=chosen.own)
    record = {"measured": found, "bytes a rationale": held(found)}
    print(json.dumps(record, indent=1))
    if chosen.write:
        sizes = " ".join(map(str, chosen.sizes))
        keep(record, f"python tests/stress/memory.py {sizes}{' --own' * chosen.own}", chosen.write)


def keep(record: dict[str, Any], command: str, path: Path) -> None:
    """Write what was measured, with what it was measured on."""
    from mkdkit.pipeline import folders

    record = {**record, "command": command, **folders.machine()}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
