"""The long form of the tests under fire: `make stress`; it writes data/results/stress.json.

    python tests/stress --kills 30 --minutes 10

Thirty kills of a run, ten minutes of damaged files and ten of random texts, and a kernel that
lives long, all at once. Each part is what `make test` does in short; a failure is printed with what
it takes to see it again, and the exit code is 1.
"""

import argparse
import json
import os
import random
import subprocess
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


def damage_files(minutes: float, seed: int) -> dict[str, Any]:
    """Damage files for so long."""
    tried, wrong = until(60 * minutes, damage_a_file, seed)
    lost = sum(" rows of " in fault for fault in wrong)
    return {"inputs_tried": tried, "rows_lost": lost, "inputs_read_wrongly": len(wrong)}


def write_texts(minutes: float, seed: int) -> dict[str, Any]:
    """Read texts for so long."""
    tried, wrong = until(60 * minutes, write_a_text, seed)
    return {"texts_tried": tried, "texts_failed": len(wrong)}


def live_long() -> dict[str, Any]:
    """One kernel, many stage calls and redraws; what it holds early and late."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MKDKIT_RUNS"] = folder  # which the kernel is given
        warm, late = kernel.live_long(200, 500)
    is_flat = late.mib < 1.05 * warm.mib and late.files <= warm.files
    found = {"warm": asdict(warm), "after 200 stage calls and 500 redraws": asdict(late)}
    return {"kernel": {**found, "is_flat": is_flat}}


def all_parts(arguments: list[str]) -> dict[str, Any]:
    """Run every part in a process of its own, all at once; what they found together."""
    with tempfile.TemporaryDirectory() as folder:
        running = {}
        for part in PARTS:
            answer = Path(folder) / f"{part}.json"
            command = [sys.executable, str(Path(__file__).parent), "--only", part]
            running[answer] = subprocess.Popen([*command, "--answer", str(answer), *arguments])
        record: dict[str, Any] = {}
        try:
            for answer, process in running.items():
                if process.wait():
                    raise SystemExit(f"{answer.stem} did not come to its end")
                record |= json.loads(answer.read_text(encoding="utf-8"))
        finally:
            for process in running.values():
                process.kill()
    return record


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Try the kit under fire, for long.")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10, help="of damaged files, and of texts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=results.RESULTS, help="of stress.json")
    parser.add_argument("--only", choices=PARTS, help="one part, here")
    parser.add_argument("--answer", type=Path, help="where that part writes what it found")
    chosen = parser.parse_args()
    if chosen.only:
        found = PARTS[chosen.only](chosen)
        print(json.dumps(found), flush=True)
        if chosen.answer:
            chosen.answer.write_text(json.dumps(found), encoding="utf-8")
        return
    began = time.monotonic()
    wanted = {"kills": chosen.kills, "minutes": chosen.minutes, "seed": chosen.seed}
    asked = [word for name, value in wanted.items() for word in (f"--{name}", str(value))]
    record = all_parts(asked)
    record["seconds"] = round(time.monotonic() - began)
    record |= {"command": f"python tests/stress {' '.join(asked)}", **folders.machine()}
    chosen.folder.mkdir(parents=True, exist_ok=True)
    path = chosen.folder / "stress.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))
    wrong = record["inputs_read_wrongly"] + record["texts_failed"]
    if record["kills_survived"] < record["kills"] or wrong or not record["kernel"]["is_flat"]:
        raise SystemExit(1)


PARTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "kills": lambda chosen: kill_runs(chosen.kills, chosen.seed),
    "files": lambda chosen: damage_files(chosen.minutes, chosen.seed),
    "texts": lambda chosen: write_texts(chosen.minutes, chosen.seed),
    "kernel": lambda chosen: live_long(),
}

if __name__ == "__main__":
    main()
