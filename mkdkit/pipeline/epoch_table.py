"""A table of accuracy by epoch: a row for every task, arm, seed, epoch and split.

    python -m mkdkit.pipeline.epoch_table --arms fine_tune_cot mentor_kd --seeds 1 2 3

A student that the table holds already is not trained again, so a run that was stopped goes on.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mkdkit.pipeline import arms, grids, results, stages
from mkdkit.pipeline.many_seeds import arms_recipe
from mkdkit.pipeline.recipes import DEFAULT_TASK
from mkdkit.tasks import catalogue

TABLE = "tiny_epochs"


def fill(task: str, names: Sequence[str], seeds: Sequence[int], *, folder: Path) -> None:
    """Add what the table lacks, student by student.

    Args:
        task: of all students.
        names: their arms.
        seeds: their seeds.
        folder: where the table lies.
    """
    path = folder / f"{TABLE}.csv"
    rows = results.read_table(TABLE, folder=folder) if path.is_file() else []
    done = {(row["task"], row["arm"], row["seed"]) for row in rows}
    about = grids.identity([arms_recipe(task, seeds[0])])
    for seed in seeds:
        for arm in names:
            if (task, arm, seed) in done:
                continue
            stage = stages.by_epoch(arms_recipe(task, seed), arm)
            named = {"task": task, "arm": arm, "seed": seed}
            found = [named | row | {"key": stage.key} for row in stages.read_epochs(stage)]
            results.append_rows(TABLE, found, folder=folder)
            command = "python -m mkdkit.pipeline.epoch_table"
            results.write_provenance(TABLE, command, about, folder=folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure accuracy by epoch.")
    parser.add_argument("--task", choices=sorted(catalogue.TASKS), default=DEFAULT_TASK)
    parser.add_argument("--arms", nargs="+", choices=sorted(arms.ARMS), metavar="ARM",
                        default=["fine_tune_cot", "mentor_kd"])  # fmt: skip
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--folder", type=Path, default=results.RESULTS, help="of the table")
    chosen = parser.parse_args(arguments)
    try:
        fill(chosen.task, chosen.arms, chosen.seeds, folder=chosen.folder)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
