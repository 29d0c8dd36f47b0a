"""`mkdkit bench`: the benchmarks of tests/benchmarks, each in a process of its own.

They measure the kit, so they are no part of the package: this is the list of them, with what each
needs, and the order they are run in. Each keeps its own numbers in `data/results`.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mkdkit
from mkdkit.pipeline import folders, results
from mkdkit.teachers import fetching

FOLDER = Path(mkdkit.__file__).parents[1] / "tests" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One of the files in tests/benchmarks."""

    about: str
    reads_published: bool = False  # rationales and Flan-T5's configs
    package: str = ""  # that has to be installed for it alone
    on_gpu: bool = False


BENCHMARKS = {
    "start": Benchmark("import, help, and a run of profile smoke"),
    "widgets": Benchmark("a reader's wait for each widget, over 5,000 rationales"),
    "sampling": Benchmark("three rationales a question, against plain generate"),
    "store": Benchmark("what the soft-label store keeps, by k and temperature"),
    "store_flan_t5": Benchmark("the same at a vocabulary of 32 thousand", reads_published=True),
    "scaling": Benchmark("3 thousand, 30 thousand and 300 thousand rows"),
    "asking": Benchmark("a server asked for 10,000 rationales"),
    "distill": Benchmark("a student's epoch, against the published loop", reads_published=True),
    "offline": Benchmark("a student's epoch, against TRL's GKDTrainer", package="trl"),
    "gpu": Benchmark("QLoRA, distillation steps and loss memory on one GPU", on_gpu=True),
}


def choose(names: Sequence[str]) -> list[str]:
    """Return the benchmarks to run, in their order; all of them if none is named.

    Raises:
        ValueError: there is no such benchmark, or none of them is here.
    """
    if not FOLDER.is_dir():
        raise ValueError(
            f"the benchmarks are files of the project, not of the package, and {FOLDER} is not "
            "there; clone the project and install it with pip install -e ."
        )
    if unknown := [name for name in names if name not in BENCHMARKS]:
        known = ", ".join(BENCHMARKS)
        raise ValueError(f"no benchmark {', '.join(unknown)}; there are: {known}")
    return [name for name in BENCHMARKS if not names or name in names]


def run(
    names: Sequence[str] = (), *, data_dir: Path | None = None, tokenizers: Path | None = None
) -> Iterator[str]:
    """Run benchmarks one after another and yield a line for each; they print what they found.

    Args:
        names: which; none: all that can be run here.
        data_dir: published rationales; None: those that `mkdkit fetch mentor-kd` brought.
        tokenizers: a folder of Flan-T5's tokenizer and configs; None: the Hub's.

    Raises:
        ValueError: there is no such benchmark, or one that was named cannot be run here.
        RuntimeError: some benchmarks failed; those after them were run.
    """
    data_dir, failed = data_dir or fetching.DOWNLOADS / "mentor-kd", []
    for name in choose(names):
        if lack := _lack(BENCHMARKS[name], data_dir, tokenizers):
            if names:
                raise ValueError(f"benchmark {name} cannot be run here: {lack}")
            yield f"{name}: left out, {lack}"
            continue
        yield f"{name}: {BENCHMARKS[name].about}"
        command = [sys.executable, str(FOLDER / f"{name}.py")]
        if BENCHMARKS[name].reads_published:
            command += ["--data-dir", str(data_dir)]
            command += ["--tokenizers", str(tokenizers)] if tokenizers else []
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        raise RuntimeError(f"benchmarks that failed, above: {', '.join(failed)}")


def _lack(one: Benchmark, data_dir: Path, tokenizers: Path | None) -> str | None:
    """What has to be done before a benchmark can be run here; None if nothing has."""
    if one.reads_published and not data_dir.is_dir():
        return f"no published rationales in {data_dir}; mkdkit fetch mentor-kd, or give --data-dir"
    if one.reads_published and tokenizers is not None and not tokenizers.is_dir():
        return f"there is no folder {tokenizers}"
    if one.package and find_spec(one.package) is None:
        return f"it needs {one.package}, as nothing else here does; pip install {one.package}"
    if one.on_gpu and not _has_gpu():
        return "it needs a CUDA device"
    return None


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def path_for(machine: Mapping[str, Any]) -> Path:
    """Return the file of a machine, such as data/results/bench_cpu-2.json."""
    name = re.sub(r"[^a-z0-9]+", "-", f"{machine['device']} {machine['threads']}".lower())
    return results.RESULTS / f"bench_{name}.json"


def read() -> dict[str, Any]:
    """Return all that was kept of this machine, {} if nothing was."""
    path = path_for(folders.machine())
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def speedups(found: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return what was timed beside ours: what it is -> (seconds of the other, seconds of ours).

    Args:
        found: a machine's file, or a part of it; what was not measured is left out.
    """
    pairs: dict[str, tuple[float, float]] = {}
    for task, precisions in found.get("distill", {}).items():
        for precision, one in precisions.items():
            ours_s = one["ours_s"] + one["store_s"] / one["epochs"]
            name = f"student's epoch, {task.replace('_', ' ')}, {precision}"
            pairs[f"{name}\nagainst the published loop, fp32"] = (one["published_s"], ours_s)
    if one := found.get("trl"):
        name = "student's epoch, causal models, fp32\nagainst TRL's GKDTrainer, fp32"
        pairs[name] = (one["trl_s"], one["ours_s"])
    if one := found.get("sampling"):
        name = "three rationales a question, fp32\nagainst generate, fp32"
        pairs[name] = (one["generate_s"], one["ours_s"])
    return pairs
