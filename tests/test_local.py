"""A model on this machine as a writer: the same as the stage, for any questions."""

from dataclasses import replace

from mkdkit.pipeline import recipes, stages
from mkdkit.tasks import catalogue
from mkdkit.teachers import local


def test_it_writes_for_the_training_questions_what_the_stage_wrote(bases, tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path))
    base = bases["causal"]
    recipe = recipes.with_bases(recipes.make("smoke"), mentor=base, student=base)
    task = catalogue.find(recipe.questions.task)
    model, tokenizer = stages.load_model(stages.mentor(recipe))
    train = stages.read_splits(stages.questions(recipe)).train
    written = local.write_rationales(model, tokenizer, train, task=task, settings=recipe.sampling)
    assert written == stages.read_written(stages.augmentation(recipe))
    others = replace(recipe.sampling, seed=1)
    assert written != local.write_rationales(model, tokenizer, train, task=task, settings=others)
