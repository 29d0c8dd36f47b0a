"""The mentor's soft labels: what it says, token by token, of all that the student will learn."""

from collections.abc import Sequence
from dataclasses import asdict

import torch

from mkdkit.models import encoding, loading, vocabularies
from mkdkit.models.rows import Row
from mkdkit.pipeline import launched
from mkdkit.pipeline.arms import NewQuestions
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages.base_files import tokenizer_files
from mkdkit.pipeline.stages.data import (
    questions,
    read_kept,
    teacher_set,
    with_new_questions,
)
from mkdkit.pipeline.stages.fine_tuning import encode, load_model, progress
from mkdkit.pipeline.stages.mentoring import mentor
from mkdkit.pipeline.stages.unlabelled import mentor_sets, read_train
from mkdkit.sequences import Joined
from mkdkit.settings import Recipe
from mkdkit.training import label_store, mistakes


def labels(
    recipe: Recipe,
    *,
    base: str | None = None,
    new: NewQuestions | None = None,
    is_padded: bool = False,
    fresh: bool = False,
) -> Stage:
    """Return the stage with the mentor's soft labels for the teacher's and its own rationales.

    Padded, also for padding after them (`training.mistakes`).
    """
    speaker = mentor(recipe, base=base)
    asked = questions(with_new_questions(recipe) if new == "labelled" else recipe)
    sets = [teacher_set(recipe), *mentor_sets(recipe, base=base, new=new)]
    vocabulary = encoding.vocabulary_in(loading.config_of_base(recipe.student_base))
    return compute_or_load(
        "soft-labels",
        _soft_labels,
        recipe,
        asked,
        speaker,
        sets,
        vocabulary,
        is_padded,
        settings={
            **asdict(recipe.soft_labels),
            "template": recipe.student.template,
            "max_tokens": recipe.student.max_tokens,
            **({"padded": True} if is_padded else {}),
            "vocabulary": vocabulary,
        },
        inputs=[asked, speaker, *sets],
        files=tokenizer_files(recipe.student_base),
        fresh=fresh,
        shared=True,
    )


def _soft_labels(
    work: Work,
    recipe: Recipe,
    asked: Stage,
    speaker: Stage,
    sets: Sequence[Stage],
    vocabulary: int,
    is_padded: bool,
) -> None:
    is_exact = loading.precision_of(recipe.soft_labels.precision) == "fp32"
    model, tokenizer = load_model(speaker, torch.float32 if is_exact else None)
    student_tokenizer = loading.load_tokenizer(recipe.student_base)
    vocabularies.require_shared(tokenizer, student_tokenizer)
    rationales = Joined(*map(read_kept, sets))
    train = read_train(asked, sets)
    rows: Sequence[Row] = encode(
        student_tokenizer, recipe.student_base, recipe.student, train, rationales
    )
    if is_padded:
        rows = mistakes.with_padding(rows, encoding.fill_token(student_tokenizer))
    written = label_store.write_store(
        work.folder,
        model,
        rows,
        recipe.soft_labels,
        fill=encoding.fill_token(tokenizer),
        identity={"mentor": speaker.key},
        vocabulary=vocabulary,
        team=launched.team(),
    )
    for _ in progress(written, "soft labels", "shard", None):
        pass
    if not launched.is_first():
        return
    store = label_store.Store(work.folder)
    tokens = store.manifest["scored_tokens"]
    size = sum(path.stat().st_size for path in work.folder.glob("*.safetensors"))
    work.counts = {"rows": len(store), "scored_tokens": tokens, "bytes_per_token": size / tokens}


def load_labels(stage: Stage) -> label_store.Store:
    """Return the soft-label store of a `soft-labels` stage, opened."""
    return label_store.Store(stage.folder, {"mentor": dict(stage.done["inputs"])["mentor"]})
