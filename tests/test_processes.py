"""Two processes train as one does: the same losses, the same weights, every row once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import kills
import pytest
import torch
from bases import FAMILIES
from safetensors.torch import load_file
from two_processes import ROWS, SETTINGS

from mkdkit.__main__ import main
from mkdkit.models import loading
from mkdkit.pipeline import results
from mkdkit.training import checkpoints, label_store, loop
from mkdkit.training.team import ALONE

SCRIPT = Path(__file__).with_name("two_processes.py")


@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_take_the_steps_that_one_takes(family, bases, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launch, "--nproc_per_node", "2", str(SCRIPT), bases[family], str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment["ACCELERATE_MIXED_PRECISION"] = "bf16"  # a user's default; the recipe says fp32
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]

    model = loading.load_trainable(bases[family], SETTINGS)
    alone = list(loop.train(model, ROWS, loop.hard_labels, SETTINGS, fill=0))
    for process in range(2):
        record = json.loads((tmp_path / f"process-{process}.json").read_text())
        assert record["processes"] == 2
        assert record["parted"]  # or it is aborted now and then as it ends
        assert record["losses"][0] == pytest.approx(alone[0].loss, rel=1e-5)
        assert record["norms"][0] == pytest.approx(alone[0].gradient_norm, rel=1e-5)
        assert record["losses"] == pytest.approx([step.loss for step in alone], rel=1e-3)
        weights = load_file(tmp_path / f"process-{process}.safetensors")
        for name, expected in checkpoints.trainable(model).items():
            assert torch.allclose(weights[name], expected, atol=2e-3), name


def test_alone_every_row_is_ones_own():
    assert ALONE.share([1, 2, 3]) == ([1, 2, 3], 1.0)
    assert ALONE.add_up(0.5, torch.device("cpu")) == 0.5


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A whole run by two processes."""
    runs = kills.Runs(tmp_path_factory.mktemp("together"))
    assert runs.start(2).wait(600) == 0, runs.log.read_text()[-3000:]
    return runs


def files(runs, pattern):
    return {str(path.relative_to(runs.folder)): path for path in runs.folder.glob(pattern)}


def test_a_whole_run_of_two_processes_makes_the_stages_of_one(undisturbed, together):
    assert files(together, "*/done.json").keys() == files(undisturbed, "*/done.json").keys()
    left = {path.name for path in together.folder.rglob("*") if path.is_file()}
    assert not any("part" in name or name.startswith("mine") for name in left)
    one, two = (
        {arm["name"]: arm for arm in runs.report()["arms"]} for runs in (undisturbed, together)
    )
    for name, arm in one.items():
        low, high = arm["interval"]
        assert low <= two[name]["accuracy"] <= high
        assert two[name]["n"] == arm["n"]


def test_two_processes_say_everything_once(together):
    said = together.log.read_text()
    assert said.count("loading the libraries") == 1
    assert said.count("\nreport: ") == 1


def test_two_processes_fill_a_table_with_every_row_once(tmp_path):
    grid = tmp_path / "two.toml"
    grid.write_text('profile = "smoke"\narms = ["base"]\nseeds = [1, 2]\n')
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
    ]
    command = [*launch, "--module", "mkdkit", "ablate", str(grid), "--folder", str(tmp_path)]
    own = {
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "MKDKIT_RUNS": str(tmp_path / "runs"),
    }
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | own, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = results.read_table("two", folder=tmp_path)
    assert sorted(row["seed"] for row in rows) == [1, 2]
    assert done.stderr.count("table: ") == 1


def test_a_grid_of_a_launchers_processes_has_no_other_workers(tmp_path, monkeypatch, capsys):
    grid = tmp_path / "two.toml"
    grid.write_text('profile = "smoke"\narms = ["base"]\nseeds = [1, 2]\n')
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["ablate", str(grid), "--processes", "2", "--folder", str(tmp_path)]) == 2
    assert "a launcher's processes share every cell" in capsys.readouterr().err


def test_every_step_of_two_processes_is_noted_once_and_is_that_of_one(undisturbed, together):
    for name in files(undisturbed, "mentor-*/events.jsonl"):
        one, two = (
            [json.loads(line) for line in (runs.folder / name).read_text().splitlines()]
            for runs in (undisturbed, together)
        )
        assert [step["number"] for step in two] == [step["number"] for step in one]
        assert [step["loss"] for step in two] == pytest.approx(
            [step["loss"] for step in one], rel=1e-3
        )


def test_what_two_processes_sample_and_store_is_what_one_does(undisturbed, tmp_path):
    """From the very same mentor: its stage is that of the run undisturbed."""
    runs = kills.Runs(tmp_path)
    kept = ("questions", "teacher", "teacher-set", "mentor")
    for path in undisturbed.folder.iterdir():
        if path.is_dir() and path.name.rsplit("-", 1)[0] in kept:
            shutil.copytree(path, runs.folder / path.name)
    assert runs.start(2).wait(600) == 0, runs.log.read_text()[-3000:]
    for name, path in files(undisturbed, "augmentation-*/written.jsonl").items():
        assert (runs.folder / name).read_bytes() == path.read_bytes()
    (one,), (two,) = (
        [label_store.Store(path.parent) for path in r.folder.glob("soft-labels-*/manifest.json")]
        for r in (undisturbed, runs)
    )
    assert len(one) == len(two)
    assert one.manifest["scored_tokens"] == two.manifest["scored_tokens"]


def test_a_run_of_two_that_was_killed_is_ended_by_one_and_the_other_way_round(
    undisturbed, tmp_path
):
    for first, second in ((2, 1), (1, 2)):
        runs = kills.Runs(tmp_path / str(first))
        process = runs.start(first)
        until = time.monotonic() + 300
        while not any(
            path.read_bytes().count(b"\n") > 3 for path in runs.folder.glob("mentor-*/events.jsonl")
        ):
            assert process.poll() is None, runs.log.read_text()[-3000:]
            assert time.monotonic() < until
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not list(runs.folder.glob("mentor-*/done.json"))
        assert runs.start(second).wait(600) == 0, runs.log.read_text()[-3000:]
        assert files(runs, "*/done.json").keys() == files(undisturbed, "*/done.json").keys()
        (path,) = runs.folder.glob("mentor-*/events.jsonl")
        numbers = [json.loads(line)["number"] for line in path.read_text().splitlines()]
        assert sorted(set(numbers)) == list(
            range(1, 1 + kills.BRIEF["max_steps"])
        )  # none was left out
