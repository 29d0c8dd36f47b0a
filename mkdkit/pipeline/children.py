"""A stage in a process of its own: the kernel stays free, and a closed tab loses nothing.

    running = stages.start("student", recipe, "mentor_kd")
    running.events()[-1]  # the last optimiser step so far
    running.wait()        # then stages.student(recipe, "mentor_kd") loads what was made

What the child computes lies where any stage's result lies, and its events in the stage's own
folder, so a second kernel, or the same one after a restart, sees the same.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from mkdkit import events, json_lines
from mkdkit.pipeline import folders
from mkdkit.settings import Recipe

STAGES = ("teacher_set", "mentor", "mentor_set", "labels", "student", "scores")


@dataclass(frozen=True)
class Running:
    """A stage being computed by a child process."""

    process: subprocess.Popen[bytes]
    log: Path  # what the child printed: progress bars, or an error

    def is_running(self) -> bool:
        """Whether the child is still at work."""
        return self.process.poll() is None

    def folder(self) -> Path | None:
        """Return the folder of the stage now being computed (or computed last); None before any."""
        announced = self.log.with_suffix(".jsonl")
        if not announced.is_file():
            return None
        rows = [row for _, row in json_lines.read(announced)]
        return Path(rows[-1]["folder"]) if rows else None

    def events(self) -> list[dict[str, Any]]:
        """Return the events of the stage now being computed, so far."""
        folder = self.folder()
        return events.read(folder) if folder else []

    def wait(self) -> None:
        """Wait for the end.

        Raises:
            RuntimeError: the child failed; the message is the last line it printed.
        """
        code = self.process.wait()
        if code:
            lines = self.log.read_text(encoding="utf-8").strip().splitlines() or ["it said nothing"]
            raise RuntimeError(
                f"the stage's process ended with {code}: {lines[-1]} (log: {self.log})"
            )

    def stop(self) -> None:
        """End the child: a training after a checkpoint, all else at once; then wait for its end.

        Started again, the stage goes on from there.
        """
        self.process.terminate()
        self.process.wait()


def start(stage: str, recipe: Recipe, arm: str | None = None) -> Running:
    """Start computing a stage, with all the stages before it, in a child process.

    Args:
        stage: one of `STAGES`, a function of `pipeline.stages`.
        recipe: its settings.
        arm: for "student" and "scores".

    Raises:
        ValueError: the stage is unknown.
    """
    if stage not in STAGES:
        raise ValueError(f"stage must be one of {', '.join(STAGES)}, got {stage!r}")
    place = folders.runs_folder() / "started"
    place.mkdir(parents=True, exist_ok=True)
    log = place / f"{stage}-{uuid4().hex[:8]}.log"
    log.with_suffix(".json").write_text(json.dumps(asdict(recipe)), encoding="utf-8")
    environment = {
        **os.environ,
        folders.ANNOUNCE: str(log.with_suffix(".jsonl")),
        "MKDKIT_RUNS": str(folders.runs_folder()),  # a smoke kernel's folder is its own otherwise
    }
    command = [sys.executable, "-m", "mkdkit.pipeline.stages", stage, str(log.with_suffix(".json"))]
    command += [arm] if arm else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env=environment,
            # or a kernel's stop button, which tells all of its group, would stop it too
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )
    return Running(process, log)
