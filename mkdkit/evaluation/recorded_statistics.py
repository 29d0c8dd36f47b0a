"""What the recorded teachers are like: counts, accuracies, lengths, copies. No texts, only numbers.

    python -m mkdkit.evaluation.recorded_statistics --data-dir FOLDER

reads the published files below FOLDER (default: the project's downloads) and writes
`data/results/recorded_*.json`, which notebook 01 draws without a network.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

import mkdkit
from mkdkit.evaluation.rationale_statistics import (
    compare_with_teacher,
    coverage,
    describe,
    interval,
    percent,
)
from mkdkit.records import Rationale
from mkdkit.settings import QuestionSettings, QuestionSource
from mkdkit.tasks import answers, catalogue
from mkdkit.teachers import formats, grading, places, published, recorded
from mkdkit.teachers.formats import Row
from mkdkit.teachers.question_sets import read_all_questions

RESULTS = Path(__file__).parents[2] / "data" / "results"
HAND_READ = RESULTS / "recorded_mcc_svamp_hand_read.json"
TASKS: dict[QuestionSource, tuple[str, ...]] = {
    "mentor-kd": ("svamp", "last_letter_concatenation", "tracking_shuffled_objects"),
    "mcc-kd": ("svamp",),
}
KINDS: tuple[places.Kind, ...] = ("teacher", "pool", "mentor")


def states_known_answer(text: str, answer: str) -> bool:
    """Say whether a text's last sentence with a number has this number anywhere in it.

    Looking for the answer that is known bounds what an extractor, which may not look, can find.
    """
    sentences = [part for part in re.split(r"[.!?](?=\s|$)|\n", text) if _numbers(part)]
    return bool(sentences) and _numbers(answer)[0] in _numbers(sentences[-1])


def check_hand_read(rows: Sequence[Row], readings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Compare our extractor with a reading by hand of the same texts, sample by sample.

    Args:
        rows: the file's rationales, in order.
        readings: {"row", "output", "sample", "stated", "kind"}: the number a reader found the
            text to state as its answer (None: it states none), and what makes it hard, if so.
    """
    task = catalogue.find("svamp")
    by_place = {(row.number, row.where.rpartition(" ")[2]): row for row in rows}
    samples: dict[str, dict[str, Any]] = {}
    for reading in readings:
        sample = samples.setdefault(reading["sample"], {"rows": 0, "errors": 0, "by_kind": {}})
        row = by_place[reading["row"], str(reading["output"])]
        prediction, stated = recorded.predict(row, task), reading["stated"]
        is_same = (
            prediction is None if stated is None else answers.same_answer(prediction, stated, task)
        )
        sample["rows"] += 1
        if not is_same:
            kind = reading["kind"] or "other"
            sample["errors"] += 1
            sample["by_kind"][kind] = sample["by_kind"].get(kind, 0) + 1
    for sample in samples.values():
        sample["error_rate"] = percent(sample["errors"], sample["rows"])
        sample["interval"] = interval(sample["errors"], sample["rows"])
    return samples


def mentor_kd_statistics(settings: QuestionSettings) -> dict[str, Any]:
    """Describe Mentor-KD's teacher, pool and mentor files of one task."""
    task = catalogue.find(settings.task)
    questions = read_all_questions(settings).train
    facts: dict[str, Any] = {}
    read: dict[str, list[Rationale]] = {}
    for kind in KINDS:
        if places.exists(settings, kind):
            path = places.find(settings, kind)
            graded = grading.grade(path, task=task, format="mentor-kd", questions=questions)
            read[kind] = recorded.read_rationales_for(settings, questions, kind=kind)
            facts[kind] = describe(read[kind], questions=questions, task=task)
            facts[kind]["flagged_correct"] = graded["flagged_correct"]
            facts[kind]["disagreements"] = len(graded["disagreements"])
    facts["mentor"] |= compare_with_teacher(read["mentor"], read["teacher"])
    return facts


def mcc_kd_statistics(settings: QuestionSettings, hand_read: Path = HAND_READ) -> dict[str, Any]:
    """Describe MCC-KD's unfiltered rationales, and how well our extractor reads them."""
    task = catalogue.find(settings.task)
    questions = read_all_questions(settings).train
    rationales = recorded.read_rationales_for(settings, questions)
    rows = formats.read_rows(places.find(settings, "teacher"), format="mcc-kd")
    facts = describe(rationales, questions=questions, task=task)
    known = sum(states_known_answer(row.text, row.answer or "") for row in rows)
    facts["known_answer_in_last_numeric_sentence"] = {
        "rows": known,
        "share": percent(known, len(rows)),
        "interval": interval(known, len(rows)),
    }
    facts["coverage_by_rationales"] = coverage(rationales)
    if hand_read.is_file():
        readings = formats.read_json(hand_read)["readings"]
        facts["hand_read"] = check_hand_read(rows, readings)
    return facts


def write(data_dir: str | None, results: Path = RESULTS) -> list[Path]:
    """Measure what is there of the published sets; write one file a source; return the files."""
    paths = []
    for source, tasks in TASKS.items():
        facts: dict[str, Any] = {"provenance": _provenance(source), "tasks": {}}
        for name in tqdm(tasks, desc=f"measure {source}"):
            settings = QuestionSettings(source=source, data_dir=data_dir, task=name)
            measure = mentor_kd_statistics if source == "mentor-kd" else mcc_kd_statistics
            facts["tasks"][name] = measure(settings)
        path = results / f"recorded_{source.replace('-', '_')}.json"
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        paths.append(path)
    return paths


def _provenance(source: str) -> dict[str, Any]:
    manifest = published.read_manifest(source)
    return {
        "made_by": "python -m mkdkit.evaluation.recorded_statistics",
        "date": datetime.now(UTC).date().isoformat(),
        "mkdkit": mkdkit.__version__,
        "python": sys.version.split()[0],
        "repository": f"https://github.com/{manifest.repository}",
        "commit": manifest.commit,
        "paper": manifest.paper,
    }


def _numbers(text: str) -> list[Fraction]:
    found = re.findall(r"[0-9][0-9,]*(?:\.[0-9]+)?", text)
    return [Fraction(number.replace(",", "")) for number in found]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", help="folder with the published files")
    write(parser.parse_args().data_dir)
