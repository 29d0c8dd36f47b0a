"""Tables of what one accuracy does not tell: several rows for every arm and seed.

    python -m mkdkit.pipeline.student_tables tiny_epochs tiny_steps --seeds 1 2 3

`tiny_epochs` has accuracy after every epoch; `tiny_steps`, on questions of other numbers of steps;
`tiny_confidences`, how sure a model is and how often it is right then; `tiny_agreement`, how alike
a student and its mentor answer; `tiny_cost`, what training it took. All on the default task. A
student that a table holds already is not measured again, so a run that was stopped goes on.
"""

import argparse
import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mkdkit.evaluation import agreement, calibration
from mkdkit.pipeline import arms, cost, grids, results, stages
from mkdkit.pipeline.many_seeds import SEEDS, arms_recipe
from mkdkit.pipeline.recipes import DEFAULT_TASK
from mkdkit.settings import Recipe
from mkdkit.tasks import catalogue

Rows = list[dict[str, Any]]
USUAL_SEEDS = (1, 2, 3)
STEPS = (2, 3, 4, 5, 6, 8)  # of a question; 4 are learnt
PAIR = ("fine_tune_cot", "mentor_kd")
EQUAL = ("fine_tune_cot_equal_steps", "mentor_kd")


def _epochs(recipe: Recipe, arm: str) -> tuple[Rows, str]:
    stage = stages.by_epoch(recipe, arm)
    return stages.read_epochs(stage), stage.key


def _steps(recipe: Recipe, arm: str) -> tuple[Rows, str]:
    stage = stages.by_steps(recipe, arm, STEPS)
    return stages.read_by_steps(stage), stage.key


def _confidences(recipe: Recipe, arm: str) -> tuple[Rows, str]:
    """A row for each bin; the error of all of them, and what chance makes of it, in each."""
    stage = stages.confidences(recipe, arm)
    values, outcomes = stages.read_confidences(stage)
    mean, highest = calibration.error_by_chance(values, attempts=stages.ATTEMPTS)
    whole = {
        "error": round(calibration.calibration_error(values, outcomes), 3),
        "error by chance": round(mean, 3),
        "error by chance, at most": round(highest, 3),
    }
    bins = calibration.bin_confidences(values, outcomes)
    return [asdict(one) | whole for one in bins], stage.key


def _agreement(recipe: Recipe, arm: str) -> tuple[Rows, str]:
    scored = stages.scores(recipe, arm)
    student, mentor = (
        [one.prediction for one in stages.read_answers(stage)]
        for stage in (scored, stages.scores(recipe, "mentor"))
    )
    references = [one.answer for one in stages.read_splits(stages.questions(recipe)).test]
    task = catalogue.find(recipe.questions.task)
    found = agreement.compare_predictions(student, mentor, references, task)
    return [asdict(found)], scored.key


def _cost(recipe: Recipe, arm: str) -> tuple[Rows, str]:
    scored = stages.scores(recipe, arm)
    score = scored.done["counts"]
    row = {name: score[name] for name in ("accuracy", "n", "correct")}
    row["teraflop"] = round(sum(cost.work_of(recipe, arm).values()) / 1e12, 3)
    row["seconds"] = round(cost.seconds_of(recipe, arm), 1)
    return [row], scored.key


@dataclass(frozen=True, slots=True)
class Table:
    """What a table has for a student, and whom it is about unless others are named."""

    rows_of: Callable[[Recipe, str], tuple[Rows, str]]  # and the key of the stage they come from
    arms: Sequence[str]


TABLES = {
    "tiny_epochs": Table(_epochs, PAIR),
    "tiny_steps": Table(_steps, (*EQUAL, "mentor")),
    "tiny_confidences": Table(_confidences, (*EQUAL, "mentor")),
    "tiny_agreement": Table(_agreement, (*PAIR, "fine_tune_cot_equal_steps")),
    "tiny_cost": Table(
        _cost,
        (
            *("answer_only", "fine_tune_cot_1", "fine_tune_cot", "fine_tune_cot_6"),
            *(*EQUAL, "mentor_kd_no_rationales", "mentor_kd_no_soft_labels", "self_mentor"),
        ),
    ),
}


def wanted(table: str) -> set[tuple[str, ...]]:
    """Return (task, arm, seed) of all students that a whole table has, as it writes them."""
    return {(DEFAULT_TASK, arm, str(seed)) for seed in USUAL_SEEDS for arm in TABLES[table].arms}


def fill(table: str, names: Sequence[str], seeds: Sequence[int], *, folder: Path) -> None:
    """Add what a table lacks, student by student.

    Args:
        table: one of `TABLES`.
        names: arms of the students; none: the table's own.
        seeds: their seeds.
        folder: where the table lies.

    Raises:
        ValueError: the table was begun with other settings or other bases.
    """
    about = grids.identity([arms_recipe(DEFAULT_TASK, SEEDS[0])])
    command = f"python -m mkdkit.pipeline.student_tables {table}"
    done = {name[:3] for name in grids.begin(table, about, command, folder)}
    for seed, arm in itertools.product(seeds, names or TABLES[table].arms):
        if (DEFAULT_TASK, arm, str(seed)) not in done:
            rows, key = TABLES[table].rows_of(arms_recipe(DEFAULT_TASK, seed), arm)
            named = {"task": DEFAULT_TASK, "arm": arm, "seed": seed}
            found = [named | row | {"key": key} for row in rows]
            results.append_rows(table, found, folder=folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure what one accuracy does not tell.")
    parser.add_argument("tables", nargs="+", choices=TABLES, metavar="TABLE")
    parser.add_argument("--arms", nargs="+", choices=sorted(arms.ARMS), metavar="ARM", default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=USUAL_SEEDS)
    parser.add_argument("--folder", type=Path, default=results.RESULTS, help="of the tables")
    chosen = parser.parse_args(arguments)
    for table in chosen.tables:
        try:
            fill(table, chosen.arms, chosen.seeds, folder=chosen.folder)
        except ValueError as error:
            parser.error(str(error))


if __name__ == "__main__":
    main()
