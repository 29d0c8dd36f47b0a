"""How fast, and in how much memory, rationales are collected: `python tests/benchmarks/asking.py`.

10,000 questions, two prompts each, 64 requests at a time, at a scripted server in a process of its
own on this machine. Writes data/results/bench_asking.csv: a row for every thousandth question.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from teacher_server import Teacher

from mkdkit.pipeline import results
from mkdkit.records import Question
from mkdkit.tasks import catalogue
from mkdkit.teachers.asking import collect, session
from mkdkit.teachers.asking.settings import AskSettings

TABLE = "bench_asking"
EVERY = 1000  # questions between two rows
RATIONALE = " ".join(f"{k} + {k} = {2 * k}." for k in range(30))  # as long as a real one


def reply(prompt: str, number: int) -> str:
    """What the scripted teacher says."""
    return "7." if prompt.endswith("the answer is") else RATIONALE


def serve(pipe) -> None:
    """Serve until the pipe says that it is over; tell how many requests came."""
    teacher = Teacher(reply)
    with teacher.serving() as url:
        pipe.send(url)
        pipe.recv()
    pipe.send(sum(teacher.seen.values()))


def mebibytes() -> float:
    """What this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(n: int, concurrency: int, folder: Path) -> list[dict]:
    """Collect from `n` questions; return a row for every thousand of them."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    server.start()
    task = catalogue.find("svamp")
    questions = [Question(f"q/{k}", f"Ann has {k} nuts. How many?", "7") for k in range(n)]
    settings = AskSettings(
        model="scripted", base_url=ours.recv(), rationales_per_question=1, concurrency=concurrency
    )
    rows, started = [], time.monotonic()

    def watch(progress: collect.Progress) -> None:
        if progress.questions % EVERY == 0:
            seconds = time.monotonic() - started
            row = {"questions": progress.questions, "requests": progress.requests}
            row |= {"seconds": round(seconds, 1), "mebibytes": round(mebibytes(), 1)}
            rows.append(row | {"requests_per_second": round(progress.requests / seconds, 1)})
            print(json.dumps(rows[-1]), flush=True)

    try:
        done = session.ask(
            questions,
            task=task,
            settings=settings,
            out=folder / "said.jsonl",
            bar=False,
            watch=watch,
        )
    finally:
        ours.send("over")
        seen = ours.recv()
        server.join()
    if not (done.rationales == n and seen == 2 * n):
        raise SystemExit(f"{done.rationales} of {n} rationales, {seen} requests for {2 * n}")
    return rows


def main() -> None:
    """Run the benchmark and keep what it found."""
    parser = argparse.ArgumentParser(description="How fast rationales are collected.")
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=64)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(chosen.questions, chosen.concurrency, Path(folder))
    (results.RESULTS / f"{TABLE}.csv").unlink(missing_ok=True)
    for row in rows:
        results.append_row(TABLE, row)
    results.write_provenance(TABLE, "python tests/benchmarks/asking.py", vars(chosen))


if __name__ == "__main__":
    main()
