"""Tables of many runs: one row for each task, arm and seed, added as soon as it is measured.

    python -m mkdkit.pipeline.many_seeds tiny_arms
    python -m mkdkit.pipeline.many_seeds tiny_real --data-dir FOLDER

Rows that the table holds already are not measured again, so a run that was stopped goes on; two
processes with different --tasks or --seeds fill one table. A row's seconds are those of everything
it rests on, the mentor's too. Seeds from 1 on are for these tables alone: settings were chosen with
seeds from 100 on.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mkdkit.pipeline import grids, recipes, results
from mkdkit.settings import Recipe

Row = tuple[str, str, int]  # task, arm, seed
TASKS = (
    "last_letter_concatenation",
    "tracking_shuffled_objects",
    "date_understanding",
    "multi_step_arithmetic",
    "coin_flip",
)
SEEDLESS = ("base", "base_zero_shot", "base_zero_shot_cot")  # nothing is drawn for them
SEEDS = range(1, 9)
PAIR = ("fine_tune_cot_equal_steps", "mentor_kd")
ALL_ARMS = ("multi_step_arithmetic", "tracking_shuffled_objects")  # tasks of every other arm
OTHERS = (  # named, so that an arm that is added to the kit does not join a table that was begun
    *("teacher", "mentor", "base", "base_zero_shot", "base_zero_shot_cot", "base_few_shot_cot"),
    *("answer_only", "fine_tune_cot", "fine_tune_cot_1", "fine_tune_cot_6"),
    *("fine_tune_cot_6_equal_steps", "mcc_kd"),
    *("mentor_kd_no_rationales", "mentor_kd_no_soft_labels", "self_mentor"),
    "mentor_kd_new_questions",
)
TEST = 500  # questions of the fixed test sets
REAL = ("tracking_shuffled_objects", "last_letter_concatenation")
REAL_ARMS = ("base", "answer_only", "fine_tune_cot", "fine_tune_cot_equal_steps", "mentor_kd")


def arms_plan() -> Iterator[Row]:
    """The pair on all tasks with eight seeds; all other arms on two tasks with three, or one."""
    for seed in SEEDS:
        for task in TASKS:
            yield from ((task, arm, seed) for arm in PAIR)
    for seed in SEEDS[:3]:
        for task in ALL_ARMS:
            yield from ((task, arm, seed) for arm in OTHERS if seed == 1 or arm not in SEEDLESS)


def real_plan() -> Iterator[Row]:
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


def cells_of(plan: Iterable[Row], recipe_of: grids.RecipeOf) -> list[grids.Cell]:
    """Return the cells of a plan."""
    return [
        grids.Cell({"task": task, "arm": arm, "seed": seed}, recipe_of(task, seed))
        for task, arm, seed in plan
    ]


def about(plan: Sequence[Row], recipe_of: grids.RecipeOf) -> dict[str, str]:
    """Return what all rows of a table have in common, whichever tasks are measured now."""
    tasks = dict.fromkeys(task for task, _, _ in plan)
    return grids.identity(recipe_of(task, SEEDS[0]) for task in tasks)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure a table of many seeds.")
    parser.add_argument("table", choices=("tiny_arms", "tiny_real"))
    parser.add_argument("--data-dir", help="tiny_real: folder of Mentor-KD's data")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS, metavar="TASK")
    parser.add_argument("--seeds", nargs="+", type=int, choices=SEEDS, default=SEEDS, metavar="N")
    parser.add_argument("--folder", type=Path, default=results.RESULTS, help="of the table")
    chosen = parser.parse_args(arguments)
    if chosen.table == "tiny_real" and not chosen.data_dir:
        parser.error("tiny_real needs --data-dir, the folder of Mentor-KD's data")

    def real(task: str, seed: int) -> Recipe:
        return real_recipe(task, seed, chosen.data_dir)

    plans = {"tiny_arms": (arms_plan(), arms_recipe), "tiny_real": (real_plan(), real)}
    rows, recipe_of = plans[chosen.table]
    plan = list(rows)
    asked = [(task, arm, n) for task, arm, n in plan if task in chosen.tasks and n in chosen.seeds]
    try:
        failed = grids.fill(
            chosen.table,
            cells_of(asked, recipe_of),
            about=about(plan, recipe_of),
            command=f"python -m mkdkit.pipeline.many_seeds {chosen.table}",
            folder=chosen.folder,
        )
    except ValueError as error:
        parser.error(str(error))
    if failed:
        raise SystemExit(f"{len(failed)} rows failed; run it again to try them")


if __name__ == "__main__":
    main()
