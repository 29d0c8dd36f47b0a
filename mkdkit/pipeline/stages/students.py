"""The student: trained as its arm says."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from mkdkit.models import encoding, loading
from mkdkit.pipeline import arms
from mkdkit.pipeline.arms import Arm
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages.data import (
    base_files,
    questions,
    read_kept,
    read_splits,
    teacher_set,
    with_new_questions,
)
from mkdkit.pipeline.stages.fine_tuning import encode, fine_tune
from mkdkit.pipeline.stages.labelling import labels, load_labels
from mkdkit.pipeline.stages.mentoring import mentor_set
from mkdkit.pipeline.stages.unlabelled import mentor_sets, read_train
from mkdkit.records import Question
from mkdkit.settings import Recipe, StudentSettings
from mkdkit.tasks import answers
from mkdkit.training import batches, consistency, loop


def require_one_vocabulary(recipe: Recipe, arm: str) -> None:
    """Refuse bases that cannot share soft labels, before hours go into the mentor.

    Raises:
        ValueError: the arm learns from soft labels, and a token of one base is another's other.
    """
    bases = {recipe.mentor_base, recipe.student_base}
    method = arms.find(arm)
    if (
        method.soft_labels
        and not method.self_mentor
        and recipe.student.kd_weight
        and len(bases) > 1
    ):
        mentors, own = map(loading.load_tokenizer, (recipe.mentor_base, recipe.student_base))
        encoding.require_shared_vocabulary(mentors, own)


def student(recipe: Recipe, arm: str = "mentor_kd", *, fresh: bool = False) -> Stage:
    """Return the stage with a student, trained as the arm says."""
    method = arms.find(arm)
    require_one_vocabulary(recipe, arm)
    if method.completions is None or method.role != "student":
        raise ValueError(f"arm {arm!r} trains no student; it is {method.what}")
    recipe = _for_arm(recipe, method)
    sets, store = _sources(recipe, method)
    is_wide = method.new_questions == "labelled"
    asked = questions(with_new_questions(recipe) if is_wide else recipe)
    return compute_or_load(
        "student",
        _student,
        recipe,
        method,
        asked,
        sets,
        store,
        settings={
            "base": recipe.student_base,
            "completions": method.completions,
            "consistent": method.consistent,
            **asdict(recipe.student),
            "scoring": asdict(recipe.scoring),
        },
        inputs=[asked, *sets, *([store] if store else [])],
        files=base_files(recipe.student_base),
        fresh=fresh,
    )


def _for_arm(recipe: Recipe, method: Arm) -> Recipe:
    """Return the recipe with what the arm changes in it."""
    if method.per_question is not None:
        teacher = replace(recipe.teacher, rationales_per_question=method.per_question)
        recipe = replace(recipe, teacher=teacher)
    changes: dict[str, Any] = {} if method.soft_labels else {"kd_weight": 0.0}
    if method.divergence is not None:
        changes["divergence"] = method.divergence
    if not changes.get("kd_weight", recipe.student.kd_weight):
        changes["divergence"] = "forward"  # there is none in the loss
    if not method.consistent:
        changes |= {"consistency_weight": 0.0, "consistency_temperature": 1.0}
    if method.equal_steps:
        rows = len(read_kept(teacher_set(recipe))) + len(read_kept(mentor_set(recipe)))
        changes["max_steps"] = batches.count_steps(rows, recipe.student)
    return replace(recipe, student=replace(recipe.student, **changes))


def _sources(recipe: Recipe, method: Arm) -> tuple[list[Stage], Stage | None]:
    base = recipe.student_base if method.self_mentor else None
    sets = [] if method.completions == "answers" else [teacher_set(recipe)]
    if method.completions == "teacher and mentor":
        sets += mentor_sets(recipe, base=base, new=method.new_questions)
    wanted = method.soft_labels and recipe.student.kd_weight > 0
    return sets, labels(recipe, base=base, new=method.new_questions) if wanted else None


def _student(
    work: Work,
    recipe: Recipe,
    method: Arm,
    asked: Stage,
    sets: Sequence[Stage],
    store: Stage | None,
) -> None:
    base, settings, splits = recipe.student_base, recipe.student, read_splits(asked)
    train = read_train(asked, sets)
    tokenizer = loading.load_tokenizer(base)
    kept = [one for stage in sets for one in read_kept(stage)]
    if method.completions == "answers":
        family = loading.family_of_base(base)
        rows = encoding.encode_answers(
            tokenizer, train, family=family, max_tokens=settings.max_tokens
        )
    else:
        rows = encode(tokenizer, base, settings, train, kept)
    if method.consistent:
        rows = consistency.pair_up(rows, [one.text for one in kept])
        spans = _answer_tokens(tokenizer, base, settings, train)
        loss_of = consistency.consistent_answers(settings, spans)
    else:
        loss_of = loop.distillation(load_labels(store) if store else None, settings)
    together = 2 if method.consistent else 1
    fine_tune(work, recipe, base, settings, rows, loss_of, splits, method.name, together=together)


def _answer_tokens(
    tokenizer: Any, base: str, settings: StudentSettings, train: Sequence[Question]
) -> dict[tuple[int, ...], int]:
    """Return how many tokens mark, answer and end are, for each question's prompt."""
    family = loading.family_of_base(base)
    endings = [answers.completion_text("", one.answer, settings.template) for one in train]
    rows = [
        encoding.encode_row(tokenizer, question.text, ending, family)
        for question, ending in zip(train, endings, strict=True)
    ]
    return {row.prompt: len(row.label) for row in rows}
