"""New questions whose answers nobody is told: kept by the mentor's vote, and by nothing else."""

from dataclasses import replace

import pytest

from mkdkit import records
from mkdkit.models import loading
from mkdkit.pipeline import recipes, report_table, stages
from mkdkit.pipeline.stages import data, fine_tuning, unlabelled
from mkdkit.records import Rationale

NEW = 12  # as many as the smoke recipe's own


@pytest.fixture
def recipe(tmp_path, monkeypatch, bases):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    smoke = recipes.smoke("multi_step_arithmetic")
    smoke = replace(smoke, student=replace(smoke.student, max_steps=2, validations=0))
    return recipes.with_bases(smoke, mentor=bases["causal"], student=bases["causal"])


@pytest.fixture
def wide(recipe):
    """The stage with the recipe's own questions, and the new ones after them."""
    return stages.questions(data.with_new_questions(recipe))


@pytest.fixture
def written(recipe, wide):
    """Put in the mentor's mouth: of each new question what is said about it below."""
    stage = stages.augmentation(recipe, more=True)
    lines = []
    for place, question in enumerate(data.read_splits(wide).train):
        for sample, prediction in enumerate(said_of(place, question.answer)):
            text = f"Sample {sample} says {prediction}."
            right = prediction in (question.answer, f"{question.answer}.0")
            lines.append(Rationale(question.id, text, prediction, "mentor", is_correct=right))
    records.write_rationales(stage.folder / "written.jsonl", lines)
    return stage


def said_of(place, answer):
    """Predictions for the question at a place, its own or a new one."""
    if place < 12:
        return [answer, "1234"]
    return [
        [answer, f"{answer}.0", "1234"],  # the vote is right
        ["1234", "1234", answer],  # the vote is wrong
        [answer, "1234", "77"],  # nobody has more than one
        [None, None, answer],  # a third of all
    ][place % 4]


def kept_of(recipe, **options):
    stage = stages.unlabelled_set(recipe, **options)
    return stage, stages.read_kept(stage)


def test_rationales_of_new_questions_are_kept_by_the_vote_and_counted_by_reason(
    recipe, wide, written
):
    stage, kept = kept_of(recipe)
    new = data.read_splits(wide).train[12:]
    by_place = {question.id: place for place, question in enumerate(new)}
    assert {by_place[one.question_id] % 4 for one in kept} == {0, 1}
    assert len(kept) == NEW / 4 * (2 + 2)
    counts = stage.done["counts"]
    assert {reason: n for reason, n in counts["outcomes"].items() if n} == {
        "kept": 12,
        "no answer": 3 * 2,
        "no majority": 3 * (3 + 1),
        "against the vote": 3 * (1 + 1),
    }
    assert sum(counts["outcomes"].values()) == 3 * NEW  # and nothing of the recipe's own questions
    assert counts["correct"] == 6  # of the twelve: known to us
    filtered = stages.read_filtered(stage)
    assert {one.prediction for one in filtered.dropped["no answer"]} == {None}


def test_what_was_voted_is_learnt_in_the_place_of_the_reference(recipe, wide, written):
    stage, kept = kept_of(recipe)
    own = stages.questions(recipe)
    train = unlabelled.read_train(own, [stage])
    assert train[:12] == data.read_splits(own).train
    assert {question.id for question in train[12:]} == {one.question_id for one in kept}
    known = {question.id: question.answer for question in data.read_splits(wide).train}
    told = {question.id: question.answer for question in train[12:]}
    assert told == {one.question_id: one.prediction for one in kept}
    assert sum(told[name] != known[name] for name in told) == 3  # where the vote was wrong


def test_a_higher_least_share_keeps_less(recipe, wide, written):
    strict = replace(recipe, voting=replace(recipe.voting, least_share=0.7))
    assert len(kept_of(strict)[1]) == 0
    assert len(kept_of(recipe)[1]) == 12


def test_whether_known_answers_are_asked_for_elsewhere_has_no_part_in_it(recipe, wide, written):
    loose = replace(recipe, mentor_filter=replace(recipe.mentor_filter, correct_only=False))
    assert kept_of(loose)[0].key == kept_of(recipe)[0].key


def test_nothing_that_is_kept_or_learnt_depends_on_the_answers_of_new_questions(
    recipe, wide, written
):
    # kept, and what the student learns from: with the true answers, and with others
    found, base = [], recipe.student_base
    tokenizer = loading.load_tokenizer(base)
    for _ in range(2):
        stage, kept = kept_of(recipe, fresh=True)
        said = [(one.question_id, one.text, one.prediction) for one in kept]
        asked = unlabelled.read_train(stages.questions(recipe), [stage])
        learnt = list(fine_tuning.encode(tokenizer, base, recipe.student, asked, kept))
        found.append((said, asked, learnt, stage.done["counts"]["outcomes"]))
        rights = stage.done["counts"]["correct"]
        _forget_new_answers(wide, written)
    assert found[0] == found[1]
    assert len(found[0][0]) == 12
    assert rights == 0  # the change was seen, by the count alone


def _forget_new_answers(wide, written):
    """Give every new question another answer than its own, which no rationale has."""
    questions = data.read_splits(wide).train
    changed = [*questions[:12], *(replace(question, answer="99999") for question in questions[12:])]
    records.write_questions(wide.folder / "train.jsonl", changed)
    new = {question.id for question in changed[12:]}
    rationales = [
        replace(one, is_correct=False) if one.question_id in new else one
        for one in stages.read_written(written)
    ]
    records.write_rationales(written.folder / "written.jsonl", rationales)


def test_the_student_reads_no_questions_but_its_own_and_those_voted(recipe, wide, written):
    student = stages.student(recipe, "mentor_kd_unlabelled")
    inputs = [tuple(one) for one in student.done["inputs"]]
    assert ("questions", stages.questions(recipe).key) in inputs
    assert ("questions", wide.key) not in inputs
    learnt = [stages.teacher_set(recipe), stages.mentor_set(recipe), kept_of(recipe)[0]]
    assert student.done["counts"]["rows"] == sum(len(stages.read_kept(one)) for one in learnt)
    (labels,) = [stage for stage in stages.ancestors(student) if stage.name == "soft-labels"]
    assert ["questions", wide.key] not in labels.done["inputs"]


def test_both_arms_with_new_questions_share_what_the_mentor_wrote(recipe, wide, written):
    makers = [
        {stage.key for stage in stages.ancestors(stages.student(recipe, arm))}
        for arm in ("mentor_kd_new_questions", "mentor_kd_unlabelled")
    ]
    assert all(written.key in keys for keys in makers)


def test_the_report_has_a_column_of_what_was_voted(recipe, wide, written):
    report = stages.read_report(stages.report(recipe, ["mentor_kd", "mentor_kd_unlabelled"]))
    assert report["filter"]["by_source"]["unlabelled"]["against the vote"] == 6
    lines = list(report_table.lines(report))
    (head,) = [line for line in lines if line.strip().startswith("rationales")]
    assert head.split() == ["rationales", "teacher", "mentor", "unlabelled"]
    (row,) = [line for line in lines if line.startswith("against the vote")]
    assert row.split()[-1] == "6"
