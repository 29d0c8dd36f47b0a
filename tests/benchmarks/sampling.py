"""Three rationales a question: plain `generate` in the file's order, and ours.

The model is a student's base fine-tuned for a moment, so that rows end at their own lengths, as a
mentor's do; both draw at the same temperature, from the same questions, in turn.
"""

import statistics
import time
from typing import Any

import torch
from record import keep
from shares import shares_of

from mkdkit.models import encoding, loading, prompting, sampling
from mkdkit.pipeline import recipes
from mkdkit.settings import SamplingSettings, TrainingSettings
from mkdkit.tasks import catalogue, procedural
from mkdkit.teachers import scripted
from mkdkit.training import loop

TASK = "multi_step_arithmetic"


def writer(base: str) -> tuple[Any, Any, list[str]]:
    """A model that has learnt to write rationales and to end them, and questions for it."""
    recipe = recipes.make("tiny", TASK)
    questions = procedural.make_splits(recipe.questions).train
    task = catalogue.find(TASK)
    rationales = scripted.write_rationales(questions, task=task, settings=recipe.teacher)
    kept = [one for one in rationales if one.is_correct]
    settings = TrainingSettings(learning_rate=1e-3, batch_size=16, max_steps=60, validations=0)
    tokenizer, model = loading.load_tokenizer(base), loading.load_trainable(base, settings)
    rows = encoding.encode_completions(
        tokenizer, questions, kept, family="causal", template="arrow", max_tokens=512
    )
    fill = encoding.fill_token(tokenizer)
    for _ in loop.train(model, rows, loop.hard_labels, settings, fill=fill):
        pass
    return model.eval(), tokenizer, [question.text for question in questions]


@torch.no_grad()
def by_generate(model: Any, tokenizer: Any, texts: list[str], settings: SamplingSettings) -> int:
    """Sample as one would without this kit; return the tokens that were written."""
    tokenizer.padding_side, written = "left", 0
    for start in range(0, len(texts), settings.batch_size):
        batch = texts[start : start + settings.batch_size]
        prompts = [prompting.fine_tuned(text) for text in batch]
        read = tokenizer(prompts, return_tensors="pt", padding=True)
        out = model.generate(
            **read,
            do_sample=True,
            temperature=settings.sampling_temperature,
            top_k=0,
            num_return_sequences=settings.degree,
            max_new_tokens=settings.max_new_tokens,
        )
        written += int((out[:, read.input_ids.shape[1] :] != tokenizer.pad_token_id).sum())
    return written


def by_ours(model: Any, tokenizer: Any, texts: list[str], settings: SamplingSettings) -> int:
    """The same by the kit's own sampling."""
    prompts = [encoding.encode_prompt(tokenizer, text, "causal") for text in texts]
    batches = sampling.write_samples(model, tokenizer, prompts, texts, settings)
    return sum(one.tokens for batch in batches for one in batch)


def main(base: str = "tiny-mentor", questions: int = 96, rounds: int = 3) -> None:
    """Time both in turn; keep tokens per second and the ratio of the seconds."""
    model, tokenizer, texts = writer(base)
    settings = SamplingSettings(degree=3, max_new_tokens=192, batch_size=32)
    seconds: dict[str, list[float]] = {"generate": [], "ours": []}
    tokens: dict[str, int] = {}
    for _ in range(rounds):
        for name, write in (("generate", by_generate), ("ours", by_ours)):
            started = time.perf_counter()
            tokens[name] = write(model, tokenizer, texts[:questions], settings)
            seconds[name].append(time.perf_counter() - started)
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    found = {f"{name}_s": round(value, 2) for name, value in middle.items()}
    found |= {f"{name}_tokens": count for name, count in tokens.items()}
    found["ratio"] = round(middle["generate"] / middle["ours"], 2)
    some = texts[: settings.batch_size]
    found["shares"] = shares_of(lambda: by_ours(model, tokenizer, some, settings))
    keep("sampling", found | {"base": base, "questions": questions})
    print(found, flush=True)


if __name__ == "__main__":
    main()
