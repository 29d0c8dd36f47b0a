"""How far an arm's model reaches: its answers to questions of fewer and of more steps."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from mkdkit import json_lines
from mkdkit.evaluation import scoring
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages.fine_tuning import load_model, progress
from mkdkit.pipeline.stages.scores import trained_of
from mkdkit.records import Question
from mkdkit.settings import Recipe
from mkdkit.tasks import catalogue, procedural

ASKED = 200  # questions of each number of steps


def by_steps(
    recipe: Recipe, arm: str, steps: Sequence[int], *, n: int = ASKED, fresh: bool = False
) -> Stage:
    """Return the stage with an arm's answers to test questions of several numbers of steps.

    It is not trained anew: what it learnt from questions of the recipe's own number of steps is
    asked of others. Completions may be longer in proportion, so that length alone fails nobody.

    Args:
        recipe: of rule-made questions.
        arm: one that trains a model.
        steps: numbers of steps.
        n: questions of each.
        fresh: ask again even if the answers are there.

    Raises:
        ValueError: the arm trains no model, or questions are not made by rule.
    """
    trained = trained_of(recipe, arm)
    if trained is None or recipe.questions.source != "rule-made":
        raise ValueError(
            f"accuracy by steps needs rule-made questions and a model that arm {arm!r} trained, "
            f"got questions of source {recipe.questions.source!r} and model {trained}"
        )
    settings = asdict(recipe.questions) | asdict(recipe.scoring)
    return compute_or_load(
        "steps",
        _by_steps,
        recipe,
        arm,
        trained,
        steps,
        n,
        settings={
            **settings,
            "steps": list(steps),
            "n": n,
            "task": asdict(catalogue.find(recipe.questions.task)),
        },
        inputs=[trained],
        fresh=fresh,
    )


def questions_of(recipe: Recipe, steps: int, n: int) -> Sequence[Question]:
    """Return n test questions of a number of steps; of the recipe's own, its first ones."""
    asked = replace(recipe.questions, steps=steps, train=1, validation=0, test=n)
    return procedural.make_splits(asked).test


def _by_steps(
    work: Work, recipe: Recipe, arm: str, trained: Stage, steps: Sequence[int], n: int
) -> None:
    model, tokenizer = load_model(trained)
    task = catalogue.find(recipe.questions.task)
    own = procedural.steps_of(recipe.questions)
    rows = []
    for count in progress(steps, f"steps of {arm}", "length", len(steps)):
        longest = round(recipe.scoring.max_new_tokens * max(1, count / own))
        settings = replace(recipe.scoring, max_new_tokens=longest)
        asked = questions_of(recipe, count, n)
        said = scoring.answer_questions(model, tokenizer, asked, task, settings)
        rows += [asdict(one) | {"steps": count} for one in said]
    json_lines.write(work.folder / "answers.jsonl", rows)
    work.counts = {"arm": arm, "n": len(rows)}


def read_by_steps(stage: Stage) -> list[dict[str, Any]]:
    """Return a row for each number of steps: question_steps, accuracy (%), n, correct."""
    said: dict[int, list[scoring.Answered]] = {}
    for _, row in json_lines.read(stage.folder / "answers.jsonl"):
        said.setdefault(row.pop("steps"), []).append(scoring.Answered(**row))
    scores = {steps: asdict(scoring.summarise(answered)) for steps, answered in said.items()}
    columns = ("accuracy", "n", "correct")
    return [
        {"question_steps": steps} | {name: score[name] for name in columns}
        for steps, score in scores.items()
    ]
