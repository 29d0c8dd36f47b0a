"""How sure an arm's model is of each answer: how often it gives it again when it is asked anew."""

from dataclasses import asdict

from mkdkit import json_lines
from mkdkit.evaluation import confidence
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages.data import questions, read_splits
from mkdkit.pipeline.stages.fine_tuning import load_model
from mkdkit.pipeline.stages.scores import read_answers, scores, several, trained_of
from mkdkit.settings import Recipe
from mkdkit.tasks import catalogue

ATTEMPTS = 10  # a question: ten shares that can be told apart, as many as there are bins


def confidences(recipe: Recipe, arm: str = "mentor_kd", *, fresh: bool = False) -> Stage:
    """Return the stage with a confidence for every test answer of an arm's trained model.

    New attempts are sampled at a temperature of 1: from the model's own distribution.

    Raises:
        ValueError: the arm trains no model.
    """
    trained = trained_of(recipe, arm)
    if trained is None:
        raise ValueError(f"confidences need a model that arm {arm!r} trained; it trains none")
    asked, scored = questions(recipe), scores(recipe, arm)
    return compute_or_load(
        "confidences",
        _confidences,
        recipe,
        arm,
        asked,
        trained,
        scored,
        settings={
            **asdict(several(recipe, ATTEMPTS, 1.0)),
            "task": asdict(catalogue.find(recipe.questions.task)),
        },
        inputs=[asked, trained, scored],
        fresh=fresh,
    )


def _confidences(
    work: Work, recipe: Recipe, arm: str, asked: Stage, trained: Stage, scored: Stage
) -> None:
    model, tokenizer = load_model(trained)
    answered = read_answers(scored)
    values = confidence.vote_confidences(
        model,
        tokenizer,
        read_splits(asked).test,
        answered,
        catalogue.find(recipe.questions.task),
        several(recipe, ATTEMPTS, 1.0),
    )
    rows = (
        {"question_id": one.question_id, "confidence": value, "is_correct": one.is_correct}
        for one, value in zip(answered, values, strict=True)
    )
    json_lines.write(work.folder / "confidences.jsonl", rows)
    work.counts = {"arm": arm, "n": len(values), "confidence": sum(values) / len(values)}


def read_confidences(stage: Stage) -> tuple[list[float], list[bool]]:
    """Return the confidence (0 to 1) of every answer, and whether it was right."""
    rows = [row for _, row in json_lines.read(stage.folder / "confidences.jsonl")]
    return [row["confidence"] for row in rows], [row["is_correct"] for row in rows]
