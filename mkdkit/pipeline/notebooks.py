"""Run the notebooks: for the reader, as a page, and for those who keep their outputs.

python -m mkdkit.pipeline.notebooks demo          00 to 06, copies under data/runs/notebooks/
python -m mkdkit.pipeline.notebooks page          demo.ipynb as a page without code, in the browser
python -m mkdkit.pipeline.notebooks refresh       all, from nothing, stored in place
python -m mkdkit.pipeline.notebooks refresh 03    only those; what earlier refreshes computed
                                                  is loaded
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

import mkdkit
from mkdkit.pipeline import clean_notebooks, folders, recipes, results

ROOT = Path(mkdkit.__file__).parents[1]
FOLDER = ROOT / "notebooks"
VOILA = ["--show_tracebacks=True", "--Voila.log_level=ERROR"]
BAR = "{desc} |{bar:24}| {n_fmt:>2}/{total_fmt} cells  {elapsed}"


class NotebookError(Exception):
    """A notebook stopped; the message says where and why."""


def run(path: Path, copy: Path, *, timeout: int | None = None, show: bool = True) -> NotebookNode:
    """Return `path` executed from top to bottom in a kernel of its own; also written to `copy`.

    Args:
        path: the notebook; it is not changed.
        copy: where the executed copy goes, also when a cell fails.
        timeout: seconds a cell may take; None: any.
        show: show a progress bar.

    Raises:
        NotebookError: a cell failed, or the kernel died.
    """
    # this environment's kernel, not one of the same name that another project left for the user
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    notebook = nbformat.read(path, as_version=4)
    cells = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    look: dict[str, Any] = {"desc": f"{path.stem:<26}", "bar_format": BAR, "disable": not show}
    with tqdm(total=len(cells), **look) as bar, _ticking(bar):
        client = NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            record_timing=False,
            extra_arguments=["--log-level=40"],  # errors only: warnings would break the bar's line
            resources={"metadata": {"path": str(path.parent)}},
            on_cell_executed=lambda **_: bar.update(),
        )
        try:
            client.execute(env=_environment())
        except CellExecutionError as error:
            raise NotebookError(_explain(path, cells, error)) from error
        except DeadKernelError as error:
            cause = "its kernel died, most often for want of memory"
            raise NotebookError(f"{path.stem} stopped: {cause}") from error
        finally:
            copy.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, copy)
    return notebook


@contextmanager
def _ticking(bar: tqdm) -> Iterator[None]:
    """Keep a bar's clock going while a long cell runs."""
    done = threading.Event()

    def tick() -> None:
        while not done.wait(5):
            bar.refresh()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}  # figures go inline


def _explain(path: Path, cells: Sequence[NotebookNode], error: CellExecutionError) -> str:
    """Say in a few lines which cell failed and how."""
    failed = [c for c in cells if any(o.output_type == "error" for o in c.outputs)]
    number = cells.index(failed[0]) + 1 if failed else 0
    lines = failed[0].source.splitlines() if failed else []
    shown = [f"    {line}" for line in lines[:8]] + (["    ..."] if len(lines) > 8 else [])
    cause = f"{error.ename}: {error.evalue}"[:800]
    return "\n".join([f"{path.stem} stopped in code cell {number}:", *shown, cause])


def demo() -> None:
    """Run notebooks 00 to 06 and say what they made."""
    began, paths = time.time(), sorted(FOLDER.glob("0[0-6]*.ipynb"))
    copies = folders.runs_folder() / "notebooks"
    if not paths:
        raise NotebookError(f"no notebooks in {FOLDER}; is the checkout complete?")
    print(f"Running {len(paths)} notebooks in profile {os.environ['MKDKIT_PROFILE']}.")
    for path in paths:
        run(path, copies / path.name)
    print(f"\nDone in {(time.time() - began) / 60:.1f} minutes.")
    print(f"Read the notebooks, executed, in {_short(copies)}/ (or open them: make lab)")
    drawn = sorted(p for p in (ROOT / "figures").glob("*.png") if p.stat().st_mtime >= began)
    if drawn:
        print("Figures, each also as .svg:", *(f"  {_short(path)}" for path in drawn), sep="\n")
    print(newest_table())


def page() -> None:
    """Serve demo.ipynb with Voila until it is interrupted; what it lacks is computed first.

    Raises:
        NotebookError: Voila is not installed, or the notebook stopped.
    """
    if find_spec("voila") is None:
        raise NotebookError("a page needs Voila: pip install 'mkdkit[page]'")
    path = FOLDER / "demo.ipynb"
    print("Computing what the page needs; the first time this takes some minutes.")
    run(path, folders.runs_folder() / "notebooks" / path.name)
    print("Opening the page; Ctrl-C ends it.")
    served = subprocess.run([sys.executable, "-m", "voila", str(path), *VOILA], check=False)
    if served.returncode:
        raise NotebookError(f"Voila ended with {served.returncode}; what it said stands above")


def newest_table() -> str:
    """Return the accuracy table of the default run's newest report; "" if it has made none."""
    wanted = asdict(recipes.make(os.environ.get("MKDKIT_PROFILE") or recipes.default_profile()))
    reports = [
        path
        for path in folders.runs_folder().glob("report-*/report.json")
        if json.loads(path.read_text(encoding="utf-8"))["settings"] == wanted
    ]
    newest = max(reports, key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        return ""
    report = json.loads(newest.read_text(encoding="utf-8"))
    width = max(len(arm["name"]) for arm in report["arms"])
    rows = [_row(arm, width) for arm in report["arms"]]
    task = report["settings"]["questions"]["task"]
    title = f"Test accuracy on {task}, one seed, 95% interval ({_short(newest)}):"
    return "\n".join([title, *rows])


def _row(arm: Mapping[str, Any], width: int) -> str:
    low, high = arm["interval"]
    accuracy = f"{arm['accuracy']:5.1f}%  ({low:.1f} to {high:.1f}, n = {arm['n']})"
    return f"  {arm['name']:<{width}}  {accuracy}"


def refresh(names: Sequence[str] = ()) -> list[str]:
    """Run numbered notebooks and store them clean, in place; return what is not clean.

    Args:
        names: beginnings of file names; none: all of them, with nothing computed before.
    """
    runs = folders.runs_folder() / "refresh"
    if not names and runs.exists():
        shutil.rmtree(runs)
    os.environ["MKDKIT_RUNS"] = str(runs)
    found = []
    for path in sorted(FOLDER.glob("*.ipynb")):
        if names and not path.name.startswith(tuple(names)):
            continue
        notebook = clean_notebooks.clean(run(path, runs / "notebooks" / path.name))
        nbformat.write(notebook, path)
        found += [f"{path.name}: {fault}" for fault in clean_notebooks.faults(notebook)]
    if os.environ["MKDKIT_PROFILE"] == "tiny":
        keep_default()
    return found


def keep_default(folder: Path = results.RESULTS) -> None:
    """Keep the default run's report, the one with most arms, where the README quotes it."""
    reports = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in folders.runs_folder().glob("report-*/report.json")
    ]
    wanted = asdict(recipes.make("tiny"))
    ours = [report for report in reports if report["settings"] == wanted]
    if ours:
        widest = max(ours, key=lambda report: len(report["arms"]))
        text = json.dumps({"command": "make notebooks", **widest}, indent=1) + "\n"
        (folder / "tiny_default.json").write_text(text, encoding="utf-8")


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 if a notebook stopped or is not clean, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m mkdkit.pipeline.notebooks")
    parser.add_argument("what", choices=["demo", "page", "refresh"])
    parser.add_argument("names", nargs="*", help="refresh only these, e.g. 03")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("MKDKIT_PROFILE", "tiny")
    try:
        found = None
        if chosen.what == "refresh":
            found = refresh(chosen.names)
        else:
            {"demo": demo, "page": page}[chosen.what]()
    except NotebookError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was computed is kept: run it again to go on.", file=sys.stderr)
        return 130
    for fault in found or []:
        print(f"not clean: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
