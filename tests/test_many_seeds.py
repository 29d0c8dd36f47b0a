"""Tables of many seeds: what is in them, and that they are filled once."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, replace

import pytest

from mkdkit.pipeline import arms, grids, many_seeds, recipes, results, tiny_regime
from mkdkit.settings import VotingSettings, changed


@pytest.fixture
def recipe(tmp_path, monkeypatch, bases):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    smoke = recipes.smoke("multi_step_arithmetic")
    return recipes.with_bases(smoke, mentor=bases["causal"], student=bases["causal"])


@pytest.fixture
def small(monkeypatch, recipe):
    """Profile tiny at a smoke run's size."""
    monkeypatch.setattr(recipes, "tiny", lambda task: replace(recipe, seed=0))
    return recipe


PLAN = [("multi_step_arithmetic", arm, 1) for arm in ("base", "answer_only")]


def fill(plan, recipe_of, folder, rows=None):
    cells = many_seeds.cells_of(plan if rows is None else rows, recipe_of)
    about = many_seeds.about(plan, recipe_of)
    return grids.fill("t", cells, about=about, command="", folder=folder)


def filled(recipe, folder, plan):
    assert fill(plan, lambda task, seed: recipes.with_seed(recipe, seed), folder) == {}
    return (folder / "t.csv").read_text(encoding="utf-8")


def test_the_plan_has_eight_seeds_of_the_pair_and_three_of_every_other_arm():
    seeds = Counter((task, arm) for task, arm, _ in many_seeds.arms_plan())
    for arm in many_seeds.SEEDLESS:
        assert {seeds[task, arm] for task in many_seeds.ALL_ARMS} == {1}
    assert {seeds[task, arm] for task in many_seeds.TASKS for arm in many_seeds.PAIR} == {8}
    others = set(many_seeds.OTHERS) - set(many_seeds.SEEDLESS)
    assert {seeds[task, arm] for task in many_seeds.ALL_ARMS for arm in others} == {3}
    assert seeds.total() == 8 * 5 * 2 + 3 * 2 * len(others) + 2 * len(many_seeds.SEEDLESS) == 164


def test_an_arm_that_is_added_to_the_kit_joins_no_table_that_was_begun(monkeypatch):
    before = list(many_seeds.arms_plan())
    monkeypatch.setitem(arms.ARMS, "another", replace(arms.find("mentor_kd"), name="another"))
    assert list(many_seeds.arms_plan()) == before
    planned = {(task, arm, str(seed)) for task, arm, seed in before}
    begun = {(row["task"], row["arm"], str(row["seed"])) for row in results.read_table("tiny_arms")}
    assert begun <= planned
    assert all(arms.find(arm) for _, arm, _ in before)


def test_no_seed_of_a_table_is_one_that_settings_were_chosen_with():
    seeds = {seed for _, _, seed in [*many_seeds.arms_plan(), *many_seeds.real_plan()]}
    assert 0 < min(seeds) <= max(seeds) < tiny_regime.FIRST_SEED


def test_a_table_that_was_stopped_goes_on_and_measures_nothing_twice(recipe, tmp_path):
    first = filled(recipe, tmp_path, PLAN[:1])
    whole = filled(recipe, tmp_path, PLAN)
    assert whole.startswith(first)
    assert filled(recipe, tmp_path, PLAN) == whole
    base, answer_only = results.read_table("t", folder=tmp_path)
    assert list(base) == ["task", "arm", "seed", *grids.MEASURED]
    assert base["steps"] == 0
    assert answer_only["steps"] == 3  # a smoke run's
    assert base["n"] == 8


def test_a_table_begun_with_other_bases_is_not_gone_on_with(recipe, tmp_path):
    recipe = recipes.with_bases(recipe, mentor="tiny-mentor", student="tiny-student")
    filled(recipe, tmp_path, PLAN[:1])
    record = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert {"tiny-mentor", "tiny-student"} < set(record["settings"])
    record["settings"]["tiny-mentor"] = "another"
    (tmp_path / "t.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ValueError, match="begun with other tiny-mentor"):
        filled(recipe, tmp_path, PLAN)


def test_a_table_begun_before_a_setting_was_there_goes_on_with_its_default(recipe):
    settings = asdict(recipes.with_seed(recipe, 1))
    del settings["questions"]["data_dir"], settings["questions"]["wordings"], settings["voting"]
    del settings["questions"]["renamed_copies"]
    del settings["student"]["divergence"], settings["soft_labels"]["precision"]
    del settings["student"]["answer_weight"], settings["mentor"]["answer_weight"]
    text = json.dumps(settings, sort_keys=True)
    before = {"settings of multi_step_arithmetic": hashlib.sha256(text.encode()).hexdigest()}
    by_default = replace(recipe, voting=VotingSettings())
    assert grids.identity([by_default]) == before
    for changes in (
        {"student": {"divergence": "reverse"}},
        {"voting": {"samples": 7}},
        {"questions": {"wordings": "apart"}},
        {"questions": {"renamed_copies": 7}},
        {"soft_labels": {"precision": "fp32"}},
        {"mentor": {"answer_weight": 2.0}},
    ):
        assert grids.identity([changed(by_default, changes)]) != before


def test_a_row_that_fails_does_not_cost_the_others(recipe, tmp_path):
    plan = [("multi_step_arithmetic", "no_such_arm", 1), PLAN[0]]
    failed = fill(plan, lambda task, seed: recipe, tmp_path / "new")
    (why,) = failed.values()
    assert why.startswith("ValueError: arm 'no_such_arm' is unknown")
    assert [row["arm"] for row in results.read_table("t", folder=tmp_path / "new")] == ["base"]


def test_one_seed_of_one_task_can_be_measured_alone(small, tmp_path):
    chosen = ["--tasks", "multi_step_arithmetic", "--seeds", "8", "--folder", str(tmp_path)]
    many_seeds.main(["tiny_arms", *chosen])
    rows = results.read_table("tiny_arms", folder=tmp_path)
    assert {(row["task"], row["seed"]) for row in rows} == {("multi_step_arithmetic", 8)}
    assert [row["arm"] for row in rows] == list(many_seeds.PAIR)


def test_real_sets_need_a_folder(capsys):
    with pytest.raises(SystemExit):
        many_seeds.main(["tiny_real"])
    assert "needs --data-dir" in capsys.readouterr().err


def test_a_trial_changes_mentor_and_student_together():
    recipe = tiny_regime.change(recipes.tiny(), "training.epochs=7")
    assert (recipe.mentor.epochs, recipe.student.epochs) == (7, 7)
    assert tiny_regime.change(recipe, "student.kd_weight=0.5").student.kd_weight == 0.5


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs", "needs NAME=VALUE"),
        ("teacher.seed=3", "needs NAME=VALUE"),
        ("student.epoch=3", "settings of student must be of .*, got 'epoch'"),
        ("student.epochs=many", "settings of student: "),
    ],
)
def test_a_trial_of_what_there_is_not_is_refused(assignment, message):
    with pytest.raises(ValueError, match=message):
        tiny_regime.change(recipes.tiny(), assignment)


def tried(folder, *arguments):
    tiny_regime.main(["multi_step_arithmetic", "base", "--folder", str(folder), *arguments])


def test_a_trial_is_scored_on_validation_with_a_seed_of_its_own(small, tmp_path):
    tried(tmp_path, "--set", "scoring.batch_size=4")
    (row,) = results.read_table("tiny_regime", folder=tmp_path)
    assert row["n"] == 4  # a smoke run's validation questions; its test has 8
    assert row["seed"] == 100
    assert row["settings"] == "scoring.batch_size=4"


def test_a_seed_of_the_reported_tables_is_no_trials(tmp_path, capsys):
    with pytest.raises(SystemExit):
        tried(tmp_path, "--seed", "3")
    assert "trials have seeds from 100 on" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_row_with_other_columns_is_refused(tmp_path):
    results.append_row("t", {"a": 1, "b": 2}, folder=tmp_path)
    with pytest.raises(ValueError, match=r"has the columns \['a', 'b'\], not \['a', 'c'\]"):
        results.append_row("t", {"a": 1, "c": 2}, folder=tmp_path)
    assert results.read_table("t", folder=tmp_path) == [{"a": 1, "b": 2}]


def test_tasks_measured_one_by_one_share_one_identity(recipe, tmp_path):
    other = ("coin_flip", "base", 1)

    def of_task(task, seed):
        return replace(recipe, questions=replace(recipe.questions, task=task))

    for row in (PLAN[0], other):
        fill([PLAN[0], other], of_task, tmp_path, rows=[row])
    rows = results.read_table("t", folder=tmp_path)
    assert [row["task"] for row in rows] == ["multi_step_arithmetic", "coin_flip"]
    record = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["settings"]
    assert {"settings of multi_step_arithmetic", "settings of coin_flip"} <= set(record)
