"""Ablations: one arm under several settings, each cell scored once, beside what differs in it.

A curve over settings is reported on the test split, with intervals, and nothing is chosen by it.
To choose a setting, ask for split="validation", and report the one that was chosen on test.
"""

import difflib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tqdm.auto import tqdm

from mkdkit import strict_json
from mkdkit.pipeline import arms, folders, stages
from mkdkit.settings import Recipe, changed

log = logging.getLogger("mkdkit")
TRAINED = ("mentor", "student")  # stages that take optimiser steps, in this order
SPLITS = ("train", "validation", "test")
MEASURED = ("accuracy", "n", "correct", "interval", "steps", "seconds", "key")


def vary(recipe: Recipe, setting: str, values: Iterable[Any]) -> list[Recipe]:
    """Return the recipe once for each value of one setting.

    >>> [cell.student.kd_weight for cell in vary(Recipe(), "student.kd_weight", [0.0, 0.3])]
    [0.0, 0.3]

    Args:
        recipe: all other settings.
        setting: its dotted name, such as "student.kd_weight" or "mentor_base".
        values: what it is set to, one after the other.

    Raises:
        ValueError: a recipe has no such setting, or a value is outside its range.
    """
    known = flat(asdict(recipe))
    if setting not in known:
        near = difflib.get_close_matches(setting, known, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else f"; the settings are {', '.join(known)}"
        raise ValueError(f"a recipe has no setting {setting!r}{hint}")
    group, _, name = setting.rpartition(".")
    return [changed(recipe, {group: {name: value}} if group else {name: value}) for value in values]


def differences(recipes: Sequence[Recipe]) -> list[dict[str, Any]]:
    """Return each recipe's values of those settings that are not the same in all of them.

    Settings have dotted names. Seeds that all follow their recipe's own are one setting, "seed".
    """
    every = [flat(asdict(recipe)) for recipe in recipes]
    names = [name for name in every[0] if any(one[name] != every[0][name] for one in every)]
    following = {
        name
        for name in names
        if name.endswith(".seed") and all(one[name] == one["seed"] for one in every)
    }
    return [{name: one[name] for name in names if name not in following} for one in every]


def flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return a tree of settings as one mapping from dotted names.

    >>> flat({"student": {"epochs": 3}, "seed": 1})
    {'student.epochs': 3, 'seed': 1}
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{name}.")
        else:
            found[before + name] = value
    return found


def run(
    cells: Sequence[Recipe] | Mapping[str, Recipe],
    arm: str = "mentor_kd",
    *,
    split: str = "test",
) -> list[dict[str, Any]]:
    """Return one table row per cell: how the arm scores under its settings.

    What cells have in common is computed once, and what was computed before is loaded. A cell
    that fails does not stop the others.

    Args:
        cells: recipes, or name -> recipe; without names a cell is called by what differs in it.
        arm: the method that is scored in every cell.
        split: the questions: "test" to report, "validation" to choose a setting by.

    Returns:
        Rows with name, arm, seed, what `measure` returns, and the settings that differ between the
        cells; stages that several cells need count in the `seconds` of the first. Where a cell
        failed, what would have been measured is None, and `error` says why.

    Raises:
        ValueError: there are no cells, or nobody knows the arm or the split.
    """
    if not cells:
        raise ValueError("an ablation needs at least one recipe, got none")
    arms.find(arm)
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    recipes = list(cells.values() if isinstance(cells, Mapping) else cells)
    settings = differences(recipes)
    names = list(cells) if isinstance(cells, Mapping) else [_name(one) or arm for one in settings]
    rows: list[dict[str, Any]] = []
    counted: set[str] = set()
    for name, recipe, own in tqdm(
        list(zip(names, recipes, settings, strict=True)), desc=f"ablation of {arm}", unit="cell"
    ):
        row = {"name": name, "arm": arm, "seed": recipe.seed, **dict.fromkeys(MEASURED)}
        try:
            row |= measure(recipe, arm, split=split, counted=counted)
        except Exception as error:  # whatever it was, it must not cost the other cells
            row["error"] = f"{type(error).__name__}: {error}"
            log.warning("cell %s failed: %s", name, row["error"])
        rows.append(row | own)
    return rows


def _name(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def measure(
    recipe: Recipe, arm: str, *, split: str = "test", counted: set[str] | None = None
) -> dict[str, Any]:
    """Score one arm under one recipe.

    Args:
        recipe: every setting.
        arm: the method.
        split: the questions.
        counted: keys of stages whose time is not to count; those needed here are added to it.

    Returns:
        accuracy (%), n, correct, interval (95%, in %), steps (of the optimiser, for the model that
        is scored; 0 if none was trained), seconds (computing time of all it rests on), and the
        key of the `scores` stage.
    """
    counted = set() if counted is None else counted
    scored = stages.scores(recipe, arm, split=split)
    needed = stages.ancestors(scored)
    trained = [stage.done["counts"]["steps"] for stage in needed if stage.name in TRAINED]
    seconds = sum(stage.done["seconds"] for stage in needed if stage.key not in counted)
    counted.update(stage.key for stage in needed)
    counts = scored.done["counts"]
    return {
        **{name: counts[name] for name in ("accuracy", "n", "correct", "interval")},
        "steps": trained[-1] if trained else 0,
        "seconds": round(seconds, 2),
        "key": scored.key,
    }


def read_reported(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Return what runs of this very recipe have reported so far: arm -> its row.

    Reads the reports in the runs folder (`mkdkit run` and `stages.report` leave them) and
    computes nothing. Of several rows of one arm the newest counts.
    """
    done = folders.runs_folder().glob(f"report-*/{folders.DONE}")
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(done, key=lambda path: path.stat().st_mtime_ns):
        report = strict_json.read(path.parent / "report.json")
        if report["settings"] == asdict(recipe):
            rows |= {row["name"]: row for row in report["arms"]}
    return rows
