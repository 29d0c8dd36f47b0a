"""Tables of many runs: one row for each task, arm and seed, added as soon as it is measured.

    python -m mkdkit.pipeline.many_seeds tiny_arms
    python -m mkdkit.pipeline.many_seeds tiny_real --data-dir FOLDER

Rows that the table holds already are not measured again, so a run that was stopped goes on; two
processes with different --tasks fill one table. Seeds 1 and up are for these tables alone: settings
were chosen with seeds from 100 on.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from mkdkit.models import tiny
from mkdkit.pipeline import arms, recipes, results, stages
from mkdkit.pipeline.folders import Stage
from mkdkit.settings import Recipe

Cell = tuple[str, str, int]  # task, arm, seed
RecipeOf = Callable[[str, int], Recipe]  # task and seed -> every other setting
TASKS = (
    "last_letter_concatenation",
    "tracking_shuffled_objects",
    "date_understanding",
    "multi_step_arithmetic",
    "coin_flip",
)
PAIR = ("fine_tune_cot_equal_steps", "mentor_kd")
TEST = 500  # questions of the fixed test sets
REAL = ("tracking_shuffled_objects", "last_letter_concatenation")
REAL_ARMS = ("base", "answer_only", "fine_tune_cot", "fine_tune_cot_equal_steps", "mentor_kd")


def arms_plan() -> Iterator[Cell]:
    """The pair on all tasks with eight seeds, all other arms on two tasks with three."""
    for seed in range(1, 9):
        for task in TASKS:
            yield from ((task, arm, seed) for arm in PAIR)
    for seed in range(1, 4):
        for task in TASKS[:2]:
            yield from ((task, arm, seed) for arm in arms.ARMS if arm not in PAIR)


def real_plan() -> Iterator[Cell]:
    """Five seeds of the arms that are compared with the published numbers."""
    for seed in range(1, 6):
        for task in REAL:
            yield from ((task, arm, seed) for arm in (*REAL_ARMS, "mentor"))


def arms_recipe(task: str, seed: int) -> Recipe:
    """The recipe of profile tiny with the larger test set."""
    recipe = recipes.make("tiny", task, seed=seed)
    return replace(recipe, questions=replace(recipe.questions, test=TEST))


def real_recipe(task: str, seed: int, data_dir: str) -> Recipe:
    """The recipe of profile tiny on the published questions and GPT-3.5 rationales."""
    recipe = recipes.make("tiny", task, seed=seed)
    return recipes.with_source(recipe, "mentor-kd", data_dir=data_dir)


def measure(recipe: Recipe, cell: Cell, *, split: str = "test") -> dict[str, Any]:
    """Score one cell on the questions of a split; returns its row of the table.

    `steps` are the optimiser steps of the model that is scored, `seconds` the computing time of
    everything it rests on, the mentor's too.
    """
    task, arm, seed = cell
    scored = stages.scores(recipe, arm, split=split)
    needed = stages.ancestors(scored)
    counts = scored.done["counts"]
    return {
        "task": task,
        "arm": arm,
        "seed": seed,
        **{name: counts[name] for name in ("accuracy", "n", "correct")},
        "steps": _steps(needed),
        "seconds": round(sum(stage.done["seconds"] for stage in needed), 1),
        "key": scored.key,
    }


def _steps(needed: Sequence[Stage]) -> int:
    """Optimiser steps of the last model that was trained; the scored one."""
    trained = [stage for stage in needed if stage.name in ("mentor", "student")]
    return trained[-1].done["counts"]["steps"] if trained else 0


def fill(table: str, plan: Sequence[Cell], recipe_of: RecipeOf, *, folder: Path) -> None:
    """Measure every cell of the plan that the table lacks.

    Raises:
        ValueError: the table was begun with other settings or other bases.
    """
    done: set[Cell] = set()
    if (folder / f"{table}.csv").is_file():
        _require_same(table, folder)
        done = {
            (row["task"], row["arm"], row["seed"])
            for row in results.read_table(table, folder=folder)
        }
    command = f"python -m mkdkit.pipeline.many_seeds {table}"
    results.write_provenance(table, command, identity(), folder=folder)
    bar = tqdm([cell for cell in plan if cell not in done], desc=table, unit="row")
    for cell in bar:
        bar.set_postfix_str(" ".join(map(str, cell)))
        results.append_row(table, measure(recipe_of(cell[0], cell[2]), cell), folder=folder)


def identity() -> dict[str, str]:
    """What a table's rows have in common: digests of the tasks' settings and of the bases."""
    files = {"settings": recipes.TINY_SETTINGS}
    files |= {name: tiny.folder(name) / "model.safetensors" for name in tiny.TINY}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def _require_same(table: str, folder: Path) -> None:
    record = json.loads((folder / f"{table}.json").read_text(encoding="utf-8"))
    ours = identity()
    changed = [name for name, digest in ours.items() if record["settings"].get(name) != digest]
    if changed:
        raise ValueError(
            f"{folder / table}.csv was begun with other {', '.join(changed)}: rows of both cannot "
            "stand in one table; remove it to measure anew"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure a table of many seeds.")
    parser.add_argument("table", choices=("tiny_arms", "tiny_real"))
    parser.add_argument("--data-dir", help="tiny_real: folder of Mentor-KD's data")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS, metavar="TASK")
    parser.add_argument("--folder", type=Path, default=results.RESULTS, help="of the table")
    chosen = parser.parse_args(arguments)
    if chosen.table == "tiny_real" and not chosen.data_dir:
        parser.error("tiny_real needs --data-dir, the folder of Mentor-KD's data")

    def real(task: str, seed: int) -> Recipe:
        return real_recipe(task, seed, chosen.data_dir)

    plans = {"tiny_arms": (arms_plan(), arms_recipe), "tiny_real": (real_plan(), real)}
    plan, recipe_of = plans[chosen.table]
    cells = [cell for cell in plan if cell[0] in chosen.tasks]
    try:
        fill(chosen.table, cells, recipe_of, folder=chosen.folder)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
