"""New questions whose answers nobody is told: what the mentor writes for them, kept by its vote."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mkdkit import records
from mkdkit.evaluation import voting
from mkdkit.pipeline.arms import NewQuestions
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages.base_files import tokenizer_files
from mkdkit.pipeline.stages.data import (
    filter_key,
    keep_filtered,
    questions,
    read_splits,
    with_new_questions,
)
from mkdkit.pipeline.stages.mentoring import augmentation, mentor_set
from mkdkit.pipeline.stages.written import read_written
from mkdkit.records import Question, Rationale
from mkdkit.sequences import Joined
from mkdkit.settings import FilterSettings, Recipe
from mkdkit.tasks import catalogue
from mkdkit.tasks.catalogue import Task

UNLABELLED = "unlabelled-set"  # the stage's name
VOTED = "voted.jsonl"  # in its folder: the questions that are learnt, with the answers voted


def unlabelled_set(recipe: Recipe, *, base: str | None = None, fresh: bool = False) -> Stage:
    """Return the stage with the mentor's rationales for new questions, kept by their vote alone.

    They are those of the arm mentor_kd_new_questions; only here nobody is told the answers. What
    was voted takes their place, in the stage's own questions (`read_train`). Its counts say how
    many of the kept ones are right: known to us, and to nothing that learns.
    """
    own, asked = questions(recipe), questions(with_new_questions(recipe))
    written = augmentation(recipe, base=base, more=True)
    settings = replace(recipe.mentor_filter, correct_only=False)
    return compute_or_load(
        UNLABELLED,
        _keep_by_vote,
        recipe,
        settings,
        own,
        asked,
        written,
        settings={
            **filter_key(recipe, settings),
            "least_share": recipe.voting.least_share,
        },
        inputs=[own, asked, written],
        files=tokenizer_files(recipe.student_base),
        fresh=fresh,
    )


def _keep_by_vote(
    work: Work,
    recipe: Recipe,
    settings: FilterSettings,
    own: Stage,
    asked: Stage,
    written: Stage,
) -> None:
    known = {question.id for question in read_splits(own).train}
    new = [one for one in read_written(written) if one.question_id not in known]
    task = catalogue.find(recipe.questions.task)
    votes = voting.vote_of_each(new, task)
    new = [_as_voted(one, votes[one.question_id].prediction, task) for one in new]
    told = [  # from here on the reference answers of new questions are gone
        replace(question, answer=votes[question.id].prediction or "")
        for question in read_splits(asked).train
        if question.id in votes
    ]
    rules = voting.rules(votes, task, least_share=recipe.voting.least_share)
    keep_filtered(work, recipe, settings, told, new, rules)
    kept = {one.question_id for one in records.read_rationales(work.folder / "kept.jsonl")}
    records.write_questions(work.folder / VOTED, (one for one in told if one.id in kept))


def _as_voted(rationale: Rationale, voted: str | None, task: Task) -> Rationale:
    """Write an answer as it was voted ("18.0" as "18"): how it is written must not tell its truth.

    Of a rationale that is right, the reference answer is learnt, here the voted one; of one that is
    wrong, unknown to all that learn, its own.
    """
    agrees = voting.agree(rationale.prediction, voted, task)
    return replace(rationale, prediction=voted) if agrees else rationale


def read_train(asked: Stage, sets: Iterable[Stage]) -> Sequence[Question]:
    """Return the training questions, and those whose answers were voted in one of the sets."""
    voted = [stage.folder / VOTED for stage in sets if stage.name == UNLABELLED]
    return Joined(read_splits(asked).train, *map(records.read_questions, voted))


def mentor_sets(
    recipe: Recipe, *, base: str | None = None, new: NewQuestions | None = None
) -> list[Stage]:
    """Return the stages with all rationales of the mentor, for one kind of new questions."""
    if new != "unlabelled":
        return [mentor_set(recipe, base=base, more=new == "labelled")]
    return [mentor_set(recipe, base=base), unlabelled_set(recipe, base=base)]
