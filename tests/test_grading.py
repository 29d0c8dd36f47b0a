"""Grading a recorded file again: our rules beside the file's own flags."""

import json
from pathlib import Path

import pytest

from mkdkit.records import Question
from mkdkit.tasks import catalogue
from mkdkit.teachers.grading import grade

PEN = "Ann has 16 pens and finds 2. How many now?"
NAMES = 'Take the last letters of each words in "Ada Bo" and concatenate them.'


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def row(completion: str | None, flag: bool, answer: str = "18", chain: str = "16 + 2 = 18") -> dict:
    made = {"input": PEN, "chain": chain, "answer": answer, "initial_correct": flag}
    return made if completion is None else made | {"completion": completion}


def test_every_flag_that_is_not_ours_is_listed_with_its_reason(tmp_path):
    rows = [
        row("18.0", True),
        row("18.0", False),
        row("17", True),
        row(" x", True),
        row("17", False),
        row(None, True, chain="16 + 2 = 19"),
    ]
    path = write(tmp_path / "aug.json", rows)
    assert grade(path, task="svamp", format="mentor-kd") == {
        "rows": 6,
        "correct": 2,
        "flagged_correct": 4,
        "disagreements": [
            {
                "line": 2,
                "reason": "we read '18.0' from '18.0'; it is the same as the answer '18'; "
                "flag false",
            },
            {
                "line": 3,
                "reason": "we read '17' from '17'; the answer is '18'; flag true",
            },
            {
                "line": 4,
                "reason": "we read no answer from ' x'; the answer is '18'; flag true",
            },
            {
                "line": 6,
                "reason": "we read '19' at the end of the text; the answer is '18'; flag true",
            },
        ],
    }


def test_a_difference_in_case_is_called_so(tmp_path):
    rows = [{**row("AO", False, answer="ao"), "input": NAMES}]
    path = write(tmp_path / "aug.json", rows)
    (found,) = grade(path, task="last_letter_concatenation", format="mentor-kd")["disagreements"]
    assert "case differs only" in found["reason"]


def test_a_file_without_flags_has_no_disagreements(tmp_path):
    rows = [{"instruction": PEN, "output": ["16 + 2 = 18", "It is 20."], "label": "18"}]
    path = write(tmp_path / "train.json", rows)
    found = grade(path, task=catalogue.find("svamp"), format="mcc-kd")
    assert found == {"rows": 2, "correct": 1, "flagged_correct": None, "disagreements": []}


def test_given_questions_decide_what_is_right(tmp_path):
    path = write(tmp_path / "aug.json", [row("18", True, answer="18")])
    questions = [Question("q", PEN, "19")]
    assert grade(path, task="svamp", format="mentor-kd", questions=questions)["correct"] == 0


def test_rows_without_a_reference_answer_are_refused(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"question": PEN, "completion": "18"}) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: no reference answer to grade by; add"):
        grade(path, task="svamp", format="jsonl")


def test_an_unknown_task_and_an_answer_of_the_wrong_type_are_refused(tmp_path):
    path = write(tmp_path / "aug.json", [row("18", True)])
    with pytest.raises(ValueError, match="task 'svmap' is unknown"):
        grade(path, task="svmap", format="mentor-kd")
    with pytest.raises(ValueError, match=r"aug.json, row 1: task 'coin_flip' asks for.*'18'"):
        grade(path, task="coin_flip", format="mentor-kd")


@pytest.mark.parametrize(
    ("task", "rows", "correct"),
    [
        ("svamp", 2100, 1558),
        ("last_letter_concatenation", 1050, 1029),
        ("tracking_shuffled_objects", 1575, 1392),
    ],
)
def test_our_rules_agree_with_every_flag_of_the_published_mentor(
    published_data, task, rows, correct
):
    """The flags were made from `completion` by the published evaluator; ours reads it anew."""
    path = published_data / f"mentor-kd/data/aug/flan-t5_large/{task}_rand3_aug3.json"
    assert grade(path, task=task, format="mentor-kd") == {
        "rows": rows,
        "correct": correct,
        "flagged_correct": correct,
        "disagreements": [],
    }


def test_teacher_rationales_that_end_in_another_choice_are_found(published_data):
    """All 1,536 are flagged correct; 16 end in a choice that is not the answer."""
    path = published_data / "mentor-kd/data/main/tracking_shuffled_objects_3_train.json"
    found = grade(path, task="tracking_shuffled_objects", format="mentor-kd")
    assert (found["rows"], found["flagged_correct"], found["correct"]) == (1536, 1536, 1520)
    assert len(found["disagreements"]) == 16
