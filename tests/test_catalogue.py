"""The table of tasks."""

import pytest

from mkdkit.tasks import catalogue
from mkdkit.tasks.catalogue import TASKS, Task, add, find
from mkdkit.tasks.checks import CHECKS
from mkdkit.tasks.procedural import FAMILIES

THIRTEEN = [
    *("addsub", "aqua", "asdiv", "coin_flip", "commonsense_qa", "date_understanding", "gsm8k"),
    *("last_letter_concatenation", "multiarith", "single_eq", "strategy_qa", "svamp"),
    "tracking_shuffled_objects",
]


def test_the_tasks_are_the_papers_thirteen_and_two_more():
    assert set(TASKS) == {*THIRTEEN, "mathematics", "multi_step_arithmetic"}
    assert all(name == task.name for name, task in TASKS.items())


def test_sizes_are_those_of_the_papers():
    sizes = {name: (task.train_size, task.test_size) for name, task in TASKS.items()}
    assert sizes["tracking_shuffled_objects"] == (525, 225)  # Mentor-KD, Table 6
    assert sizes["svamp"] == (700, 150)
    assert sizes["strategy_qa"] == (1603, 687)
    assert sizes["coin_flip"] == (350, 150)  # Fine-tune-CoT


def test_every_check_and_every_rule_made_task_has_its_code():
    assert {task.check for task in TASKS.values() if task.check} == set(CHECKS)
    assert {name for name, task in TASKS.items() if task.rule_made} == set(FAMILIES)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("tso", "tracking_shuffled_objects"),
        ("svam", "svamp"),
        ("coin-flip", "coin_flip"),
        ("GSM8K", "gsm8k"),
        ("csqa", "commonsense_qa"),
        ("llc", "last_letter_concatenation"),
        ("shuffled", "tracking_shuffled_objects"),
    ],
)
def test_an_unknown_task_is_an_error_that_names_the_nearest(wrong, nearest):
    with pytest.raises(ValueError, match=f"the tasks are addsub, .*did you mean '{nearest}'"):
        find(wrong)


def test_a_name_like_no_other_gets_no_guess():
    with pytest.raises(ValueError, match="task 'xyzzy' is unknown") as caught:
        find("xyzzy")
    assert "did you mean" not in str(caught.value)


def test_a_task_of_ones_own_can_be_added_once(monkeypatch):
    monkeypatch.setattr(catalogue, "TASKS", dict(TASKS))
    mine = Task(name="riddles", title="Riddles", answer_type="choice", options="ABC")
    add(mine)
    assert find("riddles") is mine
    with pytest.raises(ValueError, match="'riddles' exists already"):
        add(mine)


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer_type": "essay"},
        {"answer_type": "choice"},
        {"answer_type": "choice", "options": "abc"},
        {"answer_type": "number", "options": "ABC"},
        {"answer_type": "number", "check": "spelling"},
    ],
)
def test_a_task_that_cannot_work_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be one of|has capital option letters"):
        Task(name="x", title="X", **wrong)
