"""A fine-tuned model on this machine as a writer of rationales: for any questions, not only train.

The augmentation stage does the same for the training questions, batch by batch, and can be
resumed; here the rationales are returned, to be read and counted.
"""

from collections.abc import Sequence
from typing import Any

from mkdkit import progress
from mkdkit.models import encoding, sampling
from mkdkit.records import Question, Rationale, Source
from mkdkit.settings import SamplingSettings
from mkdkit.tasks import answers
from mkdkit.tasks.catalogue import Task


def write_rationales(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    *,
    task: Task,
    settings: SamplingSettings,
    source: Source = "mentor",
    label: str | None = None,
) -> list[Rationale]:
    """Return `settings.degree` sampled rationales for every question, question by question.

    Args:
        model: in evaluation mode; asked as fine-tuned models here are asked, without a prompt's
            examples or instructions.
        tokenizer: the model's.
        questions: what is asked; their ids name the random numbers that are drawn.
        task: how answers are extracted and compared.
        settings: degree, temperature, limits, batch size, seed.
        source: whose rationales they are.
        label: the progress bar's; None shows no bar.
    """
    family = encoding.family_of(model)
    prompts = [encoding.encode_prompt(tokenizer, question.text, family) for question in questions]
    names = [question.id for question in questions]
    total = -(-len(questions) // settings.batch_size)
    batches = progress.bar(
        sampling.write_samples(model, tokenizer, prompts, names, settings),
        desc=label,
        total=total,
        unit="batch",
        is_shown=label is not None,
    )
    written = sorted(
        (one for batch in batches for one in batch), key=lambda one: (one.prompt, one.sample)
    )
    return [
        answers.to_rationale(
            one.text, questions[one.prompt], task, source, is_complete=one.is_complete
        )
        for one in written
    ]
