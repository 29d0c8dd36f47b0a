"""Ablations: what differs between cells, what is computed once, and what a failing cell costs."""

import json
from dataclasses import replace

import pytest

from mkdkit.pipeline import ablations, recipes, stages
from mkdkit.settings import Recipe


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def recipe(runs, bases):
    smoke = recipes.with_bases(
        recipes.make("smoke"), mentor=bases["causal"], student=bases["causal"]
    )
    # a mentor that knows nothing writes nothing right: keep it, so that later stages have work
    return replace(smoke, mentor_filter=replace(smoke.mentor_filter, correct_only=False))


def made(runs, stage):
    """How many stages of this name were computed."""
    return len(list(runs.glob(f"{stage}-{'?' * 16}/done.json")))  # the key: not mentor-set


def test_a_setting_is_varied_and_nothing_else():
    cells = ablations.vary(Recipe(), "mentor_filter.max_tokens", [100, None])
    assert [cell.mentor_filter.max_tokens for cell in cells] == [100, None]
    assert [replace(cell, mentor_filter=Recipe().mentor_filter) for cell in cells] == [Recipe()] * 2
    assert ablations.vary(Recipe(), "mentor_base", ["own"])[0] == replace(
        Recipe(), mentor_base="own"
    )


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(ValueError, match=r"no setting 'student\.kd_weigth'.*'student\.kd_weight'"):
        ablations.vary(Recipe(), "student.kd_weigth", [0.1])
    with pytest.raises(ValueError, match="no setting 'student'"):
        ablations.vary(Recipe(), "student", [1])


def test_a_value_out_of_range_is_refused_by_the_setting():
    with pytest.raises(ValueError, match="kd_weight must be between 0 and 1, got 3"):
        ablations.vary(Recipe(), "student.kd_weight", [3])


def test_only_what_differs_is_named():
    cells = ablations.vary(Recipe(), "student.kd_weight", [0.0, 0.3])
    more = replace(cells[1], mentor_base="own")
    assert ablations.differences([*cells, more]) == [
        {"mentor_base": "tiny-mentor", "student.kd_weight": 0.0},
        {"mentor_base": "tiny-mentor", "student.kd_weight": 0.3},
        {"mentor_base": "own", "student.kd_weight": 0.3},
    ]
    assert ablations.differences([Recipe(), Recipe()]) == [{}, {}]


def test_seeds_are_one_setting_unless_one_goes_its_own_way():
    two = [recipes.with_seed(Recipe(), seed) for seed in (0, 1)]
    assert ablations.differences(two) == [{"seed": 0}, {"seed": 1}]
    two[1] = replace(two[1], student=replace(two[1].student, seed=7))
    assert ablations.differences(two) == [
        {"seed": 0, "student.seed": 0},
        {"seed": 1, "student.seed": 7},
    ]


def test_lambda_zero_is_the_arm_without_soft_labels_and_shared_stages_are_computed_once(
    recipe, runs
):
    cells = ablations.vary(recipe, "student.kd_weight", [0.0, 0.3, 0.7])
    rows = ablations.run(cells)
    assert [row["student.kd_weight"] for row in rows] == [0.0, 0.3, 0.7]
    assert [row["name"] for row in rows] == [f"student.kd_weight={w}" for w in (0.0, 0.3, 0.7)]
    assert rows[0]["key"] == stages.scores(recipe, "mentor_kd_no_soft_labels").key
    for row in rows:
        assert row["n"] == 8
        assert row["accuracy"] == 100 * row["correct"] / 8
        assert row["interval"][0] <= row["accuracy"] <= row["interval"][1]
    counts = {name: made(runs, name) for name in ("mentor", "soft-labels", "student")}
    assert counts == {"mentor": 1, "soft-labels": 1, "student": 3}


def test_the_cells_seconds_add_up_to_all_that_was_computed(recipe, runs):
    cells = {
        "as it is": recipe,
        "less data": replace(recipe, questions=replace(recipe.questions, train=10)),
    }
    rows = ablations.run(cells, "fine_tune_cot")
    spent = [json.loads(path.read_text())["seconds"] for path in runs.rglob("done.json")]
    assert sum(row["seconds"] for row in rows) == pytest.approx(sum(spent), abs=0.02)
    again = ablations.run([recipe, recipe], "fine_tune_cot")
    assert [row["name"] for row in again] == ["fine_tune_cot"] * 2
    assert again[0]["seconds"] == rows[0]["seconds"]
    assert again[1]["seconds"] == 0  # all of it was counted in the cell before


def test_a_failing_cell_is_listed_and_the_others_are_scored(recipe, tmp_path):
    (tmp_path / "hollow").mkdir()
    rows = ablations.run(
        ablations.vary(recipe, "student_base", [str(tmp_path / "hollow"), recipe.student_base]),
        "base",
    )
    assert rows[0]["accuracy"] is rows[0]["interval"] is rows[0]["key"] is None
    assert rows[0]["error"].startswith("ValueError: ")
    assert "no config.json in this folder" in rows[0]["error"]
    assert rows[1]["n"] == 8
    assert "error" not in rows[1]


def test_validation_questions_are_scored_when_asked_for(recipe):
    [row] = ablations.run({"base": recipe}, "base", split="validation")
    assert row["n"] == len(stages.read_splits(stages.questions(recipe)).validation) == 4
    assert row["name"] == "base"


def test_what_cannot_be_run_is_refused_before_anything_is_computed(recipe, runs):
    with pytest.raises(ValueError, match="at least one recipe"):
        ablations.run([])
    with pytest.raises(ValueError, match="did you mean 'mentor_kd'"):
        ablations.run([recipe], "mentorkd")
    with pytest.raises(ValueError, match="split must be one of train, validation, test"):
        ablations.run([recipe], split="dev")
    assert not runs.exists()


def test_reports_of_this_recipe_are_found_and_no_others(recipe):
    assert ablations.read_reported(recipe) == {}
    report = stages.read_report(stages.report(recipe, ["base", "answer_only"]))
    other = recipes.with_seed(recipe, 1)
    stages.report(other, ["base"])
    assert list(ablations.read_reported(recipe).values()) == report["arms"]
    assert list(ablations.read_reported(other)) == ["base"]
