"""The report of a run: arms, filter, stages, settings, versions."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from mkdkit import strict_json
from mkdkit.evaluation import statistics
from mkdkit.pipeline import arms
from mkdkit.pipeline.folders import Stage, Work, compute_or_load, read_done, runs_folder
from mkdkit.pipeline.stages.data import questions, read_splits
from mkdkit.pipeline.stages.scores import scores
from mkdkit.pipeline.stages.students import require_possible
from mkdkit.pipeline.stages.unlabelled import UNLABELLED
from mkdkit.settings import Recipe


def report(recipe: Recipe, names: Iterable[str] = arms.DEFAULT, *, fresh: bool = False) -> Stage:
    """Return the stage with `report.json`: arms, filter, stages, settings, versions."""
    names = list(names)
    for name in names:
        require_possible(recipe, name)
    scored = [scores(recipe, name) for name in names]
    return compute_or_load(
        "report",
        _report,
        recipe,
        names,
        scored,
        settings={"arms": names, "recipe": asdict(recipe)},
        inputs=_distinct(scored),
        fresh=fresh,
    )


def _distinct(stages: Iterable[Stage]) -> list[Stage]:
    return list({stage.key: stage for stage in stages}.values())


def _report(work: Work, recipe: Recipe, names: Sequence[str], scored: Sequence[Stage]) -> None:
    made = _distinct(one for stage in scored for one in ancestors(stage))
    outcomes = {
        stage.name.removesuffix("-set"): stage.done["counts"]["outcomes"]
        for stage in made
        if stage.name in ("teacher-set", "mentor-set", UNLABELLED)
    }
    content = {
        "arms": [_arm_row(name, stage, recipe) for name, stage in zip(names, scored, strict=True)],
        "majority_answer": majority_answer(recipe),
        "filter": _filter_totals(outcomes),
        "stages": [_stage_row(stage, names, scored) for stage in made],
        "settings": asdict(recipe),
        "versions": scored[0].done["versions"],
    }
    text = json.dumps(content, indent=1) + "\n"
    (work.folder / "report.json").write_text(text, encoding="utf-8")
    work.counts = {"arms": len(names), "stages": len(made)}


def _stage_row(stage: Stage, names: Sequence[str], scored: Sequence[Stage]) -> dict[str, Any]:
    """Return a stage's line; one that serves some arms only says which."""
    serves = [
        name
        for name, last in zip(names, scored, strict=True)
        if stage.key in {one.key for one in ancestors(last)}
    ]
    fields = {field: stage.done[field] for field in ("seconds", "peak_gib", "key")}
    return {"name": stage.name, **fields, "arms": serves if len(serves) < len(names) else []}


def _arm_row(name: str, stage: Stage, recipe: Recipe) -> dict[str, Any]:
    counts = stage.done["counts"]
    fields = ("accuracy", "n", "correct", "interval", "strict_accuracy", "extractable", "complete")
    return {"name": name, **{field: counts[field] for field in fields}, "seed": recipe.seed}


def majority_answer(recipe: Recipe) -> float:
    """Return the accuracy (%) of always giving the most frequent answer of the test split."""
    test = read_splits(questions(recipe)).test
    return statistics.majority_accuracy([question.answer for question in test])


def _filter_totals(outcomes: dict[str, dict[str, int]]) -> dict[str, Any]:
    dropped: dict[str, int] = {}
    for counts in outcomes.values():
        for reason, count in counts.items():
            if reason != "kept":
                dropped[reason] = dropped.get(reason, 0) + count
    kept = sum(counts["kept"] for counts in outcomes.values())
    return {"kept": kept, "dropped": dropped, "by_source": outcomes}


def ancestors(stage: Stage) -> list[Stage]:
    """Return all stages that a stage rests on, each once, the first ones first, itself last."""
    found: dict[str, Stage] = {}
    for name, key in stage.done["inputs"]:
        folder = runs_folder() / f"{name}-{key}"
        done = read_done(folder)
        found |= {one.key: one for one in ancestors(Stage(name, key, folder, done))}
    return [*found.values(), stage]


def read_report(stage: Stage) -> dict[str, Any]:
    """Return the content of a `report` stage's report.json."""
    return strict_json.read(stage.folder / "report.json")
