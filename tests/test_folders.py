"""Compute or load: what makes a key, and what a folder without its last file is worth."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import mkdkit
from mkdkit.pipeline import folders, keys
from mkdkit.pipeline.folders import Stage, compute_or_load
from mkdkit.pipeline.stages import students


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path))
    return tmp_path


def write_number(work, number):
    (work.folder / "number.txt").write_text(str(number))
    work.counts["number"] = number
    work.event(number=number)


def test_the_same_settings_load_what_is_there_and_others_compute():
    first = compute_or_load("n", write_number, 1, settings={"a": 1})
    (first.folder / "number.txt").write_text("touched")
    again = compute_or_load("n", write_number, 1, settings={"a": 1})
    assert (again.folder / "number.txt").read_text() == "touched"
    other = compute_or_load("n", write_number, 2, settings={"a": 2})
    assert other.key != first.key
    assert other.done["counts"] == {"number": 2}


def test_fresh_computes_again_from_an_empty_folder():
    stage = compute_or_load("n", write_number, 1, settings={"a": 1})
    (stage.folder / "left_over").mkdir()
    compute_or_load("n", write_number, 1, settings={"a": 1}, fresh=True)
    assert (stage.folder / "number.txt").read_text() == "1"
    assert not (stage.folder / "left_over").exists()
    assert (stage.folder / "events.jsonl").read_text() == '{"number": 1}\n'


def test_a_stage_that_fails_leaves_no_result_and_can_go_on():
    def fail_once(work):
        part = work.folder / "part"
        if not part.exists():
            part.write_text("half")
            raise OSError("disk full")
        work.counts["found"] = part.read_text()

    with pytest.raises(OSError, match="disk full"):
        compute_or_load("f", fail_once, settings={})
    assert compute_or_load("f", fail_once, settings={}).done["counts"] == {"found": "half"}


def test_the_seconds_of_tries_that_were_killed_count_until_each_last_wrote(runs):
    def fail_twice(work):
        tries = len(list(work.folder.glob("part*")))
        (work.folder / f"part{tries}").touch()
        if tries < 2:
            raise OSError("killed")

    def make_old(began, wrote):  # as if this try had been some time ago
        (folder,) = runs.iterdir()
        os.utime(folder / folders.SPENT, (began, began))
        for part in folder.glob("part*"):
            os.utime(part, (wrote, wrote))

    for began, wrote in [(1_000, 1_600), (9_000, 9_050)]:
        with pytest.raises(OSError, match="killed"):
            compute_or_load("f", fail_twice, settings={})
        make_old(began, wrote)
    stage = compute_or_load("f", fail_twice, settings={})
    assert 650 <= stage.done["seconds"] < 680
    assert not (stage.folder / folders.SPENT).exists()


def test_inputs_files_and_settings_are_in_the_key_but_not_how_often_it_saves(tmp_path):
    file = tmp_path / "weights"
    file.write_text("one")

    def key(settings, inputs=("a",)):
        return keys.make_key("n", settings, inputs, [file], write_number)

    base = key({"rate": 1, "nested": {"checkpoint_seconds": 5}})
    assert base == key({"rate": 1, "nested": {"checkpoint_seconds": 60}})
    assert base == key({"rate": 1.0, "nested": {}})  # a settings file may say it either way
    assert base != key({"rate": 2, "nested": {}})
    assert base != key({"rate": 1, "nested": {}}, inputs=("b",))
    file.write_text("two")
    assert base != key({"rate": 1, "nested": {}})


def key_with(folder: Path, then: str = "") -> str:
    """The key of a student's stage, as a package copied to `folder` makes it; once more after."""
    key = "print(keys.make_key('student', {}, [], [], students._student))"
    code = (
        "from mkdkit.pipeline import keys, stages\n"
        f"from mkdkit.pipeline.stages import students\n{key}\n"
    )
    code += f"{then}\n{key}" if then else ""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_an_edited_loss_or_constant_changes_the_students_key_and_no_comment_does(tmp_path):
    shutil.copytree(Path(mkdkit.__file__).parent, tmp_path / "mkdkit")
    losses = tmp_path / "mkdkit" / "training" / "losses.py"
    source, before = losses.read_text(), key_with(tmp_path)
    losses.write_text(source.replace('"""Return the cross-entropy', '"""Give the cross-entropy'))
    assert losses.read_text() != source
    assert key_with(tmp_path) == before
    losses.write_text(source.replace("(1 - kd_weight) * rationale", "(2 - kd_weight) * rationale"))
    assert losses.read_text() != source
    assert key_with(tmp_path) != before
    losses.write_text(source)
    stage = tmp_path / "mkdkit" / "pipeline" / "stages" / "fine_tuning.py"
    source = stage.read_text()
    stage.write_text(source.replace('MODEL = "model"', 'MODEL = "student"'))
    assert key_with(tmp_path) != before  # a constant that the stage's functions name
    stage.write_text(source)
    figures = tmp_path / "mkdkit" / "show" / "figures.py"
    figures.write_text(figures.read_text() + "\nEXTRA = 1\n")
    assert key_with(tmp_path) == before


def test_a_process_that_was_started_before_an_edit_makes_the_key_of_what_it_runs(tmp_path):
    shutil.copytree(Path(mkdkit.__file__).parent, tmp_path / "mkdkit")
    losses = tmp_path / "mkdkit" / "training" / "losses.py"
    edit = (
        "import logging, pathlib, sys; logging.basicConfig(stream=sys.stdout)\n"
        f"path = pathlib.Path({str(losses)!r}); source = path.read_text()\n"
        "path.write_text('# moved\\n' + source.replace('(1 - kd_weight) *', '(2 - kd_weight) *'))"
    )
    before, warning, after = key_with(tmp_path, then=edit).splitlines()
    assert before == after
    assert warning.endswith(
        "losses.py was edited, and the code from before runs on: restart the kernel"
    )
    assert key_with(tmp_path) != before


TEN = 10
SHARES = {"test": (0.1, frozenset({"a"})), "by": [re.compile("x+")]}


def test_the_constants_that_a_function_names_are_in_its_key(monkeypatch):
    def uses_them():
        return TEN, SHARES

    def key(name, value):
        monkeypatch.setitem(globals(), name, value)
        pieces = {}
        used = {one: keys._in_words(globals()[one], pieces) for one in ("TEN", "SHARES")}
        assert keys._names(uses_them.__code__) == set(used)
        return used, pieces

    def shares(of, by):
        return key("SHARES", {"test": (0.1, frozenset(of)), "by": [re.compile(by)]})

    before = key("TEN", 10)
    assert before not in (key("TEN", 10.5), shares("b", "x+"), shares("a", "x*"))
    key("TEN", 10)
    assert shares("a", "x+") == before
    # functions in a table count with their source
    assert "mkdkit.pipeline.keys:file_digest" in key("SHARES", {"a": keys.file_digest})[1]


def test_where_one_only_loads_what_is_there_is_loaded_and_nothing_is_computed(runs):
    made = compute_or_load("n", write_number, 1, settings={"a": 1})
    before = sorted(runs.rglob("*"))
    with folders.only_load():
        assert compute_or_load("n", write_number, 1, settings={"a": 1}).key == made.key
        with pytest.raises(
            folders.NotComputedError, match=f"'n' of these settings is not in {runs}"
        ):
            compute_or_load("n", write_number, 2, settings={"a": 2})
        (made.folder / "done.json").rename(
            made.folder / "done.json.part"
        )  # unfinished is not there
        with pytest.raises(folders.NotComputedError):
            compute_or_load("n", write_number, 1, settings={"a": 1})
        (made.folder / "done.json.part").rename(made.folder / "done.json")
    assert sorted(runs.rglob("*")) == before
    assert compute_or_load("n", write_number, 2, settings={"a": 2}).done["counts"] == {"number": 2}


def test_two_that_ask_for_one_stage_compute_it_once():
    computed: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def slowly(work):
        computed.append(1)
        begun.set()
        go_on.wait(10)

    results: list[Stage] = []
    asks = [
        threading.Thread(target=lambda: results.append(compute_or_load("s", slowly, settings={})))
        for _ in range(2)
    ]
    asks[0].start()
    begun.wait(10)
    asks[1].start()
    go_on.set()
    for ask in asks:
        ask.join(20)
    assert computed == [1]
    assert results[0].key == results[1].key


def test_done_says_what_made_it():
    first = compute_or_load("a", write_number, 1, settings={"x": 1})
    second = compute_or_load("b", write_number, 2, settings={"y": 2}, inputs=[first])
    done = json.loads((second.folder / "done.json").read_text())
    assert done["inputs"] == [["a", first.key]]
    assert done["settings"] == {"y": 2}
    assert done["versions"]["mkdkit"] == mkdkit.__version__
    assert done["seconds"] >= 0
    assert done["peak_gib"] > 0


def test_smoke_runs_never_write_beside_results(monkeypatch):
    monkeypatch.delenv("MKDKIT_RUNS")
    monkeypatch.setenv("MKDKIT_PROFILE", "smoke")
    assert not folders.runs_folder().is_relative_to(Path(mkdkit.__file__).parents[1])
    monkeypatch.setenv("MKDKIT_PROFILE", "tiny")
    assert folders.runs_folder() == Path(mkdkit.__file__).parents[1] / "data" / "runs"


def test_a_module_that_a_function_will_import_counts_from_the_start():
    """Otherwise a key would change in the middle of a notebook, once it has been imported."""
    program = (
        "import sys; from mkdkit.pipeline import keys; from mkdkit.teachers.asking import session; "
        "late, pieces = 'mkdkit.teachers.asking.client', {}; print(late in sys.modules); "
        "keys._collect(session, pieces); print(late in pieces)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_name_after_a_dot_is_no_function_of_that_name():
    """`recipe.questions` is a setting, not the function `questions` that a module may have."""

    def reads_a_setting(recipe):
        return recipe.questions

    def calls_a_function(recipe):
        return questions(recipe)  # noqa: F821

    def calls_it_within(recipe):
        return [questions(one) for one in recipe]  # noqa: F821

    assert keys._names(reads_a_setting.__code__) == set()
    assert keys._names(calls_a_function.__code__) == {"questions"}
    assert keys._names(calls_it_within.__code__) == {"questions"}


def test_a_student_does_not_depend_on_what_reports_and_arms_say():
    pieces: dict[str, str] = {}
    keys._collect(students._student, pieces)
    assert "mkdkit.training.loop" in pieces  # else nothing was looked at
    assert not any(name.startswith("mkdkit.pipeline.arms") for name in pieces)
    assert not any(name.startswith("mkdkit.pipeline.stages.rep") for name in pieces)
