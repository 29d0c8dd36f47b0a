r"""Try settings of profile tiny on validation questions, and keep what came of it.

    python -m mkdkit.pipeline.tiny_regime coin_flip fine_tune_cot mentor \
        --set questions.steps=8 --set training.epochs=6 --seed 100

Every trial is a row of data/results/tiny_regime.csv, the ones that failed to help too. What won is
written into data/settings/tiny.json by hand. Test questions have no part in it, and neither have
the seeds of the reported tables: trials have seeds from 100 on.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mkdkit.pipeline import ablations, grids, recipes, results
from mkdkit.settings import Recipe, changed
from mkdkit.tasks import catalogue

TABLE = "tiny_regime"
NEWEST = "bases of the newest trial; older rows may have older ones"
FIRST_SEED = 100
BOTH = "training"  # a group of --set that stands for mentor and student


def change(recipe: Recipe, assignment: str) -> Recipe:
    """Return the recipe with "group.setting=value" in it; the value is JSON or a plain word.

    Raises:
        ValueError: it has another form, or there is no such setting or value.
    """
    name, sign, text = assignment.partition("=")
    if not sign or name.endswith("seed"):
        raise ValueError(f"--set needs NAME=VALUE, such as student.epochs=6; got {assignment!r}")
    try:
        value: Any = json.loads(text)
    except json.JSONDecodeError:
        value = text
    group, dot, setting = name.partition(".")
    groups = ("mentor", "student") if group == BOTH else (group,)
    return changed(recipe, {one: {setting: value} if dot else value for one in groups})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Try settings of profile tiny on validation.")
    parser.add_argument("task", choices=sorted(catalogue.TASKS), metavar="TASK")
    parser.add_argument("arms", nargs="+", metavar="ARM")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--source", default="rule-made")
    parser.add_argument("--data-dir")
    parser.add_argument("--folder", type=Path, default=results.RESULTS, help="of the table")
    chosen = parser.parse_args(arguments)
    if chosen.seed < FIRST_SEED:
        parser.error(f"trials have seeds from {FIRST_SEED} on; lower ones are for reported tables")
    command = "python -m mkdkit.pipeline.tiny_regime TASK ARM ... --set NAME=VALUE"
    try:
        recipe = recipes.make("tiny", chosen.task, seed=chosen.seed)
        recipe = recipes.with_source(recipe, chosen.source, data_dir=chosen.data_dir)
        for assignment in chosen.changes:
            recipe = change(recipe, assignment)
        bases = sorted({recipe.mentor_base, recipe.student_base})
        about = {"seeds from": FIRST_SEED, NEWEST: grids.digests_of_bases(bases)}
        for arm in chosen.arms:
            found = ablations.measure(recipe, arm, split="validation")
            row = {"task": chosen.task, "source": chosen.source, "arm": arm, "seed": chosen.seed}
            row |= {name: found[name] for name in grids.MEASURED}
            row |= {"settings": "; ".join(chosen.changes)}
            results.append_row(TABLE, row, folder=chosen.folder)
            results.write_provenance(TABLE, command, about, folder=chosen.folder)
            print(" ".join(f"{name}={value}" for name, value in row.items()), flush=True)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
