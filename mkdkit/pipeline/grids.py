"""Grids: a table of many cells, each an arm under its own settings, filled row by row.

Rows that the table holds already are not measured again, so a grid that was stopped goes on; what
cells have in common is a stage, computed once. A cell that fails costs no other: it is named in the
end, and tried again the next time. Cells are measured here, or by any executor of
`concurrent.futures`; one process alone writes the table.
"""

import csv
import hashlib
import itertools
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mkdkit import progress, strict_json
from mkdkit.models import tiny
from mkdkit.pipeline import ablations, arms, keys, launched, results
from mkdkit.pipeline.recipes import with_seed
from mkdkit.settings import QuestionSettings, Recipe, VotingSettings
from mkdkit.teachers import places

log = logging.getLogger("mkdkit")
RecipeOf = Callable[[str, int], Recipe]  # task and seed -> every other setting
Label = str | int | float | bool
ONE_SEED = 1  # in whose name all seeds of a table have one identity
MEASURED = ("accuracy", "n", "correct", "steps", "seconds", "key")


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of a table: the columns that name it, task, arm and seed among them."""

    labels: Mapping[str, Label]
    recipe: Recipe

    @property
    def name(self) -> tuple[str, ...]:
        """What the table has in these columns, as it is written there."""
        return tuple(map(str, self.labels.values()))

    def __str__(self) -> str:
        """The columns in words."""
        return ", ".join(map(str, self.labels.values()))


def product(
    recipe_of: RecipeOf,
    *,
    tasks: Sequence[str],
    methods: Sequence[str],
    seeds: Iterable[int],
    settings: Mapping[str, Sequence[Label]] | None = None,
) -> list[Cell]:
    """Return a cell for every combination; neighbours differ in seed, as they share least then.

    Args:
        recipe_of: every setting that does not vary.
        tasks: their names.
        methods: names of arms.
        seeds: of everything that is drawn.
        settings: dotted name of a setting -> its values.

    Raises:
        ValueError: there is no such task, arm or setting, or a value is outside its range.
    """
    for arm in methods:
        arms.find(arm)
    names, values = list(settings or {}), (settings or {}).values()
    cells, seeds = [], list(seeds)
    for chosen in itertools.product(*values):
        varied = dict(zip(names, chosen, strict=True))
        for arm, task, seed in itertools.product(methods, tasks, seeds):
            recipe = recipe_of(task, seed)
            for name, value in varied.items():
                (recipe,) = ablations.vary(recipe, name, [value])
            cells.append(Cell({"task": task, "arm": arm, "seed": seed, **varied}, recipe))
    return cells


def fill(
    table: str,
    cells: Sequence[Cell],
    *,
    about: Mapping[str, Any],
    command: str,
    folder: Path = results.RESULTS,
    split: str = "test",
    executor: Executor | None = None,
) -> dict[str, str]:
    """Measure the cells that the table lacks; return those that failed -> why.

    A row's seconds are those of all stages it rests on, however many rows share them.

    Args:
        table: its name.
        cells: all with the same columns.
        about: what all rows have in common; a table that was begun with something else is refused.
        command: that fills it, for the record beside it.
        folder: where the table lies.
        split: the questions: "test" to report, "validation" to choose by.
        executor: measures the cells; None: this process, one after the other. It must see the same
            runs folder.

    Raises:
        ValueError: the table was begun with other settings or other bases.
    """
    first = launched.is_first()  # of several processes: it alone reads and writes the table
    done = launched.agree(begin(table, about, command, folder) if first else set())
    todo = [cell for cell in cells if cell.name not in done]
    failed = {}
    measuring = _measured(todo, split, executor)
    bar = progress.bar(measuring, is_shown=first, desc=table, unit="row", total=len(todo))
    for cell, found in bar:
        bar.set_postfix_str(str(cell))
        if isinstance(found, Exception):
            failed[str(cell)] = f"{type(found).__name__}: {found}"
            log.warning("%s failed: %s", cell, failed[str(cell)])
        elif first:
            row = dict(cell.labels) | {name: found[name] for name in MEASURED}
            results.append_row(table, row, folder=folder)
    return failed


Found = dict[str, Any] | Exception


def _measured(
    cells: Sequence[Cell], split: str, executor: Executor | None
) -> Iterator[tuple[Cell, Found]]:
    """Yield each cell and what was measured, or what went wrong, as soon as it is known."""
    if executor is None:
        for cell in cells:
            yield cell, _try(cell.recipe, str(cell.labels["arm"]), split)
        return
    waiting = {
        executor.submit(_try, cell.recipe, str(cell.labels["arm"]), split): cell for cell in cells
    }
    for future in as_completed(waiting):
        error = future.exception()  # of the executor: a worker that died, say
        if error is not None and not isinstance(error, Exception):
            raise error
        yield waiting[future], error or future.result()


def _try(recipe: Recipe, arm: str, split: str) -> Found:
    try:
        return ablations.measure(recipe, arm, split=split)
    except Exception as error:  # whatever it was, it must not cost the other rows
        return error


def begin(table: str, about: Mapping[str, Any], command: str, folder: Path) -> set[tuple[str, ...]]:
    """Return the cells that the table holds; a table that is begun gets its record of how.

    Raises:
        ValueError: it was begun with other settings or other bases.
    """
    path = folder / f"{table}.csv"
    if not path.is_file():
        results.write_provenance(table, command, about, folder=folder)
        return set()
    begun = strict_json.read(folder / f"{table}.json")["settings"]
    changed = [name for name in about if name in begun and begun[name] != about[name]]
    if changed:
        raise ValueError(
            f"{path} was begun with other {', '.join(changed)}: rows of both cannot stand in one "
            "table; remove it to measure anew, or name another table"
        )
    if about.keys() - begun.keys():  # another task, say
        results.write_provenance(table, command, begun | dict(about), folder=folder)
    return measured(table, folder)


def measured(table: str, folder: Path) -> set[tuple[str, ...]]:
    """Return the names of the cells that a table holds, as `Cell.name` has them; {} without one."""
    path = folder / f"{table}.csv"
    if not path.is_file():
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        names = [name for name in rows.fieldnames or [] if name not in MEASURED]
        # a row that its writer was killed in has fewer values: it is measured again
        return {tuple(row[name] for name in names) for row in rows if None not in row.values()}


def identity(recipes: Iterable[Recipe]) -> dict[str, str]:
    """Digests of what a table's rows have in common: settings, one recipe a task, data and bases.

    Package code is not among them: a row's own `key` tells which code made it. Nor is the seed,
    which every row names.
    """
    found, bases = {}, set()
    for recipe in recipes:
        bases |= {recipe.mentor_base, recipe.student_base}
        settings = asdict(with_seed(recipe, ONE_SEED))
        settings["questions"].pop("data_dir")  # the same data may lie elsewhere
        _leave_out_newer(settings)
        task = recipe.questions.task
        found[f"settings of {task}"] = _digest_of(settings)
        if recipe.questions.source != "rule-made":
            found[f"data of {task}"] = _digest_of(_data_of(recipe.questions))
    return found | digests_of_bases(sorted(bases))


def _digest_of(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _data_of(asked: QuestionSettings) -> Any:
    """A set of the Hub by its name, files by their content, wherever they lie."""
    if asked.source == "hub":
        return asked.data_dir
    return [keys.file_digest(path) for path in places.every_file(asked)]


# settings that are younger than the first tables, and what they are where they change nothing
NEWER = {
    "mentor.answer_weight": 1.0,
    "questions.renamed_copies": 0,
    "questions.wordings": "shared",
    "soft_labels.precision": "auto",
    "student.answer_weight": 1.0,
    "student.divergence": "forward",
    "voting": asdict(VotingSettings()),
}


def _leave_out_newer(settings: dict[str, Any]) -> None:
    """Take out newer settings where they change nothing: a table begun without them can go on."""
    for name, default in NEWER.items():
        group, _, setting = name.rpartition(".")
        place = settings[group] if group else settings
        if place[setting] == default:
            del place[setting]


def digests_of_bases(names: Iterable[str]) -> dict[str, str]:
    """Shipped base -> digest of its weights; other bases are not followed."""
    shipped = filter(tiny.is_tiny, names)
    return {name: keys.file_digest(tiny.folder(name) / "model.safetensors") for name in shipped}
