"""The scripted teacher: right without slips, and with the slips it says it makes."""

from collections import Counter

import pytest

from mkdkit.filters import filter_rationales
from mkdkit.records import Question
from mkdkit.settings import FilterSettings, TeacherSettings
from mkdkit.tasks.answers import completion_text, extract, same_answer
from mkdkit.tasks.catalogue import find
from mkdkit.tasks.checks import find_slips
from mkdkit.tasks.procedural import FAMILIES, make_questions
from mkdkit.teachers.scripted import SLIPS, slip_of, write_one, write_rationales

CASES = [(task, 3) for task in sorted(FAMILIES)] + [("tracking_shuffled_objects", 7)]
each_task = pytest.mark.parametrize(("name", "objects"), CASES)
SUM = Question(
    "1",
    "Mia has 34 pens. Mia gets 17 more. Mia gives away 8. How many pens does Mia have now?",
    "43",
)


def test_a_sum_is_solved_step_by_step():
    settings = TeacherSettings(slip_rate=0, rationales_per_question=12)
    rationales = write_rationales([SUM], task=find("multi_step_arithmetic"), settings=settings)
    texts = {rationale.text for rationale in rationales}
    assert len(texts) == 12
    assert "Mia starts with 34. 34 + 17 = 51. 51 - 8 = 43." in texts
    assert "Mia starts with 34. 34 plus 17 is 51. 51 minus 8 is 43. At the end: 43." in texts


@each_task
def test_without_slips_every_rationale_is_right_distinct_and_free_of_slips(name, objects):
    task, questions = find(name), make_questions(name, 60, seed=3, objects=objects)
    settings = TeacherSettings(slip_rate=0, rationales_per_question=9)
    rationales = write_rationales(questions, task=task, settings=settings)
    by_id = {question.id: question for question in questions}
    assert len({(r.question_id, r.text) for r in rationales}) == len(rationales) == 540
    for rationale in rationales:
        question = by_id[rationale.question_id]
        assert rationale.source == "teacher"
        assert rationale.is_correct
        assert find_slips(question, rationale.text, task) == []
        for template in ("arrow", "therefore"):
            completion = completion_text(rationale.text, rationale.prediction or "", template)
            assert same_answer(extract(completion, task).strict, question.answer, task)


@each_task
def test_nearly_all_wrong_steps_are_found_by_the_process_check(name, objects):
    task, questions = find(name), make_questions(name, 100, seed=4, objects=objects)
    settings = TeacherSettings(slip_rate=1)
    found, counts = Counter(), Counter()
    for question in questions:
        for number in range(3):
            kind = slip_of(question, number, settings)
            rationale = write_one(question, number, task=task, settings=settings)
            counts[kind] += 1
            found[kind] += bool(find_slips(question, rationale.text, task))
            if kind == "flawed":
                assert rationale.is_correct
            if kind == "no answer":
                assert rationale.prediction is None
                assert not rationale.is_complete
    assert found["carried"] >= 0.98 * counts["carried"]
    assert found["flawed"] >= 0.98 * counts["flawed"]
    assert found["no answer"] == 0


def test_the_shares_of_slips_are_as_documented():
    questions = make_questions("coin_flip", 1000, seed=5)
    settings = TeacherSettings(slip_rate=0.2, rationales_per_question=4)
    kinds = Counter(slip_of(q, number, settings) for q in questions for number in range(1, 4))
    slips = 3000 - kinds.pop(None)
    assert slips / 3000 == pytest.approx(0.2, abs=0.03)
    for kind, share in SLIPS.items():
        assert kinds[kind] / slips == pytest.approx(share, abs=0.07)
    assert "duplicate" not in {slip_of(q, 0, TeacherSettings(slip_rate=1)) for q in questions}


def test_a_rationale_depends_on_the_seed_the_question_and_its_number_alone():
    task, questions = find("coin_flip"), make_questions("coin_flip", 20, seed=6)
    few, many = (TeacherSettings(rationales_per_question=n, slip_rate=0.5) for n in (2, 5))
    some = write_rationales(questions[10:], task=task, settings=few)
    all_of_them = write_rationales(questions, task=task, settings=many)
    assert set(some) <= set(all_of_them)
    other = TeacherSettings(rationales_per_question=5, slip_rate=0.5, seed=1)
    assert write_rationales(questions, task=task, settings=other) != all_of_them


def test_filters_have_work_to_do():
    task, questions = (
        find("multi_step_arithmetic"),
        make_questions("multi_step_arithmetic", 300, seed=7),
    )
    settings = TeacherSettings(slip_rate=0.2)
    rationales = write_rationales(questions, task=task, settings=settings)
    counts = filter_rationales(
        rationales, questions=questions, task=task, settings=FilterSettings(check_reasoning=True)
    ).counts()
    assert counts["kept"] / 900 == pytest.approx(0.8, abs=0.05)
    for reason in ("no answer", "wrong answer", "flawed reasoning", "duplicate"):
        assert counts[reason] > 0


def test_a_question_it_cannot_read_is_an_error():
    question = Question("9", "Why is the sky blue?", "1")
    with pytest.raises(ValueError, match="question '9' is not in a wording"):
        write_rationales([question], task=find("multi_step_arithmetic"), settings=TeacherSettings())
    with pytest.raises(ValueError, match="not 'gsm8k'"):
        write_rationales([question], task=find("gsm8k"), settings=TeacherSettings())
