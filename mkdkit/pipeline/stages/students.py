"""The student: trained as its arm says."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mkdkit.models import loading, vocabularies
from mkdkit.pipeline import arms, launched
from mkdkit.pipeline.arms import Arm
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages.base_files import base_files
from mkdkit.pipeline.stages.data import (
    questions,
    read_kept,
    read_splits,
    require_scripted,
    size_matched_set,
    teacher_set,
    with_new_questions,
)
from mkdkit.pipeline.stages.fine_tuning import fine_tune
from mkdkit.pipeline.stages.labelling import labels
from mkdkit.pipeline.stages.lessons import lesson_of
from mkdkit.pipeline.stages.mentoring import mentor_set, require_recorded
from mkdkit.pipeline.stages.unlabelled import mentor_sets
from mkdkit.settings import Recipe
from mkdkit.training import batches, soft_labels


def require_possible(recipe: Recipe, arm: str) -> None:
    """Refuse what could not be carried to its end, before hours go into the mentor.

    Raises:
        ValueError: the arm learns from soft labels, and a token of one base is another's other, or
            none are stored for its temperature; it learns from pairs or whole batches, in several
            processes, or from pairs in odd batches; or it needs rationales nobody recorded, or
            questions nobody can make.
    """
    method = arms.find(arm)
    if method.role == "teacher":
        require_scripted(recipe.questions)
    if method.new_questions:
        with_new_questions(recipe)
    if method.soft_labels and recipe.student.kd_weight:
        soft_labels.require_stored(recipe.student.kd_temperature)
        _require_one_vocabulary(recipe, method)
    if (method.consistent or method.mistake) and launched.processes() > 1:
        raise ValueError(
            f"arm {arm!r} learns from rows that belong together, which several processes cannot "
            "share; run it in one, without a launcher"
        )
    if method.consistent and recipe.student.batch_size % 2:
        raise ValueError(
            f"arm {arm!r} learns from pairs of rows: student.batch_size must be even, got "
            f"{recipe.student.batch_size}"
        )
    if method.self_mentor and recipe.augmentation == "recorded":
        require_recorded(recipe, recipe.student_base)


def _require_one_vocabulary(recipe: Recipe, method: Arm) -> None:
    if not method.self_mentor and recipe.mentor_base != recipe.student_base:
        mentors, own = map(loading.load_tokenizer, (recipe.mentor_base, recipe.student_base))
        vocabularies.require_shared(mentors, own)


@dataclass(frozen=True, slots=True)
class Given:
    """What an arm's student is given."""

    recipe: Recipe  # with what the arm changes in it
    method: Arm
    asked: Stage
    sets: Sequence[Stage]  # of kept rationales
    store: Stage | None  # of soft labels

    def key_settings(self) -> dict[str, Any]:
        """Return the settings that what it learns depends on."""
        mistake = {"mistake": self.method.mistake} if self.method.mistake and self.store else {}
        return {
            "base": self.recipe.student_base,
            "completions": self.method.completions,
            "consistent": self.method.consistent,
            **mistake,
            **asdict(self.recipe.student),
            "scoring": asdict(self.recipe.scoring),
        }

    def inputs(self) -> list[Stage]:
        """Return the stages it rests on."""
        return [self.asked, *self.sets, *([self.store] if self.store else [])]


def given_to(recipe: Recipe, arm: str) -> Given:
    """Return what an arm's student is given; what it rests on is computed if it is not there.

    Raises:
        ValueError: the arm trains no student, or is not possible (`require_possible`).
    """
    method = arms.find(arm)
    require_possible(recipe, arm)
    if method.completions is None or method.role != "student":
        raise ValueError(f"arm {arm!r} trains no student; it is {method.what}")
    recipe = _for_arm(recipe, method)
    sets, store = _sources(recipe, method)
    is_wide = method.new_questions == "labelled"
    asked = questions(with_new_questions(recipe) if is_wide else recipe)
    return Given(recipe, method, asked, sets, store)


def stage_of(
    name: str,
    compute: Callable[[Work, Given], None],
    given: Given,
    fresh: bool,
    *,
    shared: bool = False,
) -> Stage:
    """Return the stage that makes something of what a student is given."""
    return compute_or_load(
        name,
        compute,
        given,
        settings=given.key_settings(),
        inputs=given.inputs(),
        files=base_files(given.recipe.student_base),
        fresh=fresh,
        shared=shared,
    )


def student(recipe: Recipe, arm: str = "mentor_kd", *, fresh: bool = False) -> Stage:
    """Return the stage with a student, trained as the arm says."""
    return stage_of("student", _student, given_to(recipe, arm), fresh, shared=True)


def _student(work: Work, given: Given) -> None:
    recipe = given.recipe
    lesson = lesson_of(recipe, given.method, given.asked, given.sets, given.store)
    fine_tune(
        work,
        recipe,
        recipe.student_base,
        recipe.student,
        lesson.rows,
        lesson.loss_of,
        read_splits(given.asked),
        given.method.name,
        together=lesson.together,
    )


def _for_arm(recipe: Recipe, method: Arm) -> Recipe:
    """Return the recipe with what the arm changes in it."""
    if method.per_question is not None:
        teacher = replace(recipe.teacher, rationales_per_question=method.per_question)
        recipe = replace(recipe, teacher=teacher)
    if method.filtering in ("none", "process"):
        is_checked = method.filtering == "process"
        rules = replace(recipe.teacher_filter, correct_only=is_checked, check_reasoning=is_checked)
        recipe = replace(recipe, teacher_filter=rules)
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
    taught = size_matched_set if method.filtering == "size-matched" else teacher_set
    sets = [] if method.completions == "answers" else [taught(recipe)]
    if method.completions == "teacher and mentor":
        sets += mentor_sets(recipe, base=base, new=method.new_questions)
    if not method.soft_labels or recipe.student.kd_weight == 0:
        return sets, None
    is_padded = method.mistake == "padding learnt"
    return sets, labels(recipe, base=base, new=method.new_questions, is_padded=is_padded)
