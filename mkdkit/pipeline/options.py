"""The options that name a recipe on the command line: what `run` runs, and `plan` plans."""

import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from mkdkit.pipeline import recipes
from mkdkit.settings import Augmentation, QuestionSource, Recipe
from mkdkit.tasks import catalogue


@dataclass(frozen=True, kw_only=True)
class RecipeOptions:
    """Which recipe.

    Args:
        profile: tiny (shipped bases, CPU, minutes), gpu (Flan-T5), smoke (seconds, no result);
            by default what MKDKIT_PROFILE says, or tiny.
        task: what is asked; `mkdkit doctor` lists the tasks.
        seed: of everything that is drawn.
        source: rule-made questions with a scripted teacher, or a recorded set; by default what
            the profile has for the task.
        data_dir: the folder of a recorded set, as `mkdkit fetch` or a checkout lays it out.
        augmentation: own: our mentor writes rationales; recorded: the published mentor's.
        mentor_base: another base for the mentor: a folder, or a name on the Hub.
        student_base: another base for the student; it must share the mentor's vocabulary.
        settings: a JSON file with settings in place of the profile's, in the form of report.json's.
    """

    profile: Literal["tiny", "gpu", "smoke"] | None = None
    task: str = recipes.DEFAULT_TASK
    seed: int = 0
    source: QuestionSource | None = None
    data_dir: Path | None = None
    augmentation: Augmentation = "own"
    mentor_base: str | None = None
    student_base: str | None = None
    settings: Path | None = None

    def make(self, *, needs_device: bool = True) -> Recipe:
        """Return the recipe that the options name.

        Args:
            needs_device: refuse profile gpu on a machine without one; a plan is made before that.

        Raises:
            ValueError: there is no such profile, task, source or setting.
        """
        profile = self.profile or recipes.default_profile()
        recipe = recipes.make(profile, self.task, seed=self.seed, needs_device=needs_device)
        source = self.source or recipe.questions.source
        if source == "rule-made" and not catalogue.find(self.task).rule_made:
            raise ValueError(
                f"questions of {self.task} cannot be made by rule; name a --source that has them"
            )
        recipe = recipes.with_source(
            recipe, source, data_dir=self.data_dir, augmentation=self.augmentation
        )
        recipe = recipes.with_bases(recipe, mentor=self.mentor_base, student=self.student_base)
        return recipe if self.settings is None else recipes.with_settings(recipe, self.settings)

    def words(self) -> str:
        """Return the options as they are written on the command line; defaults are left out."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        set_to = {one.name: one.default for one in fields(self)}
        return " ".join(
            f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
            for name, value in given.items()
            if value != set_to[name] or name in ("task", "seed")
        )
