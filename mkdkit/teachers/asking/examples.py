"""Worked examples for few-shot-CoT: the reader's own, or the published ones."""

from pathlib import Path
from typing import Any

from mkdkit.teachers import formats
from mkdkit.teachers.fetching import DOWNLOADS

PUBLISHED = DOWNLOADS / "fine-tune-cot" / "data" / "few_shot_cot_prompts.json"


def read_examples(task: str, file: Path | None = None) -> str:
    """Return what is shown before every question.

    Args:
        task: whose published examples (of Wei et al., 2022, as Fine-tune-CoT publishes them).
        file: a text file of one's own, or a JSON file in the published form,
            {task: {"prompt": text}}; None: the published file, if it was fetched.

    Raises:
        ValueError: there is no such file, it is not UTF-8, or it has no examples of this task.
    """
    path = file or PUBLISHED
    if not path.is_file():
        remedy = "check the path" if file else "run: mkdkit fetch fine-tune-cot, or give --examples"
        raise ValueError(f"{path}: there is no such file of examples; {remedy}")
    if path.suffix != ".json":
        try:
            return path.read_text(encoding="utf-8-sig")  # a mark would stand in every prompt
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not UTF-8: {error}; save it as UTF-8") from error
    by_task: Any = formats.read_json(path)
    entry = by_task.get(task) if isinstance(by_task, dict) else None
    prompt = entry.get("prompt") if isinstance(entry, dict) else None
    if not isinstance(prompt, str) or not prompt.strip():
        known = ", ".join(by_task) if isinstance(by_task, dict) else "none"
        raise ValueError(f"{path}: no examples of {task}; it has {known}")
    return prompt
