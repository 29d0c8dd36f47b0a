"""Whatever happens to a run, what it finished stays; started again it goes on to the same end."""

import json
import os
import signal
import subprocess
import sys
import time

import kernel
import kills
import pytest


def test_a_run_that_is_killed_five_times_ends_as_if_nobody_had(undisturbed, tmp_path):
    killed = []
    for number in range(6):  # on a busy machine a run may end before all its kills came
        folder, left = tmp_path / str(number), 5 - len(killed)
        killed += kills.survive(folder, undisturbed, left, seed=1 + number) if left else []
    assert len(killed) == 5


def wait_for_steps(runs, stage, count, seconds=120):
    """Until the stage has taken so many steps."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in runs.folder.glob(f"{stage}-*/events.jsonl"):
            if path.read_bytes().count(b"\n") >= count:
                return path.parent
        time.sleep(0.02)
    pytest.fail(f"{stage} took no {count} steps: {runs.log.read_text()[-1000:]}")


@pytest.fixture
def long(tmp_path):
    """A run whose mentor takes many steps, and saves none of them by itself."""
    runs = kills.Runs(tmp_path)
    settings = {"mentor": {"max_steps": 5000, "validations": 0, "checkpoint_seconds": 3600.0}}
    runs.settings.write_text(json.dumps(settings))
    return runs


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_training_at_a_checkpoint_with_a_message(long, number):
    process = long.start()
    folder = wait_for_steps(long, "mentor", 3)
    process.send_signal(number)
    assert process.wait(60) == 130
    said = long.log.read_text()
    assert "stopping at a checkpoint after this step" in said
    step = json.loads((folder / "checkpoint" / "state.json").read_text())["step"]
    assert step >= 3
    assert f"stopped after step {step}, as asked" in said
    assert said.rstrip().endswith("the same command goes on from there")
    assert "Traceback" not in said
    # started again, it goes on behind that step
    process = long.start()
    wait_for_steps(long, "mentor", step + 2)
    process.kill()
    process.wait()
    numbers = [json.loads(line)["number"] for line in (folder / "events.jsonl").open()]
    assert numbers[: step + 2] == list(range(1, step + 3))


def test_sigterm_outside_a_training_ends_at_once_with_a_message(long):
    process = long.start()
    while not long.begun():  # the questions: nothing is trained yet
        assert process.poll() is None, long.log.read_text()
        time.sleep(0.002)
    process.terminate()
    assert process.wait(60) == 130
    said = long.log.read_text()
    assert "the same command goes on from there" in said
    assert "Traceback" not in said


def test_a_second_process_waits_for_the_first_and_says_so(long):
    first = long.start()
    wait_for_steps(long, "mentor", 1)
    second = long.start()
    try:
        until = time.monotonic() + 60
        while "another process is computing this stage; waiting for it" not in long.log.read_text():
            assert time.monotonic() < until, long.log.read_text()[-1000:]
            assert second.poll() is None
            time.sleep(0.05)
    finally:
        for process in (first, second):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of three megabytes, and a way to mount it otherwise."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk of its own can be mounted by root on Linux alone")

    def again(option):
        subprocess.run(["mount", "-o", f"remount,{option}", str(place)], check=True)

    yield place, again
    subprocess.run(["umount", "-l", str(place)], check=True)


def said_in_one_line(process, runs):
    """What a run that failed said, but for progress bars; its exit code must be the machine's."""
    assert process.wait(120) == 1
    text = runs.log.read_text()
    assert "Traceback" not in text
    return [line for line in text.splitlines() if line.startswith("mkdkit: ")]


def test_a_full_disk_is_one_error_and_with_room_the_same_command_ends(
    small_disk, undisturbed, tmp_path
):
    place, again = small_disk
    runs = kills.Runs(tmp_path)
    runs.folder = place / "runs"
    (error,) = said_in_one_line(runs.start(), runs)
    assert "No space left" in error
    done = runs.finished()
    assert 0 < len(done) < len(undisturbed.finished())
    for name, record in done.items():  # what is there is whole, and what an undisturbed run has
        assert kills.without_times(json.loads(record)) == kills.without_times(
            json.loads(undisturbed.finished()[name])
        )
    again("size=200m")
    assert runs.start().wait(300) == 0, runs.log.read_text()[-1000:]
    assert {name: runs.finished()[name] for name in done} == done
    assert runs.weights() == undisturbed.weights()


def test_a_folder_that_became_read_only_is_one_error(small_disk, tmp_path):
    place, again = small_disk
    runs = kills.Runs(tmp_path)
    runs.folder = place / "runs"
    again("ro")
    (error,) = said_in_one_line(runs.start(), runs)
    assert "Read-only file system" in error
    assert str(place) in error


def test_a_kernel_that_lives_long_does_not_grow(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    warm, late = kernel.live_long(40, 100)
    assert late.mib < 1.05 * warm.mib
    assert (late.files, late.children, late.figures) == (warm.files, warm.children, warm.figures)
    assert warm.figures == 0
