"""Under which licences the data and the bases of a trained model stand, as far as is known."""

from mkdkit.models import tiny
from mkdkit.pipeline.finished import Finished
from mkdkit.tasks import catalogue
from mkdkit.teachers import published

OWN = "Apache-2.0"  # of this project: its code, its bases, what it makes by rule


def is_own(run: Finished) -> bool:
    """Whether all that went into a model is this project's own."""
    return run.recipe.questions.source == "rule-made" and all(map(tiny.is_tiny, run.bases))


def notes(run: Finished) -> list[str]:
    """Return a line for each thing that went into a model, with its licence."""
    return [*_of_data(run), *map(_of_base, run.bases)]


def page(run: Finished) -> str:
    """Return the same as a page of its own."""
    return "# Licences\n\n" + "".join(f"- {line}\n" for line in notes(run))


def _of_data(run: Finished) -> list[str]:
    asked = run.recipe.questions
    task = catalogue.find(asked.task)
    if asked.source == "rule-made":
        return [f"questions and the scripted teacher's rationales, made by rule: {OWN}"]
    if asked.source == "hub":
        return [f"questions and rationales: see the card of the set `{asked.data_dir}`"]
    if asked.source == "jsonl":
        return ["questions and rationales, of whoever trained the model: not stated"]
    manifest = published.read_manifest(asked.source)
    return [
        f"questions ({task.title}; {task.source}): {task.licence}",
        f"rationales (https://github.com/{manifest.repository}, commit {manifest.commit[:7]}; "
        f"{manifest.paper}): {manifest.licence}",
        "these rationales were written by models of OpenAI, whose terms of service may limit what "
        "a model that learnt from them is used for",
    ]


def _of_base(base: str) -> str:
    own = f"{OWN}, shipped with mkdkit" if tiny.is_tiny(base) else "see the base's own card"
    return f"base `{base}`: {own}"
