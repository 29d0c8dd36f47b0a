"""Compute or load: every stage's result is a folder that says what made it.

A stage is a function that fills a folder. Its key names all that could change the result: the
stage's settings, the stages before it, the content of outside files, and the source of every
function it uses (`keys`). The same key loads what is there; anything else is computed. `done.json`
is written last, so a folder without it is unfinished work to go on with, never a result.
"""

import contextlib
import importlib.metadata
import json
import logging
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import mkdkit
from mkdkit import events, strict_json
from mkdkit.events import DONE
from mkdkit.pipeline import launched
from mkdkit.pipeline.keys import make_key

log = logging.getLogger("mkdkit")
ANNOUNCE = "MKDKIT_ANNOUNCE"  # names a file that is told which folder is being computed
_only_loads = ContextVar("only_loads", default=False)
SPENT = ".spent"  # in an unfinished stage's folder: the seconds of earlier tries
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "tokenizers", "numpy")


@dataclass(frozen=True, slots=True)
class Stage:
    """A finished stage: its folder, and the record of how it was made."""

    name: str
    key: str
    folder: Path
    done: dict[str, Any]  # settings, inputs, counts, seconds, peak_gib, versions, device, ...


class NotComputedError(ValueError):
    """A stage that was to be loaded, and by no means computed, is not there."""


@contextlib.contextmanager
def only_load() -> Iterator[None]:
    """Within it nothing is computed: to ask for a stage that is not finished is an error."""
    token = _only_loads.set(True)
    try:
        yield
    finally:
        _only_loads.reset(token)


class Work:
    """What a stage's function is given: its folder, and a place for events and counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: dict[str, Any] = {}

    def event(self, **fields: Any) -> None:
        """Append one event to the folder's event file, at once, so that others can follow it."""
        if launched.is_first():
            events.append(self.folder, **fields)


def runs_folder() -> Path:
    """Return where stages' folders lie: MKDKIT_RUNS, or data/runs; a smoke run's are temporary."""
    if os.environ.get("MKDKIT_RUNS"):
        return Path(os.environ["MKDKIT_RUNS"])
    if os.environ.get("MKDKIT_PROFILE") == "smoke":
        return _temporary()
    return Path(mkdkit.__file__).parents[1] / "data" / "runs"


def free_space(folder: Path) -> int:
    """Return the bytes free where a folder is, or would be made."""
    there = next(one for one in (folder, *folder.parents) if one.is_dir())
    return shutil.disk_usage(there).free


@cache
def _temporary() -> Path:
    if launched.processes() > 1:  # one folder for all that a launcher started on this machine
        return Path(tempfile.gettempdir()) / f"mkdkit-smoke-{os.getppid()}"
    return Path(tempfile.mkdtemp(prefix="mkdkit-smoke-"))


def compute_or_load(
    name: str,
    compute: Callable[..., None],
    *arguments: Any,
    settings: Any,
    inputs: Sequence[Stage] = (),
    files: Sequence[Path] = (),
    fresh: bool = False,
    shared: bool = False,
) -> Stage:
    """Return a stage's result: loaded if its folder is finished, computed otherwise.

    Of several processes that a launcher started (`launched`), all come here with the same stage;
    the first holds its folder and writes its record.

    Args:
        name: the stage's.
        compute: called as `compute(work, *arguments)`; fills `work.folder`.
        arguments: handed on; what they hold must follow from settings, inputs and files.
        settings: a dataclass or mapping with all that the result depends on.
        inputs: the stages it reads.
        files: outside files it reads (data, weights), by content.
        fresh: compute again even if the result is there.
        shared: several processes compute it together; otherwise the first does, by itself.

    Raises:
        NotComputedError: it is not there, and was asked for within `only_load`.
    """
    plain = asdict(settings) if is_dataclass(settings) else dict(settings)  # type: ignore[call-overload]
    key = make_key(name, plain, [stage.key for stage in inputs], files, compute)
    folder = runs_folder() / f"{name}-{key}"
    if _only_loads.get() and not (folder / DONE).is_file():
        raise NotComputedError(f"the stage {name!r} of these settings is not in {runs_folder()}")
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder) if launched.is_first() else contextlib.nullcontext():
        if fresh and launched.is_first():
            _empty(folder)
        if not launched.agree((folder / DONE).is_file()):
            mine = contextlib.nullcontext() if shared else launched.by_itself()
            if shared or launched.is_first():
                with mine:
                    _compute(name, key, folder, compute, arguments, plain, inputs)
            launched.agree(True)  # the others wait for the record
        done = read_done(folder)
    return Stage(name, key, folder, done)


def read_done(folder: Path) -> dict[str, Any]:
    """Return a finished stage's record.

    Raises:
        ValueError: it is damaged.
    """
    needed = {"stage": str, "key": str, "inputs": list, "counts": dict, "seconds": (int, float)}
    return strict_json.read_object(folder / DONE, needed)


def _only_one(folder: Path) -> Any:
    """Return a held lock on a folder; waits, and says so, while another process computes it."""
    lock = FileLock(folder / ".lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s: another process is computing this stage; waiting for it", folder.name)
        return lock.acquire()


def _empty(folder: Path) -> None:
    (folder / DONE).unlink(missing_ok=True)  # first: half-emptied must not look finished
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _compute(
    name: str,
    key: str,
    folder: Path,
    compute: Callable[..., None],
    arguments: Sequence[Any],
    settings: dict[str, Any],
    inputs: Sequence[Stage],
) -> None:
    _announce(folder)
    work, began = Work(folder), time.perf_counter()
    spent = _spent_before(folder) if launched.is_first() else 0.0
    _reset_peak()
    compute(work, *arguments)
    if not launched.is_first():
        return
    done = {
        "stage": name,
        "key": key,
        "settings": settings,
        "inputs": [[stage.name, stage.key] for stage in inputs],
        "counts": work.counts,
        "seconds": round(spent + time.perf_counter() - began, 2),
        "peak_gib": round(peak_gib(), 3),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **machine(),
    }
    partial = folder / (DONE + ".part")
    partial.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / DONE)
    (folder / SPENT).unlink(missing_ok=True)


def _spent_before(folder: Path) -> float:
    """Return the seconds of a stage's earlier tries, and note that one more begins.

    A try that was killed could not say when: it lasted until it last wrote anything.
    """
    note, seconds = folder / SPENT, 0.0
    if note.is_file():
        written = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
        last = max(path.stat().st_mtime for path in written)
        seconds = float(note.read_text(encoding="utf-8") or 0) + last - note.stat().st_mtime
    note.write_text(f"{seconds}\n", encoding="utf-8")
    return seconds


def _announce(folder: Path) -> None:
    path = os.environ.get(ANNOUNCE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"folder": str(folder)}) + "\n")


def machine() -> dict[str, Any]:
    """Return what a result was made on: device, threads, versions."""
    record: dict[str, Any] = {"device": "cpu", "threads": os.cpu_count(), "versions": versions()}
    torch = sys.modules.get("torch")  # a stage that needs no torch must not load it to say so
    if torch is not None:
        record["threads"] = torch.get_num_threads()
        if torch.cuda.is_available():
            record["device"] = torch.cuda.get_device_name()
    return record


def versions() -> dict[str, str]:
    """Return the versions of mkdkit, Python and the libraries that shape a result."""
    found = {"mkdkit": mkdkit.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _reset_peak() -> None:
    with contextlib.suppress(OSError):  # Linux: start the process's high-water mark afresh
        Path("/proc/self/clear_refs").write_text("5")
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_gib() -> float:
    """Return the peak memory of this process since the stage began, in GiB (the GPU's if used).

    0 where the system does not tell (Windows).
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 2**20
    except (OSError, IndexError):
        return _peak_of_process()


def _peak_of_process() -> float:
    try:
        import resource  # not on Windows
    except ImportError:
        return 0.0
    scale = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
