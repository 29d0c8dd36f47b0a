"""Recipes: every setting of a run, for each profile (the papers' own: `paper_recipes`)."""

import importlib.util
import json
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from mkdkit import strict_json
from mkdkit.pipeline import paper_recipes
from mkdkit.settings import (
    Augmentation,
    FilterSettings,
    Method,
    QuestionSettings,
    QuestionSource,
    Recipe,
    SamplingSettings,
    ScoringSettings,
    SoftLabelSettings,
    StudentSettings,
    TeacherSettings,
    TrainingSettings,
    VotingSettings,
    changed,
)
from mkdkit.tasks import catalogue

PROFILES = ("tiny", "gpu", "smoke")
DEFAULT_TASK = "multi_step_arithmetic"  # what the tiny bases show most on, in minutes
# (longest row, most that is written) of recorded texts; tiny bases read them letter by letter
RECORDED_TOKENS = {"tiny": (704, 448)}
# what profile tiny does differently for a task; found on validation, with seeds of its own
TINY_SETTINGS = Path(__file__).parents[2] / "data" / "settings" / "tiny.json"


def default_profile() -> str:
    """Return the profile named by MKDKIT_PROFILE; "tiny" if none is."""
    return os.environ.get("MKDKIT_PROFILE") or "tiny"


def make(
    profile: str, task: str = DEFAULT_TASK, *, seed: int = 0, needs_device: bool = True
) -> Recipe:
    """Return the recipe of a profile for a task.

    Args:
        profile: one of `PROFILES`.
        task: what is asked.
        seed: of everything that is drawn.
        needs_device: refuse profile gpu on a machine without one; a plan is made before that.

    Raises:
        ValueError: the profile or the task is unknown, or "gpu" is asked for without one.
    """
    catalogue.find(task)
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, got {profile!r}")
    if profile == "gpu" and needs_device:
        _require_gpu()
    recipe = {"tiny": tiny, "smoke": smoke, "gpu": gpu}[profile](task)
    return with_seed(_without_four_bits(recipe), seed)


def methods() -> list[Method]:
    """Return the ways of training that this machine has: QLoRA needs bitsandbytes."""
    has_four_bits = importlib.util.find_spec("bitsandbytes") is not None
    return ["full", "lora", "qlora"] if has_four_bits else ["full", "lora"]


def _without_four_bits(recipe: Recipe) -> Recipe:
    """Return the recipe with LoRA for QLoRA where there is no bitsandbytes, and say so."""
    if recipe.mentor.method in methods():
        return recipe
    warnings.warn(
        "bitsandbytes is not installed: the mentor is trained by LoRA on a base that is not held "
        "in 4 bits, which takes more memory",
        stacklevel=3,
    )
    return replace(recipe, mentor=replace(recipe.mentor, method="lora"))


def tiny(task: str = DEFAULT_TASK) -> Recipe:
    """Return the default: shipped tiny bases on two CPU cores, minutes, no network.

    What is different for a task is in `data/settings/tiny.json`. Settings were found on validation
    questions, with seeds of their own; what was tried is in `data/results/tiny_regime.csv`.
    """
    rates: dict[str, Any] = {
        "learning_rate": 1e-3,  # higher ones lose what the bases know
        "schedule": "linear",
        "warmup_share": 0.05,
        "batch_size": 8,
        "epochs": 4,
        "validations": 2,
        "max_tokens": 384,
    }
    limits = FilterSettings(max_tokens=384)
    recipe = Recipe(
        profile="tiny",
        questions=QuestionSettings(task=task),
        teacher_filter=limits,
        mentor_filter=limits,
        mentor=TrainingSettings(**rates),
        sampling=SamplingSettings(max_new_tokens=192, batch_size=64),
        soft_labels=SoftLabelSettings(batch_size=32),
        student=StudentSettings(**rates),
        scoring=ScoringSettings(max_new_tokens=192, batch_size=100),
    )
    return changed(recipe, _found(task))


def _found(name: str) -> dict[str, Any]:
    """Return what profile tiny does differently: for a task, for every "recorded" source, or both.

    Those for every recorded source are a first choice; what was found for one task of one of them,
    such as "mentor-kd tracking_shuffled_objects", comes on top.
    """
    settings: dict[str, Any] = json.loads(TINY_SETTINGS.read_text(encoding="utf-8"))
    return settings.get(name, {})


def smoke(task: str = DEFAULT_TASK) -> Recipe:
    """Return the smallest run that goes through everything: seconds, and no result."""
    recipe = tiny(task)
    brief: dict[str, Any] = {"max_steps": 3, "validations": 1, "batch_size": 8}
    return replace(
        recipe,
        profile="smoke",
        questions=replace(recipe.questions, train=12, validation=4, test=8),
        mentor=replace(recipe.mentor, **brief),
        student=replace(recipe.student, **brief),
        sampling=replace(recipe.sampling, degree=2, max_new_tokens=24),
        soft_labels=SoftLabelSettings(top_k=16, batch_size=8),
        scoring=ScoringSettings(max_new_tokens=24, batch_size=8),
        voting=VotingSettings(samples=3),
    )


def gpu(task: str = "tracking_shuffled_objects") -> Recipe:
    """Return the papers' models on one GPU: Flan-T5 large, by QLoRA, to Flan-T5 small."""
    recipe = paper_recipes.mentor_kd(task)
    mentor = replace(recipe.mentor, method="qlora", learning_rate=2e-4, gradient_checkpointing=True)
    recipe = replace(recipe, profile="gpu", mentor=mentor)
    if not catalogue.find(task).rule_made:
        return recipe
    questions = replace(recipe.questions, source="rule-made", train=500, validation=100, test=500)
    # of the published files: their flags are to be believed, and nobody makes slips in them
    own = replace(recipe.teacher, slip_rate=TeacherSettings().slip_rate, trust_flags=False)
    return replace(recipe, questions=questions, teacher=own)


def with_source(
    recipe: Recipe,
    source: QuestionSource,
    *,
    data_dir: str | Path | None = None,
    augmentation: Augmentation = "own",
) -> Recipe:
    """Return the recipe for a recorded source: all its questions, and rows as long as they come.

    Raises:
        ValueError: recorded augmentation is asked for where no mentor was recorded.
    """
    if augmentation == "recorded" and source not in ("mentor-kd", "jsonl"):
        raise ValueError(
            f"augmentation 'recorded' needs a source with a mentor's rationales (mentor-kd or "
            f"jsonl), got source {source!r}; leave it at 'own', and our mentor writes them"
        )
    folder = None if data_dir is None else str(data_dir)
    if source != "rule-made" and recipe.profile in ("tiny", "smoke"):
        recipe = changed(recipe, _found("recorded"))  # what the scripted teacher needs is another
    if recipe.profile == "tiny":  # what only longer runs can use
        recipe = changed(recipe, _found(f"{source} {recipe.questions.task}"))
    asked = replace(recipe.questions, source=source, data_dir=folder)
    if source == "rule-made":
        return replace(recipe, questions=asked)
    if recipe.profile != "smoke":  # a smoke run stays small
        asked = replace(asked, train=None, test=None)
    longest, written_most = RECORDED_TOKENS.get(recipe.profile, (512, 320))
    whole = {"max_tokens": longest}
    written = {"max_new_tokens": max(written_most, recipe.sampling.max_new_tokens)}
    small = recipe.profile == "smoke"
    return replace(
        recipe,
        questions=asked,
        augmentation=augmentation,
        teacher_filter=replace(recipe.teacher_filter, **whole),
        mentor_filter=replace(recipe.mentor_filter, **whole),
        mentor=replace(recipe.mentor, **whole),
        student=replace(recipe.student, **whole),
        sampling=recipe.sampling if small else replace(recipe.sampling, **written),
        scoring=recipe.scoring if small else replace(recipe.scoring, **written),
    )


def with_bases(recipe: Recipe, *, mentor: str | None = None, student: str | None = None) -> Recipe:
    """Return the recipe with other bases; None leaves one as it is."""
    return replace(
        recipe,
        mentor_base=mentor or recipe.mentor_base,
        student_base=student or recipe.student_base,
    )


def with_settings(recipe: Recipe, path: str | Path) -> Recipe:
    """Return the recipe with the settings of a JSON file in place of its own.

    The file has the form of `settings` in a report.json, and needs to name only what it changes:
    {"student": {"kd_weight": 0.5}}.

    Raises:
        ValueError: the file is not JSON, or names a setting that there is not.
    """
    changes = strict_json.read(path)
    if not isinstance(changes, dict):
        raise ValueError(f"{path}: settings are an object, got a {type(changes).__name__}")
    try:
        return changed(recipe, changes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """Return the recipe with one seed for all that is drawn; test questions never change."""
    return replace(
        recipe,
        seed=seed,
        questions=replace(recipe.questions, seed=seed),
        teacher=replace(recipe.teacher, seed=seed),
        mentor=replace(recipe.mentor, seed=seed),
        sampling=replace(recipe.sampling, seed=seed),
        student=replace(recipe.student, seed=seed),
    )


def _require_gpu() -> None:
    import torch  # here: the other profiles are made without it

    if not torch.cuda.is_available():
        raise ValueError(
            "profile 'gpu' needs a CUDA device and this machine shows none; "
            "use --profile tiny, or see `mkdkit doctor`"
        )
