"""What every arm answers to the questions it is scored on."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mkdkit import json_lines
from mkdkit.evaluation import scoring, voting
from mkdkit.models import encoding, loading, prompting
from mkdkit.pipeline import arms, launched
from mkdkit.pipeline.arms import Arm
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages.base_files import base_files
from mkdkit.pipeline.stages.data import (
    questions,
    read_kept,
    read_splits,
    require_scripted,
    teacher_set,
)
from mkdkit.pipeline.stages.fine_tuning import load_model
from mkdkit.pipeline.stages.mentoring import mentor
from mkdkit.pipeline.stages.students import student
from mkdkit.records import Question, Splits
from mkdkit.settings import Recipe, SamplingSettings
from mkdkit.tasks import catalogue
from mkdkit.teachers import scripted
from mkdkit.training.team import Team

FEW_SHOTS = 4  # examples shown, where the model has room for them


def scores(recipe: Recipe, arm: str, *, split: str = "test", fresh: bool = False) -> Stage:
    """Return the stage with an arm's answers to every question of a split, and their summary."""
    method = arms.find(arm)
    asked, inputs, files, base = questions(recipe), [questions(recipe)], [], None
    if trained := trained_of(recipe, arm):
        inputs.append(trained)
    elif method.role == "student":
        files, base = base_files(recipe.student_base), recipe.student_base
        inputs += [teacher_set(recipe)] if method.prompted == "few-shot-cot" else []
    settings = {
        "split": split,
        "prompted": method.prompted,
        "role": method.role,
        "base": base,
        "task": asdict(catalogue.find(recipe.questions.task)),
        **asdict(recipe.scoring),
    }
    if method.role == "teacher":
        settings["teacher"] = asdict(recipe.teacher)
    if method.by_vote:
        settings["voters"] = asdict(_voters(recipe))
    return compute_or_load(
        "scores",
        _scores,
        recipe,
        method,
        split,
        asked,
        inputs[1] if len(inputs) > 1 else None,
        settings=settings,
        inputs=inputs,
        files=files,
        fresh=fresh,
        shared=method.role != "teacher",
    )


def trained_of(recipe: Recipe, arm: str) -> Stage | None:
    """Return the stage with the model that an arm trains; None: it trains none."""
    method = arms.find(arm)
    if method.completions is None:
        return None
    return mentor(recipe) if method.role == "mentor" else student(recipe, arm)


def _scores(
    work: Work, recipe: Recipe, method: Arm, split: str, asked: Stage, source: Stage | None
) -> None:
    splits, team = read_splits(asked), launched.team()
    held: list[Question] = getattr(splits, split)
    if not held:
        raise ValueError(f"there are no {split} questions to score; set questions.{split} above 0")
    if method.role == "teacher":
        found = _teacher_answers(recipe, held)
    else:
        mine = list(team.take(held))
        found = _model_answers(recipe, method, splits, mine, source) if mine else []
        found = _gathered(work.folder, found, held, team)
    if not team.is_first:
        return
    json_lines.write(work.folder / "answers.jsonl", (asdict(one) for one in found))
    work.counts = {"arm": method.name, **asdict(scoring.summarise(found))}


def _gathered(
    folder: Path, mine: Sequence[scoring.Answered], asked: Sequence[Question], team: Team
) -> list[scoring.Answered]:
    """Return the answers of all processes in the order of the questions."""
    if team.processes == 1:
        return list(mine)
    json_lines.write(folder / f"mine-{team.index}.jsonl", map(asdict, mine))
    team.wait()
    parts = [folder / f"mine-{index}.jsonl" for index in range(team.processes)]
    rows = [row for path in parts for _, row in json_lines.read(path)]
    team.wait()  # until all have read
    parts[team.index].unlink()
    by_id = {row["question_id"]: scoring.Answered(**row) for row in rows}
    return [by_id[question.id] for question in asked]


def _model_answers(
    recipe: Recipe, method: Arm, splits: Splits, held: Sequence[Question], source: Stage | None
) -> list[scoring.Answered]:
    task = catalogue.find(recipe.questions.task)
    label = f"score {method.name}" if launched.is_first() else None
    needs_examples = method.prompted == "few-shot-cot"
    trained = source if method.completions else None
    model, tokenizer = load_model(trained) if trained else load_untrained(recipe)
    if method.by_vote:
        sampled = _voters(recipe)
        return voting.answer_by_vote(model, tokenizer, held, task, sampled, label=label)
    return scoring.answer_questions(
        model,
        tokenizer,
        held,
        task,
        recipe.scoring,
        prompted=method.prompted,
        examples=_examples(splits, source, model, tokenizer, recipe) if needs_examples else (),
        label=label,
    )


def _voters(recipe: Recipe) -> SamplingSettings:
    """Return how the completions that vote are sampled."""
    return several(recipe, recipe.voting.samples, recipe.voting.sampling_temperature)


def several(recipe: Recipe, samples: int, temperature: float) -> SamplingSettings:
    """Return how several answers to each question are sampled: as scoring writes its one."""
    return SamplingSettings(
        degree=samples,
        sampling_temperature=temperature,
        max_new_tokens=recipe.scoring.max_new_tokens,
        batch_size=max(1, recipe.scoring.batch_size // samples),
        seed=recipe.seed,
    )


def load_untrained(recipe: Recipe) -> tuple[Any, Any]:
    """Return the student's base and its tokenizer, before any training."""
    base = recipe.student_base
    return loading.load_base(base, dtype=loading.use_dtype()), loading.load_tokenizer(base)


def _examples(
    splits: Splits, source: Stage | None, model: Any, tokenizer: Any, recipe: Recipe
) -> list[scoring.Example]:
    """Return the first solved training questions, four at most, that fit before a question."""
    if source is None:
        raise ValueError("few-shot-CoT needs the teacher's kept rationales")
    first = {one.question_id: one for one in reversed(read_kept(source))}
    solved = [(question, first[question.id]) for question in splits.train if question.id in first]
    longest = max(splits.test, key=lambda question: len(question.text)).text
    room = tokenizer.model_max_length
    if encoding.family_of(model) == "causal":  # it reads what it writes, too
        room = min(room, encoding.positions_of(model) or room) - recipe.scoring.max_new_tokens
    fitting = [
        solved[:n]
        for n in range(1, FEW_SHOTS + 1)
        if len(tokenizer(prompting.few_shot_cot(longest, solved[:n]), verbose=False).input_ids)
        <= room
    ]
    return fitting[-1] if fitting else solved[:1]


def _teacher_answers(recipe: Recipe, held: Sequence[Question]) -> list[scoring.Answered]:
    require_scripted(recipe.questions)
    task = catalogue.find(recipe.questions.task)
    once = replace(recipe.teacher, rationales_per_question=1)
    written = scripted.write_rationales(held, task=task, settings=once)
    return [
        scoring.Answered(
            question_id=one.question_id,
            completion=one.text,
            prediction=one.prediction,
            strict_prediction=one.prediction,
            is_correct=one.is_correct,
            is_strictly_correct=one.is_correct,
            is_complete=one.is_complete,
            tokens=0,
        )
        for one in written
    ]


def read_answers(stage: Stage) -> list[scoring.Answered]:
    """Return what was answered to every question, from a `scores` stage."""
    rows = json_lines.read(stage.folder / "answers.jsonl")
    return [scoring.Answered(**row) for _, row in rows]
