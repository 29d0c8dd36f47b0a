"""A run that is killed at random moments, and started again, ends as one that nobody disturbed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ARMS = ("base", "fine_tune_cot", "mentor_kd")
BRIEF = {"max_steps": 16, "precision": "fp32", "checkpoint_seconds": 0.0}  # one after every step
SETTINGS = {"mentor": BRIEF, "student": BRIEF, "sampling": {"batch_size": 2}}
TIMES = {"seconds", "peak_gib", "finished"}  # what may differ between two runs


class Runs:
    """A runs folder, and `mkdkit run` in it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.told = folder / "runs", folder / "told.jsonl"
        self.settings, self.log = folder / "settings.json", folder / "log.txt"
        self.settings.write_text(json.dumps(SETTINGS), encoding="utf-8")

    def start(self, processes: int = 1) -> subprocess.Popen[bytes]:
        launch = ["-m", "torch.distributed.run", "--standalone"]
        launch += ["--nproc_per_node", str(processes), "--module", "mkdkit"]
        command = [sys.executable, *(launch if processes > 1 else ["-m", "mkdkit"])]
        command += ["run", "--profile", "smoke"]
        command += ["--settings", str(self.settings), "--arms", *ARMS]
        environment = {
            **os.environ,
            "MKDKIT_RUNS": str(self.folder),
            "MKDKIT_ANNOUNCE": str(self.told),
            "OMP_NUM_THREADS": "1",
        }
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def begun(self) -> list[str]:
        """The stages that were begun, in order, as their folders are called."""
        lines = self.told.read_text().splitlines() if self.told.is_file() else []
        return [Path(json.loads(line)["folder"]).name for line in lines]

    def finished(self) -> dict[str, bytes]:
        """The records of all stages that are there."""
        return {path.parent.name: path.read_bytes() for path in self.folder.glob("*/done.json")}

    def report(self) -> Any:
        """The report without what it says of time and memory."""
        (path,) = self.folder.glob("report-*/report.json")
        return without_times(json.loads(path.read_text(encoding="utf-8")))

    def weights(self) -> dict[str, bytes]:
        """The bytes of every trained model."""
        found = self.folder.glob("*/model/*.safetensors")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}


def without_times(value: Any) -> Any:
    """A report's content without the numbers that no two runs share."""
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in TIMES}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def undisturbed(folder: Path) -> Runs:
    """A run from its beginning to its end."""
    runs = Runs(folder)
    process = runs.start()
    if process.wait():
        raise RuntimeError(f"the run that nobody disturbed failed: {runs.log.read_text()[-2000:]}")
    return runs


def kill_somewhere(runs: Runs, whole: Runs, draw: random.Random) -> str | None:
    """Start a run and kill it in a stage that it had not finished; None: it ended before.

    Stages are drawn alike, and then a moment within: a long one must not get all the kills.
    """
    seconds = {name: json.loads(done)["seconds"] for name, done in whole.finished().items()}
    waiting = [name for name in whole.begun() if name not in runs.finished()]
    target = draw.choice(waiting)
    before = len(runs.begun())
    process = runs.start()
    while target not in runs.begun()[before:]:
        if process.poll() is not None:
            return None
        time.sleep(0.002)
    time.sleep(draw.uniform(0, seconds[target]))
    if process.poll() is not None:
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return target


def survive(folder: Path, whole: Runs, kills: int, *, seed: int) -> list[str]:
    """Kill one run so many times and let it end; the stages it was killed in.

    Raises:
        AssertionError: it ended in another report or other weights, or computed anew what was done.
    """
    runs, draw, killed = Runs(folder), random.Random(seed), []
    while len(killed) < kills and len(runs.finished()) < len(whole.finished()):
        done = runs.finished()
        if (stage := kill_somewhere(runs, whole, draw)) is not None:
            killed.append(stage)
        left = runs.finished()
        assert {name: left.get(name) for name in done} == done, "what was finished was touched"
    done = runs.finished()
    process = runs.start()
    assert process.wait() == 0, runs.log.read_text()[-2000:]
    left = runs.finished()
    assert {name: left.get(name) for name in done} == done, "what was finished was touched"
    assert left.keys() == whole.finished().keys()
    assert runs.report() == whole.report()
    assert runs.weights() == whole.weights()
    assert runs.weights(), "no weights were compared"
    return killed
