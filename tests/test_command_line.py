"""The command line as a person uses it: what it prints, and how it says no."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from mkdkit.__main__ import main


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MKDKIT_PROFILE", "tiny")  # put back after the test: --profile smoke sets it
    return tmp_path / "runs"


def refused(capsys, *arguments):
    """Run a command that must be refused; return its one line."""
    assert main([str(argument) for argument in arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("mkdkit: ")
    assert "Traceback" not in "".join(lines)
    return lines[-1]


def test_a_smoke_run_ends_with_its_tables_and_a_report(capsys, bases, runs):
    base = bases["causal"]
    command = ["run", "--profile", "smoke", "--task", "last_letter_concatenation"]
    command += ["--arms", "base", "fine_tune_cot", "--student-base", base, "--mentor-base", base]
    assert main(command) == 0
    printed = capsys.readouterr()
    for word in ("fine_tune_cot", "95% interval", "kept", "wrong answer", "peak GiB"):
        assert word in printed.out
    assert "train fine_tune_cot" in printed.err  # a progress bar per stage
    (path,) = runs.glob("report-*/report.json")
    report = json.loads(path.read_text())
    assert {"arms", "filter", "stages", "settings", "versions"} <= report.keys()
    assert {"name", "accuracy", "n", "interval", "seed"} <= report["arms"][0].keys()
    assert {"name", "seconds", "peak_gib", "key"} <= report["stages"][0].keys()
    assert {"kept", "dropped"} <= report["filter"].keys()


@pytest.mark.parametrize("command", ["run", "plan"])
def test_bases_that_cannot_share_soft_labels_are_refused_before_anything_is_spent(
    capsys, bases, runs, tmp_path, command
):
    other = tmp_path / "other"
    shutil.copytree(bases["causal"], other)
    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.add_tokens(["notaword"])
    tokenizer.save_pretrained(other)
    pair = ["--mentor-base", bases["causal"], "--student-base", other]
    line = refused(
        capsys, command, "--profile", "smoke", "--task", "last_letter_concatenation", *pair
    )
    assert "must share a vocabulary for soft labels" in line
    assert not list(runs.glob("*"))


def test_grade_prints_one_json_object(capsys, tmp_path):
    path = tmp_path / "rationales.json"
    rows = [
        {"input": "1 + 1?", "chain": "1 + 1 = 2. --> 2", "answer": "2", "initial_correct": True},
        {"input": "2 + 2?", "chain": "2 + 2 = 5. --> 5", "answer": "4", "initial_correct": True},
    ]
    path.write_text(json.dumps(rows))
    assert main(["grade", str(path), "--task", "svamp", "--format", "mentor-kd"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["correct"], found["flagged_correct"]) == (2, 1, 2)
    assert [one["line"] for one in found["disagreements"]] == [2]


def test_grade_agrees_with_the_published_flags_of_the_mentor(capsys, published_data):
    for task, rows, correct in (
        ("tracking_shuffled_objects", 1575, 1392),
        ("last_letter_concatenation", 1050, 1029),
        ("svamp", 2100, 1558),
    ):
        path = published_data / f"mentor-kd/data/aug/flan-t5_large/{task}_rand3_aug3.json"
        assert main(["grade", str(path), "--task", task]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["rows"], found["correct"]) == (rows, correct)


def test_an_unknown_task_is_told_the_nearest_name(capsys):
    line = refused(capsys, "run", "--task", "tracking_shufled_objects")
    assert "did you mean 'tracking_shuffled_objects'?" in line


def test_an_unknown_arm_is_told_the_nearest_name(capsys):
    line = refused(capsys, "run", "--arms", "mentor-kd")
    assert "did you mean 'mentor_kd'?" in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the GPU it asks for")
def test_the_gpu_profile_without_a_gpu_names_the_remedy(capsys):
    line = refused(capsys, "run", "--profile", "gpu")
    assert "needs a CUDA device" in line
    assert "--profile tiny" in line


def test_files_that_cannot_be_read_are_named_with_the_line(capsys, tmp_path):
    missing = refused(capsys, "grade", tmp_path / "none.json", "--task", "svamp")
    assert "none.json" in missing
    empty = tmp_path / "empty.json"
    empty.write_text("")
    assert "empty.json" in refused(capsys, "grade", empty, "--task", "svamp")
    renamed = tmp_path / "renamed.json"
    renamed.write_text(json.dumps([{"question": "1 + 1?", "chain": "2", "answer": "2"}]))
    line = refused(capsys, "grade", renamed, "--task", "svamp")
    assert "renamed.json" in line
    assert "row 1" in line
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"question_id": "a"\n')
    line = refused(capsys, "grade", broken, "--task", "svamp", "--format", "jsonl")
    assert "broken.jsonl, line 1" in line


def test_a_source_without_its_files_says_how_to_get_them(capsys, tmp_path):
    line = refused(
        capsys, "run", "--source", "mentor-kd", "--data-dir", tmp_path, "--task", "svamp"
    )
    assert "mkdkit fetch mentor-kd --task svamp" in line


def test_a_base_without_weights_is_refused_by_name(capsys, tmp_path, bases):
    config = Path(bases["causal"]) / "config.json"
    (tmp_path / "config.json").write_text(config.read_text())
    command = ["run", "--profile", "smoke", "--arms", "base", "--student-base", tmp_path]
    assert "no weights (*.safetensors)" in refused(capsys, *command)


def test_a_base_with_damaged_weights_is_refused_by_name(capsys, tmp_path, bases):
    for path in Path(bases["causal"]).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    command = ["run", "--profile", "smoke", "--arms", "base", "--student-base", tmp_path]
    line = refused(capsys, *command)
    assert str(tmp_path) in line
    assert "damaged" in line


def test_recorded_augmentation_needs_a_recorded_mentor(capsys):
    line = refused(capsys, "run", "--augmentation", "recorded")
    assert "needs a source with a mentor's rationales" in line


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="is unknown"):
        main(["run", "--task", "nothing", "--debug"])


def test_a_wrong_option_exits_with_two():
    command = [sys.executable, "-m", "mkdkit", "run", "--no-such-option"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_doctor_names_every_base_and_task(capsys):
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for word in ("Python", "torch", "tiny-student", "tiny-mentor", "last_letter_concatenation"):
        assert word in printed


def test_help_starts_without_the_heavy_libraries():
    code = (
        "import sys, mkdkit.__main__; print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
