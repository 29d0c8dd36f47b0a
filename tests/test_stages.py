"""The whole method at its smallest, through every stage: both families, full and NF4 LoRA."""

import json
from dataclasses import replace

import pytest
import torch
from bases import SAVE

from mkdkit import records
from mkdkit.models import encoding
from mkdkit.pipeline import arms, folders, recipes, stages
from mkdkit.pipeline.stages.scores import FEW_SHOTS, _examples, load_untrained
from mkdkit.settings import TeacherSettings
from mkdkit.training import label_store, loop


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def mentors(tmp_path_factory):
    """Mentor bases: wider than the students' `bases`, with the same tokenizer."""
    return {
        family: save(tmp_path_factory.mktemp("mentor") / family, width=128)
        for family, save in SAVE.items()
    }


@pytest.fixture(params=["causal", "encoder-decoder"])
def recipe(request, runs, bases, mentors):
    smoke = replace(recipes.make("smoke"), teacher=TeacherSettings())  # three rationales a question
    return recipes.with_bases(smoke, mentor=mentors[request.param], student=bases[request.param])


def with_method(recipe, method):
    return replace(
        recipe,
        mentor=replace(recipe.mentor, method=method),
        student=replace(recipe.student, method="full" if method == "full" else "lora"),
        # a mentor that knows nothing writes nothing right: keep it, so that later stages have work
        mentor_filter=replace(recipe.mentor_filter, correct_only=False),
    )


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_every_default_arm_goes_through_every_stage(recipe, method):
    report = stages.read_report(stages.report(with_method(recipe, method)))
    assert [arm["name"] for arm in report["arms"]] == list(arms.DEFAULT)
    for arm in report["arms"]:
        assert arm["n"] == 8
        assert arm["interval"][0] <= arm["accuracy"] <= arm["interval"][1]
    names = {stage["name"] for stage in report["stages"]}
    assert names == {
        "questions", "teacher", "teacher-set", "mentor", "augmentation",
        "mentor-set", "soft-labels", "student", "scores",
    }  # fmt: skip
    written = sum(sum(counts.values()) for counts in report["filter"]["by_source"].values())
    assert report["filter"]["kept"] + sum(report["filter"]["dropped"].values()) == written
    assert written == 12 * 3 + 12 * 2  # the teacher's three and the mentor's two a question
    assert report["settings"]["mentor"]["method"] == method
    assert "torch" in report["versions"]
    assert all(stage["seconds"] >= 0 and stage["peak_gib"] > 0 for stage in report["stages"])


def test_asked_again_nothing_is_computed(recipe, runs):
    recipe = with_method(recipe, "full")
    stages.report(recipe)
    made = {path: path.stat().st_mtime_ns for path in runs.rglob("done.json")}
    stages.report(recipe)
    assert made == {path: path.stat().st_mtime_ns for path in runs.rglob("done.json")}


def test_a_new_lambda_trains_a_student_and_asks_no_mentor_again(recipe, runs):
    recipe = with_method(recipe, "full")
    stages.scores(recipe, "mentor_kd")
    before = {path.name for path in runs.iterdir()}
    other = replace(recipe, student=replace(recipe.student, kd_weight=0.7, kd_temperature=4.0))
    stages.scores(other, "mentor_kd")
    new = {path.name.rpartition("-")[0] for path in runs.iterdir() if path.name not in before}
    assert new == {"student", "scores"}


def test_lambda_zero_needs_no_soft_labels_and_equals_the_arm_without_them(recipe, runs):
    recipe = with_method(recipe, "full")
    zero = replace(recipe, student=replace(recipe.student, kd_weight=0.0))
    assert (
        stages.student(zero, "mentor_kd").key
        == stages.student(recipe, "mentor_kd_no_soft_labels").key
    )
    assert not list(runs.glob("soft-labels-*"))


def with_student(recipe, **changes):
    return replace(recipe, student=replace(recipe.student, **changes))


@pytest.mark.parametrize(
    ("arm", "divergence"),
    [("mentor_kd_reverse_kl", "reverse"), ("mentor_kd_jensen_shannon", "jensen-shannon")],
)
def test_an_arm_with_a_divergence_is_mentor_kd_with_that_setting(recipe, runs, arm, divergence):
    recipe = with_method(recipe, "full")
    student = stages.student(recipe, arm)
    assert student.key == stages.student(with_student(recipe, divergence=divergence)).key
    assert student.key != stages.student(recipe).key
    # whatever the recipe's own is, and with the soft labels that are there
    other = with_student(recipe, divergence="jensen-shannon" if "reverse" in arm else "reverse")
    assert stages.student(other, arm).key == student.key
    assert len(list(runs.glob("soft-labels-*"))) == 1


def test_a_divergence_changes_no_arm_that_has_none_in_its_loss(recipe):
    recipe = with_method(recipe, "full")
    for arm in ("fine_tune_cot", "mentor_kd_no_soft_labels"):
        other = with_student(recipe, divergence="reverse")
        assert stages.student(other, arm).key == stages.student(recipe, arm).key
    zero = with_student(recipe, kd_weight=0.0)
    key = stages.student(zero, "mentor_kd").key
    assert stages.student(zero, "mentor_kd_reverse_kl").key == key


def test_a_vote_asks_a_model_that_is_there_again(recipe, runs):
    recipe = with_method(recipe, "full")
    for arm in ("mentor_kd", "mentor"):
        stages.scores(recipe, arm)
    before = {path.name for path in runs.iterdir()}
    voted = [stages.scores(recipe, arm) for arm in ("mentor_kd_vote", "mentor_vote")]
    new = [path.name.rpartition("-")[0] for path in runs.iterdir() if path.name not in before]
    assert new == ["scores", "scores"]
    for stage in voted:
        shares = [one.share for one in stages.read_answers(stage)]
        assert len(shares) == stage.done["counts"]["n"] == 8
        assert {round(3 * share) for share in shares} <= {1, 2, 3}  # three samples in a smoke run


def test_how_many_vote_changes_what_is_voted_and_no_greedy_score(recipe):
    recipe = with_method(recipe, "full")
    other = replace(recipe, voting=replace(recipe.voting, samples=2, least_share=0.9))
    assert stages.scores(other, "mentor_kd").key == stages.scores(recipe, "mentor_kd").key
    assert stages.scores(other, "mentor_kd_vote").key != stages.scores(recipe, "mentor_kd_vote").key
    stricter = replace(recipe, voting=replace(recipe.voting, least_share=0.9))
    key = stages.scores(recipe, "mentor_kd_vote").key
    assert stages.scores(stricter, "mentor_kd_vote").key == key


def test_equal_steps_takes_as_many_steps_on_fewer_rows(recipe):
    recipe = with_method(recipe, "full")
    recipe = replace(recipe, student=replace(recipe.student, max_steps=None, epochs=1))
    many, equal, few = (
        stages.student(recipe, arm).done["counts"]
        for arm in ("mentor_kd_no_soft_labels", "fine_tune_cot_equal_steps", "fine_tune_cot")
    )
    assert many["rows"] > equal["rows"] == few["rows"]
    assert many["steps"] == equal["steps"] > few["steps"]


def test_fewer_teacher_rationales_are_learnt_when_the_arm_says_so(recipe):
    one, three = (
        stages.student(recipe, arm).done["counts"]["rows"]
        for arm in ("fine_tune_cot_1", "fine_tune_cot")
    )
    assert 0 < one <= 12 < three <= 36


def test_a_process_check_keeps_fewer_and_its_control_as_few(recipe):
    recipe = replace(with_method(recipe, "full"), teacher=TeacherSettings(slip_rate=0.7))
    given = {
        arm: stages.student(recipe, f"fine_tune_cot{arm}").done["inputs"]
        for arm in ("", "_unfiltered", "_checked", "_size_matched")
    }
    read = {arm: kept_of(inputs) for arm, inputs in given.items()}
    by_answer, unfiltered = read[""], read["_unfiltered"]
    assert len(unfiltered) > len(by_answer)  # some slips end in a wrong answer ...
    assert all(one.is_correct for one in by_answer + read["_checked"] + read["_size_matched"])
    assert len(read["_checked"]) == len(read["_size_matched"])
    assert {one.text for one in read["_size_matched"]} <= {one.text for one in by_answer}
    assert {one.text for one in read["_checked"]} <= {one.text for one in by_answer}


def kept_of(inputs):
    """The rationales that a student with these input stages has learnt."""
    (folder,) = (
        folders.runs_folder() / f"{name}-{key}" for name, key in inputs if name.endswith("-set")
    )
    return records.read_rationales(folder / "kept.jsonl")


def test_an_augmentation_that_was_killed_goes_on_and_writes_the_same(recipe, runs):
    recipe = replace(recipe, sampling=replace(recipe.sampling, batch_size=5))
    whole = stages.augmentation(recipe)
    expected = (whole.folder / "written.jsonl").read_text()
    # as it looks after a kill: a question written, of another all but the last sample, no done.json
    rows = [json.loads(line) for line in expected.splitlines()]
    (whole.folder / "done.json").unlink()
    (whole.folder / "written.jsonl").unlink()
    model, tokenizer = stages.load_model(stages.mentor(recipe))
    first = {rows[0]["question_id"], rows[2]["question_id"]}
    part = whole.folder / "written.part-0.jsonl"
    lines = []
    train = stages.read_splits(stages.questions(recipe)).train
    chosen = [question for question in train if question.id in first]
    family = encoding.family_of(model)
    prompts = [encoding.encode_prompt(tokenizer, question.text, family) for question in chosen]
    names = [question.id for question in chosen]
    from dataclasses import asdict

    from mkdkit.models import sampling

    for batch in sampling.write_samples(model, tokenizer, prompts, names, recipe.sampling):
        lines += [json.dumps({"id": names[one.prompt], **asdict(one)}) for one in batch]
    part.write_text("\n".join(lines)[:-9])
    again = stages.augmentation(recipe)
    assert recipe.sampling.degree > 1
    assert (again.folder / "written.jsonl").read_text() == expected


def test_the_students_loss_uses_the_mentors_labels(recipe):
    """The store on disk, read for the student's own rows, gives the loss the loop was given."""
    recipe = with_method(recipe, "full")
    store = stages.load_labels(stages.labels(recipe))
    settings = replace(recipe.student, kd_weight=1.0)
    mentor, tokenizer = stages.load_model(stages.mentor(recipe))
    kept = stages.read_kept(stages.teacher_set(recipe))[:3]
    rows = encoding.encode_completions(
        tokenizer,
        stages.read_splits(stages.questions(recipe)).train,
        kept,
        family=encoding.family_of(mentor),
        template=settings.template,
        max_tokens=settings.max_tokens,
    )
    batch = encoding.collate(rows, fill=encoding.fill_token(tokenizer), model=mentor)
    with torch.no_grad():
        logits, labels = encoding.predict_scored(mentor, batch)
        own = loop.distillation(store, settings)(logits, labels, rows)
    assert own.item() == pytest.approx(0, abs=0.05)  # the mentor agrees with itself
    assert isinstance(store, label_store.Store)


def test_every_arm_has_a_score(runs, bases, mentors):
    recipe = recipes.with_bases(
        recipes.make("smoke"), mentor=mentors["causal"], student=bases["causal"]
    )
    recipe = with_method(recipe, "full")
    report = stages.read_report(stages.report(recipe, arms.ARMS))
    assert [arm["name"] for arm in report["arms"]] == list(arms.ARMS)


def test_an_unknown_arm_names_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean 'mentor_kd'\?"):
        arms.find("mentorkd")


def test_a_run_of_no_arm_names_those_there_are():
    with pytest.raises(ValueError, match="no arm is named; the arms are teacher, mentor, base"):
        arms.require([])


def test_a_split_without_questions_is_not_scored(recipe):
    bare = replace(recipe, questions=replace(recipe.questions, validation=0))
    with pytest.raises(ValueError, match=r"no validation questions to score; set questions.valid"):
        stages.scores(bare, "base", split="validation")


def test_arms_that_train_no_student_say_so(recipe):
    with pytest.raises(ValueError, match="arm 'base' trains no student"):
        stages.student(recipe, "base")


def test_what_could_not_be_carried_to_its_end_is_refused_before_anything_is_spent(
    recipe, runs, monkeypatch
):
    cold = replace(recipe, student=replace(recipe.student, kd_temperature=2.5))
    with pytest.raises(ValueError, match=r"stored for the temperatures .* got 2.5"):
        stages.report(cold, ["mentor_kd"])
    recorded = replace(recipe, augmentation="recorded")
    with pytest.raises(ValueError, match="no recorded rationales of a mentor made from"):
        stages.report(recorded, ["self_mentor"])
    odd = replace(recipe, student=replace(recipe.student, batch_size=1))
    with pytest.raises(ValueError, match=r"student.batch_size must be even, got 1"):
        stages.report(odd, ["mcc_kd"])
    read = replace(recipe, questions=replace(recipe.questions, source="mentor-kd"))
    with pytest.raises(ValueError, match="new questions can be had where they are made by rule"):
        stages.report(read, ["mentor_kd_unlabelled"])
    with pytest.raises(ValueError, match="a recorded teacher cannot be asked"):
        stages.report(read, ["teacher"])
    monkeypatch.setenv("WORLD_SIZE", "2")
    for arm in ("mcc_kd", "mentor_kd_other_labels"):
        with pytest.raises(ValueError, match=f"'{arm}' learns from rows that belong together"):
            stages.report(recipe, [arm])
    assert not list(runs.glob("*"))


def test_students_of_two_sizes_have_one_mentor(runs, bases, mentors):
    smoke = recipes.make("smoke")
    small, large = (
        recipes.with_bases(smoke, mentor=mentors["causal"], student=student)
        for student in (bases["causal"], mentors["causal"])
    )
    assert stages.mentor(small).key == stages.mentor(large).key
    assert stages.labels(small).key == stages.labels(large).key
    for arm in ("teacher", "mentor"):  # whose answers are not the student's
        assert stages.scores(small, arm).key == stages.scores(large, arm).key
    assert stages.scores(small, "base").key != stages.scores(large, "base").key
    other = recipes.with_bases(smoke, mentor=mentors["causal"], student=bases["encoder-decoder"])
    assert stages.teacher_set(other).key != stages.teacher_set(small).key  # it reads otherwise


def test_a_model_that_reads_what_it_writes_is_shown_fewer_examples(runs, bases, mentors):
    shown = {}
    for family, base in bases.items():
        smoke = recipes.with_bases(recipes.make("smoke"), mentor=mentors[family], student=base)
        smoke = replace(smoke, scoring=replace(smoke.scoring, max_new_tokens=200))
        splits = stages.read_splits(stages.questions(smoke))
        model, tokenizer = load_untrained(smoke)
        examples = _examples(splits, stages.teacher_set(smoke), model, tokenizer, smoke)
        shown[family] = len(examples)
    assert shown["causal"] < shown["encoder-decoder"] <= FEW_SHOTS
