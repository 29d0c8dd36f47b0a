"""Tables of many runs: one row for each task, arm and seed, added as soon as it is measured.

    python -m mkdkit.pipeline.many_seeds tiny_arms
    python -m mkdkit.pipeline.many_seeds tiny_real --data-dir FOLDER

Rows that the table holds already are not measured again, so a run that was stopped goes on; two
processes with different --tasks fill one table. A row's seconds are those of everything it rests
on, the mentor's too. Seeds from 1 on are for these tables alone: settings were chosen with seeds
from 100 on.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tqdm.auto import tqdm

from mkdkit.models import tiny
from mkdkit.pipeline import ablations, arms, keys, recipes, results
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
MEASURED = ("accuracy", "n", "correct", "steps", "seconds", "key")
SEEDS = range(1, 9)
PAIR = ("fine_tune_cot_equal_steps", "mentor_kd")
ALL_ARMS = ("multi_step_arithmetic", "tracking_shuffled_objects")  # tasks of every other arm
TEST = 500  # questions of the fixed test sets
REAL = ("tracking_shuffled_objects", "last_letter_concatenation")
REAL_ARMS = ("base", "answer_only", "fine_tune_cot", "fine_tune_cot_equal_steps", "mentor_kd")


def arms_plan() -> Iterator[Cell]:
    """The pair on all tasks with eight seeds; all other arms on two tasks with three, or one."""
    for seed in SEEDS:
        for task in TASKS:
            yield from ((task, arm, seed) for arm in PAIR)
    for seed in SEEDS[:3]:
        for task in ALL_ARMS:
            others = (arm for arm in arms.ARMS if arm not in PAIR)
            yield from ((task, arm, seed) for arm in others if seed == 1 or arm not in SEEDLESS)


def real_plan() -> Iterator[Cell]:
    """Five seeds of the arms that are compared with the published numbers."""
    for seed in SEEDS[:5]:
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


def fill(
    table: str,
    plan: Sequence[Cell],
    recipe_of: RecipeOf,
    *,
    folder: Path,
    tasks: Collection[str] = TASKS,
) -> list[Cell]:
    """Measure the cells of the plan that the table lacks; returns those that failed.

    Args:
        table: its name.
        plan: all cells the table is to hold.
        recipe_of: every other setting.
        folder: where the table lies.
        tasks: only cells of these are measured now.

    Raises:
        ValueError: the table was begun with other settings or other bases.
    """
    done = _begun(table, identity(plan, recipe_of), folder)
    failed = []
    todo = [cell for cell in plan if cell[0] in tasks and cell not in done]
    bar = tqdm(todo, desc=table, unit="row")
    for cell in bar:
        task, arm, seed = cell
        bar.set_postfix_str(f"{task} {arm} {seed}")
        try:
            found = ablations.measure(recipe_of(task, seed), arm)
        except Exception as error:  # whatever it was, it must not cost the other rows
            log.warning("%s, %s, seed %d failed: %s", task, arm, seed, error)
            failed.append(cell)
        else:
            row = {"task": task, "arm": arm, "seed": seed}
            results.append_row(table, row | {c: found[c] for c in MEASURED}, folder=folder)
    return failed


def _begun(table: str, ours: Mapping[str, str], folder: Path) -> set[Cell]:
    """The cells that the table holds; a table that is begun gets its record of how."""
    if not (folder / f"{table}.csv").is_file():
        command = f"python -m mkdkit.pipeline.many_seeds {table}"
        results.write_provenance(table, command, ours, folder=folder)
        return set()
    begun = json.loads((folder / f"{table}.json").read_text(encoding="utf-8"))["settings"]
    changed = [name for name in ours if begun.get(name) != ours[name]]
    if changed:
        raise ValueError(
            f"{folder / table}.csv was begun with other {', '.join(changed)}: rows of both cannot "
            "stand in one table; remove it to measure anew"
        )
    rows = results.read_table(table, folder=folder)
    return {(row["task"], row["arm"], row["seed"]) for row in rows}


def identity(plan: Sequence[Cell], recipe_of: RecipeOf) -> dict[str, str]:
    """Digests of what a table's rows have in common: each task's settings, and their bases.

    Package code is not among them: a row's own `key` tells which code made it.
    """
    found, bases = {}, set()
    for task in dict.fromkeys(task for task, _, _ in plan):
        recipe = recipe_of(task, SEEDS[0])
        bases |= {recipe.mentor_base, recipe.student_base}
        settings = asdict(recipe)
        settings["questions"].pop("data_dir")  # the same data may lie elsewhere
        text = json.dumps(settings, sort_keys=True)
        found[f"settings of {task}"] = hashlib.sha256(text.encode()).hexdigest()
    return found | digests_of_bases(sorted(bases))


def digests_of_bases(names: Iterable[str] = tuple(tiny.TINY)) -> dict[str, str]:
    """Shipped base -> digest of its weights; other bases are not followed."""
    shipped = filter(tiny.is_tiny, names)
    return {name: keys.file_digest(tiny.folder(name) / "model.safetensors") for name in shipped}


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
    folder, tasks = chosen.folder, chosen.tasks
    try:
        failed = fill(chosen.table, list(plan), recipe_of, folder=folder, tasks=tasks)
    except ValueError as error:
        parser.error(str(error))
    if failed:
        raise SystemExit(f"{len(failed)} rows failed; run it again to try them")


if __name__ == "__main__":
    main()
