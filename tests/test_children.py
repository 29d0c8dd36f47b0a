"""A stage in a child process: followed while it runs, stopped, gone on with, and failing."""

import os
import time
from dataclasses import asdict, replace

import pytest

from mkdkit import events, json_lines
from mkdkit.pipeline import children, recipes, stages
from mkdkit.settings import Recipe, recipe_from
from mkdkit.show.widgets import training_monitor


@pytest.fixture
def recipe(tmp_path, monkeypatch, bases):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    smoke = recipes.make("smoke")
    return recipes.with_bases(smoke, mentor=bases["causal"], student=bases["causal"])


def longer(recipe, steps):
    settings = replace(recipe.mentor, max_steps=steps, validations=0, checkpoint_seconds=0)
    return replace(recipe, mentor=settings)


def wait_for_events(running, count, seconds=60):
    until = time.monotonic() + seconds
    while len(running.events()) < count:
        assert running.is_running(), running.log.read_text()
        assert time.monotonic() < until, "no events came"
        time.sleep(0.05)


def test_a_child_can_be_followed_and_stopped_and_the_stage_goes_on_to_the_same_end(recipe):
    recipe = longer(recipe, 60)
    running = children.start("mentor", recipe)
    wait_for_events(running, 5)
    assert os.getpgid(running.process.pid) != os.getpgid(0)  # a kernel's stop button tells its own
    running.stop()
    assert not running.is_running()
    reached = len(running.events())
    assert 5 <= reached < 60
    mentor = stages.mentor(recipe)  # in this process, from the child's checkpoint
    resumed = stages.read_history(mentor.folder)
    whole = stages.read_history(stages.mentor(recipe, fresh=True).folder)
    assert [step["loss"] for step in resumed] == [step["loss"] for step in whole]
    assert mentor.folder == running.folder()


def test_a_button_stops_a_training_at_a_checkpoint_and_it_goes_on_to_the_same_end(
    recipe, monkeypatch
):
    settings = replace(longer(recipe, 60).mentor, checkpoint_seconds=3600)
    recipe = replace(recipe, mentor=settings)
    running = children.start("mentor", recipe)
    wait_for_events(running, 5)
    monitor, other = training_monitor(running), training_monitor(running.folder())
    other.stop.click()
    assert other.refresh() is True
    assert other.stop.disabled  # asked is asked
    with pytest.raises(RuntimeError, match=r"ended with 130: stopped after step \d+, as asked"):
        running.wait()
    reached = len(running.events())
    assert 5 <= reached < 60
    assert monitor.refresh() is False
    monkeypatch.setattr("mkdkit.show.widgets.monitor.QUIET", 0)
    other.refresh()  # sees that the request is gone
    assert other.refresh() is False
    assert "stopped; started again, it goes on" in monitor.says.value
    events.ask_to_stop(running.folder())  # of nobody: what is started later is not meant
    mentor = stages.mentor(recipe)
    numbers = [row["number"] for _, row in json_lines.read(mentor.folder / "events.jsonl")]
    assert numbers == list(range(1, 61))  # no step was taken twice
    resumed = stages.read_history(mentor.folder)
    whole = stages.read_history(stages.mentor(recipe, fresh=True).folder)
    assert [step["loss"] for step in resumed] == [step["loss"] for step in whole]


def test_a_child_that_ends_leaves_a_stage_that_loads(recipe):
    running = children.start("scores", recipe, "fine_tune_cot")
    running.wait()
    stage = stages.scores(recipe, "fine_tune_cot")
    assert stage.folder == running.folder()
    assert stage.done["counts"]["n"] == 8


def test_a_child_that_fails_says_why(recipe, tmp_path):
    broken = replace(recipe, student_base=str(tmp_path / "nothing"))
    running = children.start("student", broken, "answer_only")
    with pytest.raises(RuntimeError, match=r"ended with 1: ValueError: .*no such folder"):
        running.wait()


def test_an_unknown_stage_is_refused(recipe):
    with pytest.raises(ValueError, match="stage must be one of"):
        children.start("pretrain", recipe)


def test_a_recipe_comes_back_from_its_json_and_a_typo_does_not():
    recipe = recipes.make("tiny", "coin_flip", seed=3)
    assert recipe_from(asdict(recipe)) == recipe
    assert recipe_from({}) == Recipe()
    with pytest.raises(ValueError, match="kd_wieght"):
        recipe_from({"student": {"kd_wieght": 0.5}})
    with pytest.raises(ValueError, match="studnet"):
        recipe_from({"studnet": {}})
    with pytest.raises(ValueError, match=r"student\.tau_squared must be true or false, got 'no'"):
        recipe_from({"student": {"tau_squared": "no"}})
