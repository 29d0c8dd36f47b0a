"""A grid of cells ends as one table, whatever stopped it, failed in it, or measured it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import distributed
import pytest

from mkdkit.__main__ import main
from mkdkit.pipeline import grid_file, grids, pools, results

GRID = """
profile = "smoke"
tasks = ["multi_step_arithmetic", "coin_flip"]
arms = ["answer_only", "fine_tune_cot", "mentor_kd"]
seeds = [1, 2]

[settings]
"student.learning_rate" = [1e-3, 2e-3]

[fixed]
"student.max_steps" = 2
"""
CELLS = 24


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MKDKIT_PROFILE", "smoke")
    return tmp_path / "runs"


def written(tmp_path, text=GRID, name="grid"):
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def table(folder, name="grid"):
    """The rows without their times, in an order of their own."""
    rows = results.read_table(name, folder=folder)
    return sorted([str(value) for key, value in row.items() if key != "seconds"] for row in rows)


def test_every_combination_is_a_cell_and_neighbours_differ_in_seed(tmp_path):
    grid = grid_file.read(written(tmp_path))
    assert len(grid.cells) == len({cell.name for cell in grid.cells}) == CELLS
    first, second = grid.cells[:2]
    assert first.labels == {
        "task": "multi_step_arithmetic",
        "arm": "answer_only",
        "seed": 1,
        "student.learning_rate": 1e-3,
    }
    assert dict(second.labels) == dict(first.labels) | {"seed": 2}
    assert {cell.recipe.student.max_steps for cell in grid.cells} == {2}
    assert (first.recipe.seed, second.recipe.student.seed) == (1, 2)
    assert grid.cells[-1].recipe.student.learning_rate == 2e-3
    said = "24 cells (2 × task, 3 × arm, 2 × seed, 2 × student.learning_rate), profile smoke"
    assert grid_file.describe(grid).startswith(said)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('arms = ["mentor_dk"]', "did you mean 'mentor_kd'"),
        ('arm = ["mentor_kd"]', "a grid has profile, tasks, .*; got arm"),
        ("seeds = [1, 1]", "seeds needs a list of whole numbers, none of them twice"),
        ("seeds = [true]", "seeds needs a list of whole numbers"),
        ('tasks = "coin_flip"', "tasks needs a list of names"),
        ("[settings]\nseed = [1, 2]", r"give a list: seeds = \[1, 2, 3\]"),
        ("[fixed]\nseed = 1", "the seed is no setting of a grid"),
        ('[settings]\n"student.kd_wieght" = [0.1]', "did you mean 'student.kd_weight'"),
        ("[settings.student]\nkd_weight = 0.1", r"kd_weight needs a list of values, got 0.1"),
        ('[settings]\n"student.kd_weight" = [7]', "kd_weight must be between 0 and 1"),
        ("[settings.student]\nepochs = [1]\n[fixed.student]\nepochs = 2", "both vary and be fixed"),
        ("seeds = [1", "not a TOML file"),
        ('split = "tset"', "split must be one of train, validation, test"),
        ('[settings]\n"student.kd_weight" = [0.3, 0, 0.0]', "kd_weight has a value twice"),
    ],
)
def test_what_cannot_be_is_one_line_with_the_files_name(tmp_path, capsys, change, message):
    path = written(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        grid_file.read(path)
    assert main(["ablate", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(ValueError, match=r"none\.toml: there is no such file"):
        grid_file.read(tmp_path / "none.toml")


SMALL = GRID.replace(', "coin_flip"', "").replace("[1, 2]", "[1]")  # 6 cells


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The whole grid in one process; its folder and that of its runs."""
    place = tmp_path_factory.mktemp("undisturbed")
    command = [
        sys.executable,
        "-m",
        "mkdkit",
        "ablate",
        str(written(place)),
        "--folder",
        str(place),
    ]
    environment = os.environ | {"MKDKIT_RUNS": str(place / "runs")}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return place


def test_what_cells_share_is_computed_once(undisturbed):
    made = [path.parent.name.rsplit("-", 1)[0] for path in undisturbed.glob("runs/*/done.json")]
    pairs, cells = 4, 8  # of task and seed; of those, with a learning rate
    assert made.count("mentor") == made.count("soft-labels") == made.count("teacher") == pairs
    assert made.count("student") == made.count("scores") == 3 * cells
    record = json.loads((undisturbed / "grid.json").read_text(encoding="utf-8"))
    assert record["command"] == "mkdkit ablate grid.toml"
    assert {"versions", "recorded"} <= record.keys()


def test_a_grid_that_is_killed_and_resumed_gives_the_table_of_an_undisturbed_one(
    undisturbed, tmp_path
):
    command = [sys.executable, "-m", "mkdkit", "ablate", str(written(tmp_path))]
    command += ["--folder", str(tmp_path), "--processes", "2"]
    running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    csv, until = tmp_path / "grid.csv", time.monotonic() + 240
    while not (csv.is_file() and len(csv.read_text().splitlines()) > 5):
        assert time.monotonic() < until
        assert running.poll() is None
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    before = csv.read_text()
    assert len(before.splitlines()) < 1 + CELLS
    subprocess.run(command, check=True, capture_output=True)
    assert csv.read_text().startswith(before)
    assert table(tmp_path) == table(undisturbed)
    subprocess.run(command, check=True, capture_output=True)
    assert len(csv.read_text().splitlines()) == 1 + CELLS  # nothing is measured again


def test_a_grid_that_is_interrupted_begins_no_other_cell(tmp_path):
    command = [sys.executable, "-m", "mkdkit", "ablate", str(written(tmp_path))]
    command += ["--folder", str(tmp_path), "--processes", "2"]
    running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    csv, until = tmp_path / "grid.csv", time.monotonic() + 240
    while not csv.is_file():
        assert time.monotonic() < until
        assert running.poll() is None
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal's Ctrl-C does
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.rstrip().endswith("and the same command goes on from there")
    assert len(csv.read_text().splitlines()) < 1 + CELLS


POOL = """
import os, pathlib, sys, time
from mkdkit.pipeline import interrupts, pools

def work(folder):
    pathlib.Path(folder, str(os.getpid())).touch()
    time.sleep(120)

if __name__ == "__main__":
    with interrupts.sigterm_unwinds(), pools.pool(2) as executor:
        list(executor.map(work, 6 * [sys.argv[1]]))
"""


def is_alive(process):
    try:
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_processes_of_a_pool_end_with_the_one_that_made_them(end, tmp_path):
    """Only that one is told: so a cluster or a container does it, not a terminal."""
    (tmp_path / "pool.py").write_text(POOL, encoding="utf-8")
    (tmp_path / "at work").mkdir()
    command = [sys.executable, str(tmp_path / "pool.py"), str(tmp_path / "at work")]
    running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while len(at_work := list((tmp_path / "at work").iterdir())) < 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    os.kill(running.pid, end)
    running.wait(timeout=60)
    until = time.monotonic() + 30
    while any(is_alive(path.name) for path in at_work):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert len(list((tmp_path / "at work").iterdir())) == 2  # no other cell was begun


def test_a_grid_that_is_extended_keeps_its_rows_and_its_record_says_of_what(tmp_path):
    one = GRID.replace(', "coin_flip"', "").replace('"fine_tune_cot", "mentor_kd"', "")
    for text in (
        one,
        one.replace("[1, 2]", "[0, 1, 2]"),
        one.replace('["multi', '["coin_flip", "multi'),
    ):
        assert main(["ablate", str(written(tmp_path, text)), "--folder", str(tmp_path)]) == 0
    rows = results.read_table("grid", folder=tmp_path)
    assert [row["seed"] for row in rows] == [1, 2, 1, 2, 0, 0, 1, 2, 1, 2]
    record = json.loads((tmp_path / "grid.json").read_text(encoding="utf-8"))
    assert {"settings of multi_step_arithmetic", "settings of coin_flip"} <= set(record["settings"])


def test_bases_that_vary_are_in_the_record_of_a_grid(tmp_path):
    text = GRID.replace('"student.learning_rate" = [1e-3, 2e-3]', 'mentor_base = ["tiny-middle"]')
    assert {"tiny-student", "tiny-middle"} <= set(grid_file.read(written(tmp_path, text)).about)


def test_other_data_are_another_grid_and_the_same_data_elsewhere_are_not(tmp_path):
    def about(folder, answer):
        (tmp_path / folder).mkdir()
        for split in ("train", "test"):
            row = {"text": f"1 + {answer - 1}, {split}?", "answer": str(answer)}
            (tmp_path / folder / f"{split}.jsonl").write_text(json.dumps(row), encoding="utf-8")
        said = f'source = "jsonl"\ndata_dir = "{tmp_path / folder}"\ntasks = ["svamp"]\n'
        return grid_file.read(written(tmp_path, said)).about

    assert about("a", 2) == about("b", 2) != about("c", 3)
    hub = [
        grid_file.read(written(tmp_path, f'source = "hub"\ndata_dir = "{name}"\n')).about
        for name in ("one/set", "another/set")
    ]
    assert hub[0] != hub[1]


HALF = GRID.replace("[1, 2]", "[1]")  # 12 cells


def rows_of(folder, **labels):
    """The rows of the undisturbed grid with these values, as `table` has them."""
    columns = list(results.read_table("grid", folder=folder)[0])
    wanted = [(columns.index(name), value) for name, value in labels.items()]
    return [row for row in table(folder) if all(row[at] == value for at, value in wanted)]


@pytest.fixture
def workers(tmp_path):
    """A Dask cluster of two worker processes on this machine; its address and their process ids."""
    options = {"host": "127.0.0.1", "dashboard_address": None, "local_directory": str(tmp_path)}
    one_each = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with distributed.LocalCluster(**one_each, **options) as cluster:
        with distributed.Client(cluster) as client:
            found = client.run(os.getpid)
        yield cluster.scheduler_address, sorted(found.values())


def test_a_cluster_of_two_processes_gives_the_table_of_one(undisturbed, tmp_path, workers):
    address, processes = workers
    assert len({os.getpid(), *processes}) == 3
    command = ["ablate", str(written(tmp_path, SMALL)), "--folder", str(tmp_path)]
    assert main([*command, "--scheduler", address]) == 0
    assert table(tmp_path) == rows_of(undisturbed, task="multi_step_arithmetic", seed="1")


def test_a_worker_that_is_killed_loses_no_cell_and_counts_none_twice(
    undisturbed, tmp_path, workers
):
    address, (victim, _) = workers
    csv, seen = tmp_path / "grid.csv", []

    def kill_one():
        until = time.monotonic() + 240
        while time.monotonic() < until and not seen:
            if csv.is_file() and len(csv.read_text().splitlines()) > 3:
                seen.append(len(csv.read_text().splitlines()))
                os.kill(victim, signal.SIGKILL)
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    command = ["ablate", str(written(tmp_path, HALF)), "--folder", str(tmp_path)]
    # Dask gives the cell to another worker; one that kills several is named as failed
    assert main([*command, "--scheduler", address]) == 0
    killer.join()
    assert 3 < seen[0] < 1 + CELLS // 2  # it was killed amid the grid
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)
    assert len(csv.read_text().splitlines()) == 1 + CELLS // 2
    assert table(tmp_path) == rows_of(undisturbed, seed="1")


def test_workers_that_cannot_share_a_grid_are_refused(tmp_path, workers, monkeypatch, capsys):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "elsewhere"))  # after the workers began
    command = ["ablate", str(written(tmp_path)), "--folder", str(tmp_path)]
    assert main([*command, "--scheduler", workers[0]]) == 2
    assert "all must see one folder of runs" in capsys.readouterr().err
    assert not (tmp_path / "grid.csv").is_file()


def test_workers_with_several_threads_are_refused(tmp_path, capsys):
    options = {"host": "127.0.0.1", "dashboard_address": None, "local_directory": str(tmp_path)}
    command = ["ablate", str(written(tmp_path)), "--folder", str(tmp_path), "--scheduler"]
    options |= {"processes": False, "protocol": "tcp://"}
    with distributed.LocalCluster(n_workers=0, **options) as cluster:
        assert main([*command, cluster.scheduler_address]) == 2
        assert "no workers yet" in capsys.readouterr().err
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, **options) as cluster:
        assert main([*command, cluster.scheduler_address]) == 2
    assert "start them with --nthreads 1" in capsys.readouterr().err


def test_a_cell_that_fails_is_named_and_costs_no_other(tmp_path, capsys):
    text = SMALL.replace('"answer_only", "fine_tune_cot", "mentor_kd"', '"answer_only"')
    bases = 'student_base = ["./none", "tiny-student"]'
    path = written(tmp_path, text.replace('"student.learning_rate" = [1e-3, 2e-3]', bases))
    assert main(["ablate", str(path), "--folder", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "failed: multi_step_arithmetic, answer_only, 1, ./none: ValueError: ./none: no" in said
    assert "1 cell failed" in said
    assert [row[3] for row in table(tmp_path)] == ["tiny-student"]


def test_a_table_begun_with_another_base_recipe_is_refused(tmp_path, capsys):
    one = SMALL.replace('"answer_only", "fine_tune_cot", "mentor_kd"', '"base"')
    path = written(tmp_path, one.replace("[1e-3, 2e-3]", "[1e-3]"))
    assert main(["ablate", str(path), "--folder", str(tmp_path)]) == 0
    path.write_text(path.read_text().replace('max_steps" = 2', 'max_steps" = 3'))
    assert main(["ablate", str(path), "--folder", str(tmp_path)]) == 2
    assert "begun with other settings of multi_step_arithmetic" in capsys.readouterr().err


def test_processes_share_the_cores_and_leave_the_environment_as_it_was(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with pools.pool(2) as executor:
        assert executor is not None
        cores = len(os.sched_getaffinity(0))
        assert executor.submit(os.getenv, "OMP_NUM_THREADS").result() == str(max(1, cores // 2))
    assert dict(os.environ) == before
    with pools.pool(1) as executor:
        assert executor is None
    with pytest.raises(ValueError, match="at least 1"), pools.pool(0):
        pass


def die(marks, times, name):
    """Return a name, but die as a process that takes too much memory does, the first times."""
    path = Path(marks) / name
    deaths = len(path.read_text()) if path.is_file() else 0
    if deaths < times:
        path.write_text("x" * (deaths + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def test_a_process_that_is_killed_is_replaced_and_what_kills_two_is_named(tmp_path):
    with pools.pool(2) as executor:
        asked = {"unlucky": 1, "greedy": 9, "a": 0, "b": 0, "c": 0, "d": 0}
        found = {name: executor.submit(die, tmp_path, n, name) for name, n in asked.items()}
        with pytest.raises(MemoryError, match="was killed, and so was a second one"):
            found.pop("greedy").result()
        assert [one.result() for one in found.values()] == list(found)
    assert (tmp_path / "unlucky").read_text() == "x"
    assert (tmp_path / "greedy").read_text() == "xx"  # a third one was not begun


def test_a_smoke_runs_table_is_not_among_the_results():
    assert results.SMOKE != results.RESULTS
    assert not results.SMOKE.is_relative_to(Path(results.RESULTS).parent)


def test_a_cells_columns_are_found_again_as_they_were_written(tmp_path):
    labels = {"task": "a", "arm": "b", "seed": 1, "rate": 0.1, "flag": True, "how": "x, y"}
    measured = dict.fromkeys(grids.MEASURED, 1)
    results.append_row("t", labels | measured, folder=tmp_path)
    results.write_provenance("t", "", {}, folder=tmp_path)
    cell = grids.Cell(labels, None)
    assert grids.fill("t", [cell], about={}, command="", folder=tmp_path) == {}


def test_a_row_that_its_writer_was_killed_in_is_measured_again(tmp_path):
    row = {"task": "a", "seed": 1} | dict.fromkeys(grids.MEASURED, 5)
    results.append_row("t", row, folder=tmp_path)
    path = tmp_path / "t.csv"
    whole = path.read_bytes()
    path.write_bytes(whole + b"a,2,5,5")
    assert grids.measured("t", tmp_path) == {("a", "1")}
    results.append_row("t", row | {"seed": 3}, folder=tmp_path)
    assert [one["seed"] for one in results.read_table("t", folder=tmp_path)] == [1, 3]
    path.write_bytes(whole.rstrip(b"\n"))  # as an editor may leave it: nothing is missing
    results.append_row("t", row | {"seed": 3}, folder=tmp_path)
    assert [one["seed"] for one in results.read_table("t", folder=tmp_path)] == [1, 3]
