"""The file of rationales, asked into more than once: what it has stays, or nothing is asked."""

import json
from dataclasses import replace

import pytest
from teacher_server import Teacher
from test_asking import QUICK, SVAMP, key, questions, rows, solve  # noqa: F401

from mkdkit.records import Question
from mkdkit.tasks import catalogue
from mkdkit.teachers.asking import session

ONE = replace(QUICK, rationales_per_question=1, prompting="one_prompt")
OTHERS = [Question(f"other/{k}", f"Tom has {k} pens and gets 1, twice.", "1") for k in range(2)]


def ask(teacher, asked, tmp_path, settings=ONE, task=SVAMP):
    with teacher.serving() as url:
        settings = replace(settings, base_url=url)
        out = tmp_path / "said.jsonl"
        return session.ask(asked, task=task, settings=settings, out=out, bar=False)


def ids(tmp_path):
    return [row["question_id"] for row in rows(tmp_path)]


def test_rows_of_questions_that_are_not_asked_now_stay(tmp_path):
    ask(Teacher(solve), questions(5), tmp_path, replace(ONE, rationales_per_question=3))
    before = rows(tmp_path)
    done = ask(Teacher(solve), OTHERS, tmp_path)
    assert rows(tmp_path)[:15] == before
    assert ids(tmp_path)[15:] == ["other/0", "other/1"]
    assert (done.rationales, done.correct) == (17, 16)  # 15 of before; "other/0" ends in 1


def test_fewer_questions_asked_again_leave_the_file_as_it_is(tmp_path):
    ask(Teacher(solve), questions(5), tmp_path)
    before = (tmp_path / "said.jsonl").read_bytes()
    teacher = Teacher(solve)
    ask(teacher, questions(2), tmp_path)
    assert (tmp_path / "said.jsonl").read_bytes() == before
    assert not teacher.bodies


def test_a_question_that_is_asked_for_more_keeps_its_place(tmp_path):
    ask(Teacher(solve), questions(3), tmp_path)
    more = [*OTHERS[:1], questions(3)[1]]
    ask(Teacher(solve), more, tmp_path, replace(ONE, rationales_per_question=2))
    assert ids(tmp_path) == ["q/0", "q/1", "q/1", "q/2", "other/0", "other/0"]


def test_a_corrected_answer_grades_the_rows_anew(tmp_path):
    ask(Teacher(solve), questions(2), tmp_path)
    ask(Teacher(solve), [replace(questions(1)[0], answer="99")], tmp_path)
    assert [(row["answer"], row["is_correct"]) for row in rows(tmp_path)] == [
        ("99", False),
        ("2", True),
    ]


def of_another_task(tmp_path):
    return {"asked": OTHERS, "task": catalogue.find("gsm8k")}


def another_question_of_the_same_id(tmp_path):
    return {"asked": [replace(OTHERS[0], id="q/1")]}


def rows_of_other_settings(tmp_path):
    changed = rows(tmp_path)
    for row in changed:
        row["parameters"]["temperature"] = 0.1
    write(tmp_path, changed)
    return {"asked": OTHERS}


def rows_that_are_no_rationales(tmp_path):
    write(tmp_path, [{"mine": 1}])
    return {"asked": OTHERS}


def write(tmp_path, found):
    lines = "".join(json.dumps(row) + "\n" for row in found)
    (tmp_path / "said.jsonl").write_text(lines, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (of_another_task, "line 1: is of task svamp, not gsm8k; give another file"),
        (another_question_of_the_same_id, "line 2: q/1 is another question there"),
        (rows_of_other_settings, "line 1: was not collected with these settings"),
        (rows_that_are_no_rationales, "line 1: was not collected with these settings"),
    ],
)
def test_what_may_not_stand_in_one_file_is_refused_before_anything_is_asked(
    change, message, tmp_path
):
    ask(Teacher(solve), questions(2), tmp_path)
    asked = change(tmp_path)
    before, teacher = (tmp_path / "said.jsonl").read_bytes(), Teacher(solve)
    with pytest.raises(ValueError, match=message):
        ask(teacher, asked.pop("asked"), tmp_path, **asked)
    assert (tmp_path / "said.jsonl").read_bytes() == before
    assert not teacher.bodies
