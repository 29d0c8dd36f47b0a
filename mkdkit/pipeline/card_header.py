"""The header of a model card: what the Hub reads of it, as YAML."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mkdkit.models import tiny
from mkdkit.pipeline import licences
from mkdkit.pipeline.finished import Finished, is_folder
from mkdkit.tasks import catalogue


def header(run: Finished, title: str) -> str:
    """Return the header, between its marks; a smoke run's says nothing of its scores."""
    asked = run.recipe.questions
    base = run.trained.done["settings"]["base"]
    fields: dict[str, Any] = {"license": "apache-2.0"}
    if not licences.is_own(run):
        fields = {"license": "other", "license_name": "several", "license_link": "LICENSE.md"}
    if asked.source not in ("hub", "jsonl"):
        fields["language"] = ["en"]
    fields |= {"library_name": "transformers", "pipeline_tag": "text-generation"}
    if not (is_folder(base) or tiny.is_tiny(base)):  # those are no names on the Hub
        fields["base_model"] = base
    if asked.source == "hub" and asked.data_dir:
        fields["datasets"] = [asked.data_dir]
    tags = ["mkdkit", "knowledge-distillation", "chain-of-thought", run.arm.name.replace("_", "-")]
    fields |= {"tags": tags, "metrics": ["accuracy"]}
    if run.recipe.profile != "smoke":
        fields["model-index"] = [{"name": title, "results": [_result(run)]}]
    return "---\n" + "".join(_lines(fields)) + "---\n"


def _result(run: Finished) -> dict[str, Any]:
    asked, counts = run.recipe.questions, run.scores[run.arm.name].done["counts"]
    low, high = counts["interval"]
    said = f"accuracy (%), n = {counts['n']}, 95% interval {low:.1f} to {high:.1f}"
    dataset = {"name": f"{catalogue.find(asked.task).title} ({asked.source})", "type": asked.task}
    return {
        "task": {"type": "text-generation", "name": "answering after a rationale"},
        "dataset": {**dataset, "split": "test"},
        "metrics": [{"type": "accuracy", "value": counts["accuracy"], "name": said}],
    }


def _lines(value: Any, indent: str = "") -> list[str]:
    """Return mappings and lists as lines of YAML; all else is written as JSON, which is YAML."""
    is_list = isinstance(value, Sequence)
    found = []
    for name, inner in ((None, one) for one in value) if is_list else value.items():
        start = f"{indent}- " if is_list else f"{indent}{name}:"
        if isinstance(inner, Mapping | list):
            block = _lines(inner, indent + "  ")
            if is_list:  # the first line of an item stands beside its mark
                found += [start + block[0].lstrip(), *block[1:]]
            else:
                found += [f"{start}\n", *block]
        else:
            found.append(f"{start.rstrip()} {json.dumps(inner, ensure_ascii=False)}\n")
    return found
