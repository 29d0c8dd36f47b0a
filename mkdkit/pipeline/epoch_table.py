"""A table of accuracy by epoch: a row for every arm, seed, epoch and split, on the default task.

    python -m mkdkit.pipeline.epoch_table --arms fine_tune_cot mentor_kd --seeds 1 2 3

A student that the table holds already is not trained again, so a run that was stopped goes on.
"""

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

from mkdkit.pipeline import arms, grids, results, stages
from mkdkit.pipeline.many_seeds import SEEDS, arms_recipe
from mkdkit.pipeline.recipes import DEFAULT_TASK

TABLE = "tiny_epochs"


def fill(names: Sequence[str], seeds: Sequence[int], *, folder: Path) -> None:
    """Add what the table lacks, student by student.

    Args:
        names: arms of the students.
        seeds: their seeds.
        folder: where the table lies.

    Raises:
        ValueError: the table was begun with other settings or other bases.
    """
    about = grids.identity([arms_recipe(DEFAULT_TASK, SEEDS[0])])
    command = "python -m mkdkit.pipeline.epoch_table"
    done = {name[:3] for name in grids.begin(TABLE, about, command, folder)}
    for seed, arm in itertools.product(seeds, names):
        if (DEFAULT_TASK, arm, str(seed)) not in done:
            stage = stages.by_epoch(arms_recipe(DEFAULT_TASK, seed), arm)
            named = {"task": DEFAULT_TASK, "arm": arm, "seed": seed}
            found = [named | row | {"key": stage.key} for row in stages.read_epochs(stage)]
            results.append_rows(TABLE, found, folder=folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure accuracy by epoch.")
    parser.add_argument("--arms", nargs="+", choices=sorted(arms.ARMS), metavar="ARM",
                        default=["fine_tune_cot", "mentor_kd"])  # fmt: skip
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--folder", type=Path, default=results.RESULTS, help="of the table")
    chosen = parser.parse_args(arguments)
    try:
        fill(chosen.arms, chosen.seeds, folder=chosen.folder)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
