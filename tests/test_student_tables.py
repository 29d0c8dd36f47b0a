"""What one accuracy does not tell: each table agrees with what is known in another way."""

import csv
from dataclasses import replace

import pytest
from bases import SAVE

from mkdkit.pipeline import cost, recipes, stages, student_tables
from mkdkit.pipeline.stages import reach

ARM = "mentor_kd"


@pytest.fixture
def recipe(tmp_path, monkeypatch, bases, tmp_path_factory):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    smoke = recipes.smoke("multi_step_arithmetic")
    mentor = SAVE["causal"](tmp_path_factory.mktemp("mentor"), width=128)
    smoke = recipes.with_bases(smoke, mentor=mentor, student=bases["causal"])
    return replace(
        smoke,
        questions=replace(smoke.questions, steps=3),
        # a mentor that knows nothing writes nothing right: keep it, so that there is a lesson
        mentor_filter=replace(smoke.mentor_filter, correct_only=False),
    )


def test_every_test_answer_has_a_confidence(recipe):
    stage = stages.confidences(recipe, ARM)
    values, outcomes = stages.read_confidences(stage)
    said = stages.read_answers(stages.scores(recipe, ARM))
    assert outcomes == [one.is_correct for one in said]
    assert all(value in [n / 10 for n in range(11)] for value in values)
    none = [value for value, one in zip(values, said, strict=True) if one.prediction is None]
    assert not any(none)  # what was not answered cannot be answered again


def test_an_untrained_base_has_no_confidence_and_no_reach(recipe):
    with pytest.raises(ValueError, match="it trains none"):
        stages.confidences(recipe, "base")
    with pytest.raises(ValueError, match="needs rule-made questions and a model"):
        stages.by_steps(recipe, "base", [2])


def test_questions_of_the_own_number_of_steps_are_those_of_the_test(recipe):
    test = stages.read_splits(stages.questions(recipe)).test
    assert [one.text for one in reach.questions_of(recipe, 3, len(test))] == [
        one.text for one in test
    ]
    rows = stages.read_by_steps(stages.by_steps(recipe, ARM, [2, 3], n=len(test)))
    assert [row["question_steps"] for row in rows] == [2, 3]
    counts = stages.scores(recipe, ARM).done["counts"]
    assert rows[1] == {"question_steps": 3} | {
        name: counts[name] for name in ("accuracy", "n", "correct")
    }


def test_longer_questions_have_longer_answers_allowed(recipe):
    """A model that never ends writes in proportion to the steps, from its own number on."""
    short = replace(recipe, scoring=replace(recipe.scoring, max_new_tokens=6))
    stage = stages.by_steps(short, "mentor", [1, 3, 6], n=3)
    text = (stage.folder / "answers.jsonl").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if '"is_complete": false' in line]
    assert rows, "all ended early: nothing was seen"
    for line in rows:
        allowed = {1: 6, 3: 6, 6: 12}[int(line.rsplit('"steps": ', 1)[1].rstrip("}"))]
        assert f'"tokens": {allowed},' in line


def test_the_mentor_agrees_with_itself(recipe, tmp_path):
    (row,), _ = student_tables.TABLES["tiny_agreement"].rows_of(recipe, "mentor")
    answered = [one.prediction for one in stages.read_answers(stages.scores(recipe, "mentor"))]
    share = 100 * sum(one is not None for one in answered) / len(answered)
    assert row["same"] == pytest.approx(share)


def test_work_is_six_operations_a_parameter_and_token(recipe):
    """By the common rule: two forward, four back; what attention adds is little in short rows."""
    work = cost.work_of(recipe, "fine_tune_cot")
    assert set(work) == {"student: training", "student: validation"}
    student = stages.student(recipe, "fine_tune_cot")
    given = stages.students.given_to(recipe, "fine_tune_cot")
    rows = stages.lessons.lesson_of(
        given.recipe, given.method, given.asked, given.sets, given.store
    ).rows
    tokens = sum(map(len, rows)) / len(rows)
    seen = student.done["counts"]["steps"] * recipe.student.batch_size * tokens
    parameters = student.done["counts"]["parameters"]
    assert work["student: training"] / (6 * parameters * seen) == pytest.approx(1, abs=0.35)


def test_more_steps_are_more_work_in_proportion(recipe):
    longer = replace(recipe, student=replace(recipe.student, max_steps=6))
    once, twice = (
        cost.work_of(replace(recipe, student=replace(recipe.student, max_steps=n)), "fine_tune_cot")
        for n in (3, 6)
    )
    assert twice["student: training"] == 2 * once["student: training"]
    parts = cost.work_of(longer, ARM)
    assert set(parts) == set(cost.PARTS)
    assert all(parts.values())


def test_a_table_goes_on_where_it_stopped_and_names_the_stage_of_each_row(
    recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr(student_tables, "arms_recipe", lambda task, seed: recipe)
    folder = tmp_path / "results"
    student_tables.fill("tiny_cost", ["fine_tune_cot"], [1], folder=folder)
    before = (folder / "tiny_cost.csv").read_text()
    student_tables.fill("tiny_cost", ["fine_tune_cot", ARM], [1], folder=folder)
    after = (folder / "tiny_cost.csv").read_text()
    assert after.startswith(before)
    rows = list(csv.DictReader(after.splitlines()))
    assert [row["arm"] for row in rows] == ["fine_tune_cot", ARM]
    assert [row["key"] for row in rows] == [stages.scores(recipe, row["arm"]).key for row in rows]
    assert float(rows[1]["teraflop"]) > float(rows[0]["teraflop"])


def test_bins_hold_every_answer_once(recipe):
    rows, _ = student_tables.TABLES["tiny_confidences"].rows_of(recipe, ARM)
    values, outcomes = stages.read_confidences(stages.confidences(recipe, ARM))
    assert sum(row["n"] for row in rows) == len(values)
    right = sum(row["n"] * row["accuracy"] for row in rows) / 100
    assert right == pytest.approx(sum(outcomes))
    gaps = sum(row["n"] * abs(row["confidence"] - row["accuracy"]) for row in rows)
    assert {row["error"] for row in rows} == {round(gaps / len(values), 3)}


def test_what_a_mentor_writes_for_new_questions_is_work_too(recipe):
    once, twice = (cost.work_of(recipe, arm) for arm in (ARM, f"{ARM}_new_questions"))
    assert twice["mentor: writing"] == pytest.approx(2 * once["mentor: writing"], rel=0.2)
    assert twice["mentor: training"] == pytest.approx(once["mentor: training"], rel=0.2)
