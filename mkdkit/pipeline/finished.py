"""What was run with one recipe: one trained model, its scores, and those of its controls.

Read from the stages' folders; nothing is computed.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mkdkit.pipeline import arms, folders, stages
from mkdkit.pipeline.arms import Arm
from mkdkit.pipeline.folders import Stage
from mkdkit.settings import Recipe


@dataclass(frozen=True, slots=True)
class Finished:
    """A model that was trained and scored."""

    recipe: Recipe
    arm: Arm
    trained: Stage  # the `student` or the `mentor` stage
    scores: Mapping[str, Stage]  # arm -> its `scores` stage: the model's own and its controls'
    majority_answer: float  # % right of always giving the test split's likeliest answer

    @property
    def stages(self) -> list[Stage]:
        """All that the model and its scores rest on, each once, the first ones first."""
        return stages.ancestors(self.scores[self.arm.name])

    @property
    def tested(self) -> Stage:
        """The `questions` stage whose test split was asked."""
        return self.stages[0]

    @property
    def trained_on(self) -> Stage:
        """The `questions` stage that was learnt from; an arm may have more of them."""
        return stages.ancestors(self.trained)[0]

    def of(self, name: str) -> Stage | None:
        """The stage of this name that the model rests on; None: there is none."""
        return next((one for one in stages.ancestors(self.trained) if one.name == name), None)

    @property
    def bases(self) -> list[str]:
        """Names of the bases that went in, the model's own first; of a folder its last part."""
        mentor = self.of("mentor")
        found = [one.done["settings"]["base"] for one in (self.trained, mentor) if one]
        return [Path(base).name if is_folder(base) else base for base in dict.fromkeys(found)]


def is_folder(base: str) -> bool:
    """Whether a base's name is that of a folder, which means nothing on another machine."""
    return Path(base).is_dir() or Path(base).is_absolute() or base.startswith(".")


def find(recipe: Recipe, arm: str) -> Finished:
    """Return what was run with a recipe, for one arm.

    Raises:
        NotComputedError: the arm was not trained and scored with these settings and this code.
        ValueError: the arm trains no model.
    """
    method = arms.find(arm)
    with folders.only_load():
        is_mentor = method.role == "mentor"
        trained = stages.mentor(recipe) if is_mentor else stages.student(recipe, arm)
        scores = {arm: stages.scores(recipe, arm)}
        for other in arms.ARMS.keys() - {arm}:
            with contextlib.suppress(ValueError):  # it was not run, or cannot be with this recipe
                scores[other] = stages.scores(recipe, other)
        majority = stages.majority_answer(recipe)
    in_order = {name: scores[name] for name in arms.ARMS if name in scores}
    return Finished(recipe, method, trained, in_order, majority)
