"""The card of a trained model: what it is, what it learnt from, how good it is, what is not known.

All of it is read from the records of the run; a number that stands here stands in a `done.json`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mkdkit.models import merging
from mkdkit.pipeline import arms, card_header, card_usage, licences
from mkdkit.pipeline.finished import Finished
from mkdkit.tasks import catalogue

TableOf = Callable[[Sequence[Mapping[str, Any]]], str]  # rows -> a table in Markdown
CONTROLS = (*arms.DEFAULT, "fine_tune_cot_equal_steps")  # without these a student says little
TRAINED = (  # the settings of a training that a reader asks for first
    "method", "lora_rank", "lora_alpha", "learning_rate", "schedule", "batch_size",
    "accumulation_steps", "epochs", "max_steps", "max_tokens", "template", "precision", "keep",
)  # fmt: skip
ADAPTER_ONLY = ("lora_rank", "lora_alpha")


def card(run: Finished, model: Path, change: merging.Change | None, *, table: TableOf) -> str:
    """Return the card as Markdown, with the Hub's header.

    Args:
        run: what was trained, and how it was scored.
        model: the folder with the model as it leaves.
        change: what merging an adapter changed; None: there was none to merge.
        table: rows -> a table in Markdown; an accuracy is written with its interval.
    """
    task = catalogue.find(run.recipe.questions.task)
    title = f"{run.arm.name}: a {run.arm.role} for {task.title}"
    smoke = run.recipe.profile == "smoke"
    sections = [
        f"# {title}",
        "**Of a smoke run, which only tries the code out: not a result.**" if smoke else "",
        _what(run),
        "## Scores\n\n" + _scores(run, table),
        "## What is not known\n\n" + _listed(_unknown(run, change)),
        "## How to use it\n\n" + card_usage.usage(run, model),
        "## What it learnt from\n\n" + _data(run, table),
        "## Settings\n\n" + table(_settings(run)),
        "## How it was made\n\n" + _stages(run, table),
        "## Licences\n\n" + _listed(licences.notes(run)),
    ]
    return (
        card_header.header(run, title)
        + "\n"
        + "\n\n".join(one.strip() for one in sections if one)
        + "\n"
    )


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _what(run: Finished) -> str:
    counts, settings = run.trained.done["counts"], run.trained.done["settings"]
    how = {"full": "all weights were", "lora": "a LoRA adapter was", "qlora": "a LoRA adapter was"}
    is_mentor = run.arm.role == "mentor"
    what = "fine-tuned on the teacher's rationales, to be a mentor" if is_mentor else run.arm.what
    writes = "an answer" if run.arm.completions == "answers" else "a rationale and then an answer"
    mentor = f" The mentor's base was `{run.bases[1]}`." if run.bases[1:] else ""
    return (
        f"A language model of {counts['parameters']:,} parameters that writes {writes}: {what}. "
        f"Its base is `{run.bases[0]}`; {how[settings['method']]} trained.{mentor} "
        f"Made with mkdkit {run.trained.done['versions']['mkdkit']}, after Lee, Kim and Lee: "
        "Mentor-KD (EMNLP 2024)."
    )


def _scores(run: Finished, table: TableOf) -> str:
    rows = []
    for name, scored in run.scores.items():
        counts, is_this = scored.done["counts"], name == run.arm.name
        row = {"arm": f"{name} (this model)" if is_this else name, "what": arms.find(name).what}
        row |= {field: counts[field] for field in ("accuracy", "interval", "correct", "n")}
        rows.append(row)
    likeliest = {"arm": "(always the likeliest answer)", "accuracy": run.majority_answer}
    title = catalogue.find(run.recipe.questions.task).title
    votes = [name for name in run.scores if arms.find(name).by_vote]
    but = f" (of {', '.join(votes)}: what most of several sampled ones say)" if votes else ""
    return (
        f"Accuracy (%) on test questions of {title} (`{run.recipe.questions.source}`): greedy, one "
        f"completion each{but}, no answer counts as wrong. In brackets the 95% interval (Wilson). "
        f"All rows have the same questions and seed.\n\n{table([*rows, likeliest])}"
    )


def _unknown(run: Finished, change: merging.Change | None) -> list[str]:
    found = [
        f"How much is luck of the seed: this is one seed ({run.recipe.seed}), and the intervals "
        "are over questions alone.",
        "Whether its reasoning is right: the answers were graded, not what stands before them.",
    ]
    missing = [name for name in CONTROLS if name not in run.scores]
    if missing and run.arm.role == "student":
        found.append(f"How these controls do, which were not run: {', '.join(missing)}.")
    if run.recipe.questions.source == "rule-made":
        found.append("How it does on questions in other words: all it has seen were made by rule.")
    scored = run.scores[run.arm.name].done
    said = f"What it writes elsewhere, to the letter: it was scored on {scored['device']}"
    if change:
        said += (
            f" with its adapter beside its base; here they are merged, in {change.dtype}. On "
            f"{change.tokens} tokens of its own completions of test questions that moved what it "
            f"expects next by {change.divergence:.2g} nats a token (KL), and left the likeliest "
            f"token as it was at {change.same_choice:.1f}%"
        )
    return [*found, said + "."]


def _data(run: Finished, table: TableOf) -> str:
    learnt, asked = run.trained.done["counts"], run.trained_on.done["counts"]
    title = catalogue.find(run.recipe.questions.task).title
    text = (
        f"Questions of {title}, source `{run.recipe.questions.source}`: {asked['train']} to learn "
        f"from, {asked['validation']} to choose by, {asked['test']} to report on, no question in "
        f"two of them. It learnt {learnt['rows']:,} completions in {learnt['steps']:,} optimiser "
        "steps."
    )
    outcomes = {
        stage.name.removesuffix("-set"): stage.done["counts"]["outcomes"]
        for stage in (run.of("teacher-set"), run.of("mentor-set"))
        if stage
    }
    reasons = dict.fromkeys(reason for counts in outcomes.values() for reason in counts)
    rows = [
        {"rationales": reason} | {source: counts.get(reason) for source, counts in outcomes.items()}
        for reason in reasons
        if any(counts.get(reason) for counts in outcomes.values())
    ]
    said = "Every rationale that was written was kept, or dropped for one reason:"
    return f"{text} {said}\n\n{table(rows)}" if rows else f"{text} There were no rationales."


def _settings(run: Finished) -> list[dict[str, Any]]:
    settings = run.trained.done["settings"]
    names = [one for one in TRAINED if settings["method"] != "full" or one not in ADAPTER_ONLY]
    values = {f"{run.arm.role}.{name}": settings[name] for name in names}
    if run.of("soft-labels"):
        names = ["kd_weight", "kd_temperature", "tau_squared"]
        values |= {f"student.{name}": settings[name] for name in names}
    for stage, names in (
        ("teacher", ("rationales_per_question", "slip_rate")),
        ("augmentation", ("degree", "sampling_temperature")),
        ("soft-labels", ("top_k",)),
    ):
        made = run.of(stage)
        said = made.done["settings"] if made else {}
        values |= {f"{stage}.{name}": said[name] for name in names if name in said}
    values |= {"profile": run.recipe.profile, "seed": run.recipe.seed}
    return [{"setting": name, "value": _plainly(value)} for name, value in values.items()]


def _plainly(value: Any) -> str:
    """Return a setting in all its digits: 0.0002 is not 0.0."""
    return "none" if value is None else str(value)


def _stages(run: Finished, table: TableOf) -> str:
    rows = [
        {"stage": one.name, "key": one.key}
        | {"seconds": one.done["seconds"], "peak GiB": one.done["peak_gib"]}
        | {"on": one.done["device"]}
        for one in run.stages
    ]
    versions = run.scores[run.arm.name].done["versions"]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{table(rows)}\nVersions: {said}."
