"""Looked at after every epoch, a student is its arm's own; arms with mistakes are like others."""

from dataclasses import replace

import pytest
from bases import SAVE

from mkdkit.pipeline import recipes, stages
from mkdkit.pipeline.stages.data import read_kept
from mkdkit.training import batches

ARM = "fine_tune_cot"


@pytest.fixture
def recipe(tmp_path, monkeypatch, bases, tmp_path_factory):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    smoke = recipes.smoke("last_letter_concatenation")
    mentor = SAVE["causal"](tmp_path_factory.mktemp("mentor"), width=128)
    smoke = recipes.with_bases(smoke, mentor=mentor, student=bases["causal"])
    return replace(
        smoke,
        student=replace(smoke.student, max_steps=None, epochs=3, batch_size=4, keep="last"),
        # a mentor that knows nothing writes nothing right: keep it, so that there is a lesson
        mentor_filter=replace(smoke.mentor_filter, correct_only=False),
    )


def test_there_is_a_row_for_every_epoch_and_split(recipe):
    rows = stages.read_epochs(stages.by_epoch(recipe, ARM))
    assert [(row["epoch"], row["split"]) for row in rows] == [
        (epoch, split) for epoch in (1, 2, 3) for split in ("validation", "test")
    ]
    for row in rows:
        assert row["accuracy"] == pytest.approx(100 * row["correct"] / row["n"])


def test_after_the_last_epoch_it_is_the_student_of_its_arm(recipe):
    looked_at = stages.by_epoch(recipe, ARM)
    trained = stages.student(recipe, ARM)
    own, plain = (stages.read_history(stage.folder) for stage in (looked_at, trained))
    assert [step["loss"] for step in own] == [step["loss"] for step in plain]
    last = stages.read_epochs(looked_at)[-1]
    assert last["accuracy"] == stages.scores(recipe, ARM).done["counts"]["accuracy"]


def test_equal_steps_are_looked_at_once_an_epoch_of_their_own(recipe):
    kept = len(read_kept(stages.teacher_set(recipe)))
    per_epoch = batches.steps_per_epoch(kept, recipe.student)
    longer = replace(recipe, student=replace(recipe.student, max_steps=5 * per_epoch))
    rows = stages.read_epochs(stages.by_epoch(longer, ARM))
    assert max(row["epoch"] for row in rows) == 5


def test_without_validation_questions_it_is_refused(recipe):
    none = replace(recipe, questions=replace(recipe.questions, validation=0))
    with pytest.raises(ValueError, match=r"questions\.validation is 0"):
        stages.by_epoch(none, ARM)


def test_padding_that_is_learnt_has_soft_labels_of_its_own_and_as_many_steps(recipe):
    right, wrong = (
        stages.student(recipe, arm) for arm in ("mentor_kd", "mentor_kd_padding_learnt")
    )
    counts = {name: stage.done["counts"] for name, stage in (("right", right), ("wrong", wrong))}
    assert counts["right"]["rows"] == counts["wrong"]["rows"]
    assert counts["right"]["steps"] == counts["wrong"]["steps"]
    longest = counts["wrong"]["scored_tokens"] / counts["wrong"]["rows"]
    assert longest == int(longest)  # all rows are of one length
    assert counts["wrong"]["scored_tokens"] > counts["right"]["scored_tokens"]
    labels = {dict(stage.done["inputs"])["soft-labels"] for stage in (right, wrong)}
    assert len(labels) == 2


def test_other_rows_labels_come_from_the_very_store_of_mentor_kd(recipe):
    right, wrong = (stages.student(recipe, arm) for arm in ("mentor_kd", "mentor_kd_other_labels"))
    assert right.done["inputs"] == wrong.done["inputs"]
    assert right.key != wrong.key
    own, other = (stages.read_history(stage.folder) for stage in (right, wrong))
    assert [step["scored_tokens"] for step in own] == [step["scored_tokens"] for step in other]
    assert own[0]["loss"] != other[0]["loss"]
