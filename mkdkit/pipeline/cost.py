"""What an arm's student cost: the work of every part that it rests on, counted in operations.

Each part is rehearsed on a row of the mean length (`training.rehearsal`) and taken as many times
as it was. Not counted: the pre-training of the bases, the teacher, and the scoring on test.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import fmean
from typing import Any

import torch

from mkdkit.pipeline import planning, stages
from mkdkit.pipeline.stages.lessons import lesson_of
from mkdkit.pipeline.stages.students import given_to
from mkdkit.settings import Recipe

# the planner's name of a part -> the stage that it is in, and how many steps that stage took by
# its counts; None: as many as were planned
Taken = Callable[[Mapping[str, Any], Recipe], int] | None
PARTS: dict[str, tuple[str, Taken]] = {
    "mentor: training": ("mentor", lambda counts, _: counts["steps"]),
    "mentor: validation": ("mentor", None),
    "mentor: writing": (
        "augmentation",
        lambda counts, recipe: math.ceil(counts["questions"] / _prompts_at_once(recipe)),
    ),
    "mentor: soft labels": (
        "soft-labels",
        lambda counts, recipe: math.ceil(counts["rows"] / recipe.soft_labels.batch_size),
    ),
    "student: training": ("student", lambda counts, _: counts["steps"]),
    "student: validation": ("student", None),
}


def _prompts_at_once(recipe: Recipe) -> int:
    """Return for how many prompts a step of the mentor's writing is planned."""
    size = recipe.sampling.batch_size
    return min(size, recipe.questions.train or size)


def work_of(recipe: Recipe, arm: str) -> dict[str, float]:
    """Return the floating-point operations of each part that an arm's student rests on.

    Those of matrix products and attention, as the planner counts them, on rows of the mean length.

    Raises:
        ValueError: the arm trains no student.
    """
    given = given_to(recipe, arm)
    student = stages.student(recipe, arm)
    counts: dict[str, list[Mapping[str, Any]]] = {}  # an arm may let its mentor write twice
    for one in stages.ancestors(student):
        counts.setdefault(one.name, []).append(one.done["counts"])
    rows = lesson_of(given.recipe, given.method, given.asked, given.sets, given.store).rows
    prompt, completion = (
        round(fmean(len(part) for part in parts))
        for parts in ([row.prompt for row in rows], [row.label for row in rows])
    )
    usual = given.recipe
    planned = replace(
        usual,
        mentor_base=usual.student_base if given.method.self_mentor else usual.mentor_base,
        sampling=replace(usual.sampling, max_new_tokens=completion),
        scoring=replace(usual.scoring, max_new_tokens=completion),
    )
    found = {}
    cpu = torch.device("cpu")
    for part in planning.plan(planned, cpu, prompt=prompt, completion=completion):
        stage, taken = PARTS.get(part.name, ("", None))
        if stage in counts:
            steps = part.steps if taken is None else sum(taken(c, planned) for c in counts[stage])
            found[part.name] = float((steps or 0) * part.run.flop)
    return found


def seconds_of(recipe: Recipe, arm: str) -> float:
    """Return the computing time of all stages that an arm's student rests on, in seconds."""
    needed = stages.ancestors(stages.student(recipe, arm))
    return sum(stage.done["seconds"] for stage in needed)
