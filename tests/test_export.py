"""A trained model leaves the kit: others load it without mkdkit; its card tells what was run."""

import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml
from markdown_it import MarkdownIt
from safetensors.torch import load_file

from mkdkit.__main__ import main
from mkdkit.models import loading, nf4
from mkdkit.pipeline import export, finished, folders, licences, recipes, stages
from mkdkit.show import tables

# runs the program of a card once for every question, where there is no mkdkit and nothing but
# transformers to load with
WITHOUT_MKDKIT = """
import contextlib, io, json, re, sys
for name in ("mkdkit", "peft", "bitsandbytes"):
    sys.modules[name] = None
asked, written = json.load(sys.stdin), []
for text in asked["questions"]:
    line = f"question = {text!r}"
    program = re.sub("^question = .*$", lambda _: line, asked["program"], flags=re.M)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(program, {})
    written.append(out.getvalue().removesuffix("\\n"))
print(json.dumps(written))
"""
ARMS = ["teacher", "base", "answer_only", "mentor_kd"]


def write(run, folder):
    export.write(run, folder, table=lambda rows: tables.markdown(tables.with_intervals(rows)))
    return (folder / "README.md").read_text(encoding="utf-8")


def ask(folder, card, questions):
    """What the card's own program prints for each question."""
    (program,) = re.findall(r"```python\n(.*?)```", card, re.S)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MKDKIT],
        input=json.dumps({"program": program, "questions": questions}),
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def asked_and_answered(run):
    """The test questions, and what was answered to them when the model was scored."""
    answered = stages.read_answers(run.scores[run.arm.name])
    return [one.text for one in stages.read_splits(run.tested).test], [
        one.completion for one in answered
    ]


def table_of(card, section):
    """The rows of a section's table, as a reader of Markdown gets them."""
    text = re.split(r"^## ", card, flags=re.M)
    (found,) = [part for part in text if part.startswith(section)]
    tokens, rows = MarkdownIt("commonmark").enable("table").parse(found), []
    for token, inside in itertools.pairwise(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append("".join(child.content for child in inside.children))
    return rows


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MKDKIT_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield


@pytest.fixture(scope="module")
def recipe(runs):
    """As small as a smoke run, but called what it is not, so that its card has all there can be."""
    return replace(recipes.make("smoke", "coin_flip", seed=3), profile="tiny")


@pytest.fixture(scope="module")
def report(recipe):
    return stages.read_report(stages.report(recipe, ARMS))


@pytest.fixture(scope="module")
def exported(recipe, report, tmp_path_factory):
    """A student's run, the folder it was exported to, and its card."""
    run = finished.find(recipe, "mentor_kd")
    folder = tmp_path_factory.mktemp("export") / "student"
    return run, folder, write(run, folder)


def test_a_student_writes_without_mkdkit_what_it_wrote_when_it_was_scored(exported):
    run, folder, card = exported
    questions, completions = asked_and_answered(run)
    assert ask(folder, card, questions) == completions
    assert len(set(completions)) > 1
    assert f"question = {questions[0]!r}" in card


def test_a_student_without_mkdkit_stops_where_its_answer_ends(recipe, report, tmp_path):
    run = finished.find(recipe, "answer_only")
    answered = stages.read_answers(run.scores["answer_only"])
    assert all(one.is_complete and one.tokens < 5 for one in answered)
    questions, completions = asked_and_answered(run)
    card = write(run, tmp_path / "student")
    assert ask(tmp_path / "student", card, questions[:3]) == completions[:3]


def test_the_weights_are_those_of_the_run(exported):
    run, folder, _ = exported
    ours = load_file(run.trained.folder / "model" / "model.safetensors")
    theirs = load_file(folder / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_the_cards_scores_are_the_reports(exported, report):
    _, _, card = exported
    rows = {cells[0].removesuffix(" (this model)"): cells for cells in table_of(card, "Scores")}
    for arm in report["arms"]:
        low, high = arm["interval"]
        written = f"{arm['accuracy']:.1f} [{low:.1f}, {high:.1f}]"
        assert rows[arm["name"]][2:] == [written, str(arm["correct"]), str(arm["n"])]
    assert rows["(always the likeliest answer)"][2] == f"{report['majority_answer']:.1f}"
    assert len({arm["accuracy"] for arm in report["arms"]}) > 2  # a wrong row would be seen
    assert "mentor_kd (this model)" in card


def test_a_score_by_vote_is_not_called_greedy(recipe, report, tmp_path):
    stages.scores(recipe, "mentor_kd_vote")
    run = finished.find(recipe, "mentor_kd_vote")
    (said,) = [line for line in write(run, tmp_path / "x").splitlines() if "Accuracy (%)" in line]
    assert "one completion each (of mentor_kd_vote: what most of several sampled ones say)" in said


def test_the_cards_filter_and_stages_are_the_reports(exported, report):
    _, _, card = exported
    head, *rows = table_of(card, "What it learnt")
    assert head == ["rationales", "teacher", "mentor"]
    counts = report["filter"]["by_source"]
    for reason, teacher, mentor in rows:
        assert [int(teacher), int(mentor)] == [counts[s][reason] for s in ("teacher", "mentor")]
    written = sum(int(cell) for row in rows for cell in row[1:])
    assert written == sum(sum(one.values()) for one in counts.values())
    keys = {row[1] for row in table_of(card, "How it was made")[1:]}
    mine = {row["key"] for row in report["stages"] if "mentor_kd" in (row["arms"] or ARMS)}
    assert keys == mine


@pytest.mark.parametrize("name", ["answer_only", "mentor_kd"])  # one is right at times, one never
def test_the_hub_reads_the_header(recipe, report, tmp_path, name):
    card = write(finished.find(recipe, name), tmp_path / "student")
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["license"] == "apache-2.0"
    assert "base_model" not in header  # the Hub has no tiny-student of ours
    assert header["language"] == ["en"]
    assert {"mkdkit", name.replace("_", "-")} <= set(header["tags"])
    ((result,),) = (one["results"] for one in header["model-index"])
    (metric,) = result["metrics"]
    (arm,) = [arm for arm in report["arms"] if arm["name"] == name]
    assert (metric["type"], metric["value"]) == ("accuracy", arm["accuracy"])
    assert result["dataset"]["type"] == "coin_flip"
    library = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    (read,) = library.ModelCard(card).data.eval_results
    assert (read.metric_value, read.dataset_type) == (arm["accuracy"], "coin_flip")


def test_the_card_says_what_was_not_run_and_leaves_out_no_setting_of_the_loss(exported):
    run, _, card = exported
    said = card.split("## What is not known")[1].split("##")[0]
    assert "fine_tune_cot" not in run.scores
    assert "which were not run: fine_tune_cot" in said
    assert "one seed (3)" in said
    settings = dict(table_of(card, "Settings"))
    assert settings["student.kd_weight"] == str(run.recipe.student.kd_weight)
    assert settings["student.learning_rate"] == str(run.recipe.student.learning_rate)


def test_a_smoke_run_says_that_it_is_no_result_and_gives_the_hub_none(exported, tmp_path):
    run, _, card = exported
    smoke = replace(run, recipe=replace(run.recipe, profile="smoke"))
    stamped = write(smoke, tmp_path / "student")
    assert "not a result" in stamped
    assert "model-index" not in stamped
    assert "not a result" not in card


def test_an_adapter_is_merged_and_writes_the_same(runs, bases, tmp_path):
    base = bases["encoder-decoder"]
    smoke = recipes.with_bases(recipes.make("smoke", "coin_flip"), mentor=base, student=base)
    lora = replace(smoke.student, method="lora", learning_rate=0.02, max_steps=12)
    recipe = replace(smoke, student=lora)
    stages.scores(recipe, "fine_tune_cot")
    run = finished.find(recipe, "fine_tune_cot")
    card = write(run, tmp_path / "student")
    questions, completions = asked_and_answered(run)
    assert ask(tmp_path / "student", card, questions) == completions
    assert any(completions)
    assert re.search(r"merged, in float32\. .*by \S+ nats .*as it was at 100\.0%", card)
    assert base not in card  # where a folder lies is nobody's business
    assert "base_model" not in card
    assert "see the base's own card" in card


def test_four_bits_leave_as_the_numbers_they_stand_for(runs, tmp_path):
    smoke = recipes.make("smoke", "coin_flip")
    recipe = replace(smoke, mentor=replace(smoke.mentor, method="qlora", max_steps=6))
    stages.scores(recipe, "mentor")
    run = finished.find(recipe, "mentor")
    card = write(run, tmp_path / "mentor")
    weights, config = tmp_path / "mentor" / "model.safetensors", tmp_path / "mentor" / "config.json"
    assert "quantization" not in config.read_text()
    name = "model.layers.0.self_attn.q_proj"
    base = loading.load_base("tiny-mentor", quantization="nf4")
    adapter = load_file(run.trained.folder / "model" / "adapter_model.safetensors")
    a, b = (adapter[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    scale = recipe.mentor.lora_alpha / recipe.mentor.lora_rank
    expected = nf4.dequantise(base.get_submodule(name).weight) + scale * b @ a
    assert b.abs().max() > 0
    found = load_file(weights)[f"{name}.weight"].float()
    assert (found - expected).abs().max() < expected.abs().max() / 128  # bfloat16: 8 bits
    (moved,) = re.findall(r"merged, in (?:bfloat16|float32)\. .*by (\S+) nats", card)
    assert abs(float(moved)) < 0.01  # in float32 next to nothing, of either sign
    assert len(ask(tmp_path / "mentor", card, ["Is it heads up?"])) == 1


def test_nothing_is_computed_and_the_command_that_would_is_named(runs, tmp_path, capsys):
    before = sorted(folders.runs_folder().iterdir())
    folder = tmp_path / "student"
    command = ["export", "student", str(folder), "--profile", "smoke", "--task", "coin_flip"]
    assert main([*command, "--seed", "77", "--arm", "fine_tune_cot"]) == 2
    said = capsys.readouterr().err
    wanted = "mkdkit run --profile smoke --task coin_flip --seed 77 --arms fine_tune_cot"
    assert said.strip().endswith(wanted)
    assert sorted(folders.runs_folder().iterdir()) == before
    assert not folder.exists()
    assert main([*command, "--arm", "base"]) == 2
    assert "trains no student" in capsys.readouterr().err


def test_the_command_that_was_named_makes_what_is_exported(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MKDKIT_PROFILE", "smoke")
    which = ["--task", "coin_flip", "--seed", "5"]
    assert main(["run", *which, "--arms", "mentor"]) == 0
    assert main(["export", "mentor", str(tmp_path / "mentor"), *which]) == 0
    assert "mentor (this model)" in (tmp_path / "mentor" / "README.md").read_text()


def test_a_folder_with_something_in_it_is_refused_and_an_empty_one_is_filled(exported, tmp_path):
    run, _, _ = exported
    full, empty = tmp_path / "full", tmp_path / "empty"
    empty.mkdir()
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"full is there already and is not empty"):
        write(run, full)
    assert [path.name for path in full.iterdir()] == ["mine.txt"]
    write(run, empty)
    assert (empty / "model.safetensors").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full"]


def test_an_export_that_fails_leaves_nothing(exported, tmp_path):
    run, _, _ = exported

    def no_table(rows):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        export.write(run, tmp_path / "student", table=no_table)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "task", "said"),
    [
        ("mentor-kd", "asdiv", "CC BY-NC 4.0"),
        ("mentor-kd", "svamp", "MIT"),
        ("mentor-kd", "strategy_qa", "Apache-2.0"),
        ("mcc-kd", "commonsense_qa", "not stated"),
    ],
)
def test_published_questions_are_named_with_the_licences_of_table_6(exported, source, task, said):
    run, _, _ = exported
    asked = replace(run.recipe.questions, source=source, task=task)
    other = replace(run, recipe=replace(run.recipe, questions=asked))
    questions, rationales, _, *_ = licences.notes(other)
    assert questions.startswith("questions (")
    assert questions.endswith(f": {said}")
    assert "github.com" in rationales
    assert not licences.is_own(other)
    assert licences.is_own(run)
