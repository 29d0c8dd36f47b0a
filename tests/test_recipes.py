"""Recipes against the papers' stated settings, and settings that refuse impossible values."""

import importlib.util
import json
from dataclasses import asdict, replace

import pytest

from mkdkit.pipeline import paper_recipes, recipes
from mkdkit.settings import (
    QuestionSettings,
    Recipe,
    SamplingSettings,
    StudentSettings,
    VotingSettings,
)


def test_mentor_kds_small_students_are_trained_as_published():
    recipe = paper_recipes.mentor_kd("tracking_shuffled_objects")
    assert recipe.student_base == "google/flan-t5-small"
    assert recipe.mentor_base == "google/flan-t5-large"
    student = recipe.student
    assert (student.kd_weight, student.kd_temperature, student.tau_squared) == (0.3, 2.0, False)
    assert (student.learning_rate, student.batch_size, student.epochs) == (2e-4, 8, 20)
    assert (recipe.mentor.learning_rate, recipe.mentor.epochs) == (1e-4, 10)
    assert recipe.teacher.rationales_per_question == recipe.sampling.degree == 3
    assert (student.method, student.template, student.max_tokens) == ("full", "arrow", 512)


@pytest.mark.parametrize(
    ("student", "task", "rate"),
    [
        ("google/flan-t5-small", "last_letter_concatenation", 2e-4),
        ("google/flan-t5-small", "svamp", 1e-4),
        ("google-t5/t5-small", "svamp", 3e-4),
        ("google-t5/t5-base", "date_understanding", 2e-4),
        ("google-t5/t5-base", "last_letter_concatenation", 1e-4),
    ],
)
def test_mentors_learn_at_the_published_rate_of_family_and_task(student, task, rate):
    assert paper_recipes.mentor_kd(task, student).mentor.learning_rate == rate


def test_the_xl_student_has_an_xxl_mentor_lora_and_the_long_template():
    recipe = paper_recipes.mentor_kd("gsm8k", "google/flan-t5-xl")
    assert recipe.mentor_base == "google/flan-t5-xxl"
    assert (recipe.student.method, recipe.student.lora_rank, recipe.mentor.lora_rank) == (
        "lora",
        64,
        128,
    )
    assert recipe.student.template == recipe.mentor.template == "therefore"
    assert recipe.student.epochs == recipe.mentor.epochs == 18


def test_recorded_rationales_have_a_regime_of_their_own_in_profile_tiny():
    """What was found for a scripted teacher, such as one rationale a question, is not theirs."""
    found = json.loads(recipes.TINY_SETTINGS.read_text(encoding="utf-8"))
    own, recorded = found[recipes.DEFAULT_TASK], found["recorded"]
    for group, settings in own.items():  # nothing of the task's is left over
        assert set(settings) - {"slip_rate"} <= set(recorded[group])
    recipe = recipes.with_source(recipes.tiny(), "jsonl", data_dir="x")
    for group, settings in recorded.items():
        assert {name: getattr(getattr(recipe, group), name) for name in settings} == settings


def test_what_was_found_for_a_task_of_a_published_source_is_for_that_task_and_profile_alone():
    """Copies among it: they come with the source, which is set in the same step."""
    name = "mentor-kd tracking_shuffled_objects"
    own = json.loads(recipes.TINY_SETTINGS.read_text(encoding="utf-8"))[name]
    source, task = name.split()
    recipe = recipes.with_source(recipes.make("tiny", task), source, data_dir="x")
    assert (recipe.questions.source, recipe.questions.data_dir) == (source, "x")
    assert recipe.questions.renamed_copies == own["questions"]["renamed_copies"] > 0
    for group, settings in own.items():
        assert {name: getattr(getattr(recipe, group), name) for name in settings} == settings
    for other in (
        recipes.with_source(recipes.make("tiny", task), "jsonl", data_dir="x"),
        recipes.with_source(recipes.make("tiny", task), "rule-made"),
        recipes.with_source(recipes.make("tiny", "last_letter_concatenation"), source),
        recipes.with_source(recipes.make("smoke", task), source),
        recipes.with_source(paper_recipes.mentor_kd(task), source),
    ):
        assert (other.questions.renamed_copies, other.student.answer_weight) == (0, 1.0)


def test_fine_tune_cot_is_trained_as_published():
    student = paper_recipes.fine_tune_cot("multiarith").student
    assert (student.learning_rate, student.batch_size, student.epochs) == (3e-4, 8, 20)
    assert student.kd_weight == 0.0


def test_a_seed_changes_everything_drawn_and_no_test_question():
    one, other = recipes.make("tiny", seed=1), recipes.make("tiny", seed=2)
    assert (one.questions.seed, one.teacher.seed, one.mentor.seed) == (1, 1, 1)
    assert (one.sampling.seed, one.student.seed, one.seed) == (1, 1, 1)
    assert recipes.with_seed(other, 1) == one


def test_a_recorded_source_uses_all_its_questions_and_longer_rows():
    recipe = recipes.with_source(recipes.make("tiny", "svamp"), "mentor-kd", data_dir="x")
    assert (recipe.questions.train, recipe.questions.test) == (None, None)
    assert recipe.student.max_tokens == recipe.teacher_filter.max_tokens == 704
    assert recipe.scoring.max_new_tokens == 448
    large = recipes.with_source(recipes.gpu("svamp"), "mentor-kd", data_dir="x")
    assert large.scoring.max_new_tokens == 512  # never less than the profile's own
    smoke = recipes.with_source(recipes.make("smoke", "svamp"), "mentor-kd", data_dir="x")
    assert smoke.questions.train == 12


def test_without_bitsandbytes_qlora_becomes_lora_aloud(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name)
    )
    assert recipes.methods() == ["full", "lora"]
    recipe = Recipe()
    recipe = replace(recipe, mentor=replace(recipe.mentor, method="qlora"))
    with pytest.warns(UserWarning, match="trained by LoRA on a base that is not held in 4 bits"):
        changed = recipes._without_four_bits(recipe)
    assert changed.mentor == replace(recipe.mentor, method="lora")


def test_unknown_profiles_tasks_and_students_are_refused():
    with pytest.raises(ValueError, match="profile must be one of tiny, gpu, smoke, got 'huge'"):
        recipes.make("huge")
    with pytest.raises(ValueError, match="task 'svmp' is unknown"):
        recipes.make("tiny", "svmp")
    with pytest.raises(ValueError, match="student must be one of"):
        paper_recipes.mentor_kd("svamp", "gpt2")


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (StudentSettings, "kd_weight", 3),
        (StudentSettings, "kd_temperature", 0),
        (StudentSettings, "learning_rate", -1e-4),
        (StudentSettings, "method", "dora"),
        (StudentSettings, "divergence", "js"),
        (VotingSettings, "samples", 0),
        (VotingSettings, "sampling_temperature", 0.0),
        (VotingSettings, "least_share", 1.5),
        (SamplingSettings, "sampling_temperature", 0.0),
        (SamplingSettings, "top_p", 1.5),
        (QuestionSettings, "objects", 4),
        (QuestionSettings, "train", 0),
        (QuestionSettings, "source", "internet"),
    ],
)
def test_settings_out_of_range_say_the_rule_and_the_value(settings, name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got {value!r}"):
        settings(**{name: value})


def test_a_settings_file_changes_what_it_names_and_refuses_what_there_is_not(tmp_path):
    recipe, path = recipes.make("tiny", seed=2), tmp_path / "settings.json"
    path.write_text('{"student": {"kd_weight": 0.5}, "mentor_base": "here"}')
    changed = recipes.with_settings(recipe, path)
    assert changed == replace(
        recipe, mentor_base="here", student=replace(recipe.student, kd_weight=0.5)
    )
    for text, message in (
        ('{"student": {"kd_wieght": 0.5}}', "kd_wieght"),
        ('{"student": {"kd_weight": 5}}', "kd_weight must be between 0 and 1, got 5"),
        ('{"student": {"kd_weight": "a lot"}}', "settings.json: "),
        ('{"student": 5}', "student must be a group of settings, got 5"),
        ('{"student_base": {}}', "student_base must be one value"),
        ("[1]", "settings are an object, got a list"),
        ("{", "line 1: not JSON"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            recipes.with_settings(recipe, path)


def test_every_profile_is_made_of_settings_that_differ_only_where_they_should():
    tiny, smoke = asdict(recipes.tiny()), asdict(recipes.smoke())
    assert tiny["student"]["learning_rate"] == smoke["student"]["learning_rate"]
    assert tiny["student"]["kd_weight"] == smoke["student"]["kd_weight"]
    assert smoke["questions"]["train"] < tiny["questions"]["train"]
