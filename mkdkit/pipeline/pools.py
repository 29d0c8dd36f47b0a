"""Processes that measure the cells of a grid, each with its share of the machine's cores."""

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextlib.contextmanager
def pool(processes: int) -> Iterator[Executor | None]:
    """Return an executor of so many processes; None for one, which needs no other.

    They start anew (nothing is inherited but the environment), share the cores, and draw no
    progress bars: several would write over one another.

    Raises:
        ValueError: there is less than one process.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, got {processes}")
    if processes == 1:
        yield None
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    share = str(max(1, (cores or 1) // processes))
    given = {"TQDM_DISABLE": "1"} | {name: os.environ.get(name, share) for name in THREADS}
    with _environment(given), ProcessPoolExecutor(processes, get_context("spawn")) as executor:
        try:
            yield executor
        except BaseException:  # Ctrl-C above all: what is waiting must not be begun
            executor.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def _environment(given: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
