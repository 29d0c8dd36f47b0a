"""Grids as TOML files: what `mkdkit ablate` reads.

profile = "tiny"
tasks = ["multi_step_arithmetic"]
arms = ["fine_tune_cot", "mentor_kd"]
seeds = [1, 2, 3]

[settings]                            # each with its values: every combination is a cell
"student.kd_weight" = [0.0, 0.3, 0.6]

[fixed]                               # each with its one value, in all cells
"questions.test" = 500
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mkdkit.pipeline import ablations, grids, recipes
from mkdkit.settings import Recipe

ALL = ("profile", "tasks", "arms", "seeds", "split", "source", "data_dir", "settings", "fixed")


@dataclass(frozen=True, slots=True)
class GridFile:
    """What a grid file asks for."""

    name: str  # of the table: the file's own
    profile: str
    split: str
    cells: Sequence[grids.Cell]
    about: Mapping[str, Any]  # what all rows have in common


def read(path: str | Path) -> GridFile:
    """Read a grid file.

    Raises:
        ValueError: it is no such file, or asks for what there is not; the message names the file.
    """
    path = Path(path)
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        return _grid(path.stem, said)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file; write one as README shows") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not a TOML file: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _grid(name: str, said: Mapping[str, Any]) -> GridFile:
    if unknown := sorted(said.keys() - set(ALL)):
        raise ValueError(f"a grid has {', '.join(ALL)}; got {', '.join(unknown)}")
    profile = said.get("profile") or recipes.default_profile()
    tasks = _several(said, "tasks", str, [recipes.DEFAULT_TASK])
    seeds = _several(said, "seeds", int, [0])
    settings, fixed = _table(said, "settings"), _table(said, "fixed")
    for setting, values in settings.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{setting} needs a list of values, got {values!r}; write [{values}]")
        if any(value in values[:place] for place, value in enumerate(values)):
            raise ValueError(f"{setting} has a value twice, got {values!r}")
    if "seed" in {**settings, **fixed}:  # no draw would follow it
        raise ValueError("the seed is no setting of a grid; give a list: seeds = [1, 2, 3]")
    if both := sorted(settings.keys() & fixed.keys()):
        raise ValueError(f"{', '.join(both)} cannot both vary and be fixed; keep one of the two")

    def recipe_of(task: str, seed: int) -> Recipe:
        recipe = recipes.make(profile, task, seed=seed)
        source = said.get("source", recipe.questions.source)
        recipe = recipes.with_source(recipe, source, data_dir=said.get("data_dir"))
        for setting, value in fixed.items():
            (recipe,) = ablations.vary(recipe, setting, [value])
        return recipe

    cells = grids.product(
        recipe_of,
        tasks=tasks,
        methods=_several(said, "arms", str, ["mentor_kd"]),
        seeds=seeds,
        settings=settings,
    )
    if (split := said.get("split", "test")) not in ablations.SPLITS:
        raise ValueError(f"split must be one of {', '.join(ablations.SPLITS)}, got {split!r}")
    about = grids.identity(recipe_of(task, seeds[0]) for task in tasks) | {"split": split}
    varied = {
        base for cell in cells for base in (cell.recipe.mentor_base, cell.recipe.student_base)
    }
    about |= grids.digests_of_bases(sorted(varied))
    return GridFile(name, profile, split, cells, about)


def _several(said: Mapping[str, Any], name: str, kind: type, default: list[Any]) -> list[Any]:
    values = said.get(name, default)
    right = isinstance(values, list) and all(type(value) is kind for value in values)
    if not right or not values or len(set(values)) < len(values):
        word = {str: "names", int: "whole numbers"}[kind]
        raise ValueError(f"{name} needs a list of {word}, none of them twice, got {values!r}")
    return values


def _table(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table of settings with dotted names, however TOML was told of the dots."""
    found = said.get(name, {})
    if not isinstance(found, Mapping):
        raise ValueError(f"[{name}] is a table of settings, got {found!r}")
    return ablations.flat(found)


def describe(grid: GridFile) -> str:
    """Return what a grid holds, in words."""
    names = list(grid.cells[0].labels)
    columns = {name: len({cell.labels[name] for cell in grid.cells}) for name in names}
    counted = ", ".join(f"{count} × {name}" for name, count in columns.items())
    return f"{len(grid.cells)} cells ({counted}), profile {grid.profile}, on {grid.split}"
