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
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from mkdkit.models import tiny
from mkdkit.pipeline import arms, recipes, results, stages
from mkdkit.pipeline.folders import Stage
from mkdkit.settings import Recipe

log = logging.getLogger("mkdkit")
Cell = tuple[str, str, int]  # task, arm, seed
RecipeOf = Callable[[str, int], Recipe]  # task and seed -> every other setting
TASKS = (
    "last_letter_concatenation",
    "tracking_shuffled_objects",
    "date_understanding",
    "multi_step_arithmetic",
    "coin_flip",
)
SEEDLESS = ("base", "base_zero_shot", "base_zero_shot_cot")  # nothing is drawn for them
PAIR = ("fine_tune_cot_equal_steps", "mentor_kd")
FIRST_SEED = 1
TEST = 500  # questions of the fixed test sets
REAL = ("tracking_shuffled_objects", "last_letter_concatenation")
REAL_ARMS = ("base", "answer_only", "fine_tune_cot", "fine_tune_cot_equal_steps", "mentor_kd")


def arms_plan() -> Iterator[Cell]:
    """The pair on all tasks with eight seeds; all other arms on two tasks with three, or one."""
    for seed in range(1, 9):
        for task in TASKS:
            yield from ((task, arm, seed) for arm in PAIR)
    for seed in range(1, 4):
        for task in TASKS[:2]:
            others = (arm for arm in arms.ARMS if arm not in PAIR)
            yield from ((task, arm, seed) for arm in others if seed == 1 or arm not in SEEDLESS)


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


def fill(table: str, plan: Sequence[Cell], recipe_of: RecipeOf, *, folder: Path) -> list[Cell]:
    """Measure every cell of the plan that the table lacks; returns those that failed.

    Raises:
        ValueError: the table was begun with other settings or other bases.
    """
    done = _begun(table, recipe_of, plan, folder)
    failed = []
    bar = tqdm([cell for cell in plan if cell not in done], desc=table, unit="row")
    for cell in bar:
        task, arm, seed = cell
        bar.set_postfix_str(f"{task} {arm} {seed}")
        try:
            row = measure(recipe_of(task, seed), cell)
        except Exception as error:  # whatever it was, it must not cost the other rows
            log.warning("%s, %s, seed %d failed: %s", task, arm, seed, error)
            failed.append(cell)
        else:
            results.append_row(table, row, folder=folder)
    return failed


def _begun(table: str, recipe_of: RecipeOf, plan: Sequence[Cell], folder: Path) -> set[Cell]:
    """The cells that the table holds; a table that is begun gets its record of how."""
    record = folder / f"{table}.json"
    ours = identity(recipe_of, {task for task, _, _ in plan})
    if not (folder / f"{table}.csv").is_file():
        command = f"python -m mkdkit.pipeline.many_seeds {table}"
        results.write_provenance(table, command, ours, folder=folder)
        return set()
    begun = json.loads(record.read_text(encoding="utf-8"))["settings"]
    changed = [name for name in ours if name in begun and begun[name] != ours[name]]
    if changed:
        raise ValueError(
            f"{folder / table}.csv was begun with other {', '.join(changed)}: rows of both cannot "
            "stand in one table; remove it to measure anew"
        )
    rows = results.read_table(table, folder=folder)
    return {(row["task"], row["arm"], row["seed"]) for row in rows}


def identity(recipe_of: RecipeOf, tasks: Iterable[str]) -> dict[str, str]:
    """Digests of what a table's rows have in common: each task's settings, and the bases.

    Package code is not among them: a row's own `key` tells which code made it.
    """
    found = {}
    for task in sorted(tasks):
        settings = asdict(recipe_of(task, FIRST_SEED))
        settings["questions"].pop("data_dir")  # the same data may lie elsewhere
        text = json.dumps(settings, sort_keys=True)
        found[f"settings of {task}"] = hashlib.sha256(text.encode()).hexdigest()
    return found | digests_of_bases()


def digests_of_bases() -> dict[str, str]:
    """Base -> digest of its weights."""
    weights = {name: tiny.folder(name) / "model.safetensors" for name in tiny.TINY}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in weights.items()}


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
        failed = fill(chosen.table, cells, recipe_of, folder=chosen.folder)
    except ValueError as error:
        parser.error(str(error))
    if failed:
        raise SystemExit(f"{len(failed)} of {len(cells)} rows failed; run it again to try them")


if __name__ == "__main__":
    main()
