"""The long form of the tests under fire: `make stress`; it writes data/results/stress.json.

    python tests/stress --kills 30 --minutes 10

Thirty kills of a run, ten minutes of damaged files and ten of random texts, and a kernel that
lives long. Each part is what `make test` does in short; a failure is printed with what it takes
to see it again, and the exit code is 1.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import inputs
import kernel
import kills
import texts

from mkdkit.pipeline import folders, results
from mkdkit.tasks.catalogue import TASKS

KILLS_A_RUN = 6


def kill_runs(wanted: int, seed: int) -> dict[str, Any]:
    """Kill runs until there were so many kills; each run must end as one nobody disturbed."""
    with tempfile.TemporaryDirectory() as folder:
        whole = kills.undisturbed(Path(folder) / "whole")
        killed: list[str] = []
        failures = survived = 0
        while len(killed) + failures < wanted:
            number = len(killed) + failures
            count = min(KILLS_A_RUN, wanted - number)
            try:
                found = kills.survive(Path(folder) / str(number), whole, count, seed=seed + number)
            except AssertionError as error:
                print(f"kills, seed {seed + number}: {error}")
                failures += count
                continue
            survived += len(found)
            killed += found
            print(f"{len(killed)} kills, {survived} survived", flush=True)
    places = {name.rsplit("-", 1)[0] for name in killed}
    return {"kills": wanted, "kills_survived": survived, "killed_in": sorted(places)}


def until(seconds: float, attempt: Callable[[random.Random], str | None], seed: int) -> Any:
    """Try with one seed after the other for so long; (how often, what was wrong)."""
    end, tried, faults = time.monotonic() + seconds, 0, []
    while time.monotonic() < end:
        if fault := attempt(random.Random(seed + tried)):
            print(f"seed {seed + tried}: {fault}", flush=True)
            faults.append(fault)
        tried += 1
    return tried, faults


def damage_a_file(source: random.Random) -> str | None:
    """Damage a sample of any reader at random, and read it."""
    name = source.choice(sorted(inputs.READERS))
    kinds = sorted(inputs.MUTATIONS)
    mutations = [
        (source.choice(kinds), source.randrange(2**16), source.randrange(2**16))
        for _ in range(source.randrange(1, 5))
    ]
    with tempfile.TemporaryDirectory() as folder:
        reader, began = inputs.READERS[name], time.process_time()
        fault = inputs.fault(reader, inputs.mangle(reader.sample(), mutations), Path(folder))
        if fault is None and time.process_time() - began > inputs.SECONDS:
            fault = "it took too long"
    return fault and f"{name}: {fault}"


def write_a_text(source: random.Random) -> str | None:
    """Draw a text, and let all that reads texts read it."""
    task = source.choice(list(TASKS.values()))
    return texts.fault(texts.draw(source), task)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Try the kit under fire, for long.")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10, help="of damaged files, and of texts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=results.RESULTS, help="of stress.json")
    chosen = parser.parse_args()
    began, seconds = time.monotonic(), 60 * chosen.minutes
    record = kill_runs(chosen.kills, chosen.seed)
    files, wrong_files = until(seconds, damage_a_file, chosen.seed)
    print(f"{files} damaged files, {len(wrong_files)} read wrongly", flush=True)
    read, wrong_texts = until(seconds, write_a_text, chosen.seed)
    print(f"{read} texts, {len(wrong_texts)} failed", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MKDKIT_RUNS"] = folder  # which the kernel is given
        warm, late = kernel.live_long(200, 500)
    record |= {
        "inputs_tried": files,
        "rows_lost": sum(" rows of " in fault for fault in wrong_files),
        "inputs_read_wrongly": len(wrong_files),
        "texts_tried": read,
        "texts_failed": len(wrong_texts),
        "kernel": {"warm": asdict(warm), "after 200 stage calls and 500 redraws": asdict(late)},
        "seconds": round(time.monotonic() - began),
        "command": f"make stress ({' '.join(sys.argv[1:]) or 'as it is'})",
        **folders.machine(),
    }
    chosen.folder.mkdir(parents=True, exist_ok=True)
    path = chosen.folder / "stress.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))
    is_flat = late.mib < 1.05 * warm.mib and late.files <= warm.files
    if record["kills_survived"] < record["kills"] or wrong_files or wrong_texts or not is_flat:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
