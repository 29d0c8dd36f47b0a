"""Processes that measure the cells of a grid: here, sharing the cores, or on a cluster."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from mkdkit.pipeline import folders

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextlib.contextmanager
def pool(processes: int) -> Iterator[Executor | None]:
    """Return an executor of so many processes; None for one, which needs no other.

    One that dies, for want of memory above all, costs no more than what it was at: a fresh one
    tries that again, once. They start anew (nothing is inherited but the environment), share the
    cores, and draw no progress bars: several would write over one another. What interrupts this
    process interrupts them, and when it is gone they end.

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
    with _environment(given), Lasting(processes) as executor:
        try:
            yield executor
        except BaseException:  # Ctrl-C above all: what is waiting must not be begun
            executor.interrupt()
            executor.shutdown(cancel_futures=True)
            raise


class Lasting(Executor):
    """Processes that are each replaced when they die; a pool of several would end with one."""

    def __init__(self, processes: int) -> None:
        self._threads = ThreadPoolExecutor(processes)  # each has a process of its own
        self._own = threading.local()
        self._begun: list[ProcessPoolExecutor] = []
        self._others = multiprocessing.active_children()  # of whoever asks for these
        self._is_ending = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called in one of the processes."""
        return self._threads.submit(self._call, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, after what is waiting or, if that is cancelled, what was begun."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        for process in self._begun:
            process.shutdown(wait, cancel_futures=cancel_futures)

    def interrupt(self) -> None:
        """Have every process do what Ctrl-C does there; none is replaced any more."""
        self._is_ending = True
        for process in multiprocessing.active_children():
            if process not in self._others and process.pid and os.name == "posix":
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(process.pid, signal.SIGINT)

    def _call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        for _ in range(2):
            if not hasattr(self._own, "process"):
                self._own.process = ProcessPoolExecutor(
                    1, multiprocessing.get_context("spawn"), _end_with_parent
                )
                self._begun.append(self._own.process)
            try:
                return self._own.process.submit(fn, *args, **kwargs).result()
            except BrokenProcessPool:
                del self._own.process
                if self._is_ending:
                    raise
        raise MemoryError(
            "its process was killed, and so was a second one: for want of memory, most likely; "
            "with fewer processes each has more"
        )


def _end_with_parent() -> None:
    """In a process of a pool: watch for the end of who made it, which may come without a word."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


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


@contextlib.contextmanager
def cluster(scheduler: Any) -> Iterator[Executor]:
    """Return an executor of a Dask cluster's workers.

    A cell whose worker dies is given to another one, which goes on from what stages have kept.

    Args:
        scheduler: the address of a running one, such as "tcp://login-node:8786"; or a cluster.

    Raises:
        ValueError: Dask is not installed, or the workers are not ready to share one grid.
    """
    try:
        from distributed import Client
    except ImportError as error:
        rule = "a cluster needs Dask, which is not installed here"
        raise ValueError(f"{rule}; install dask and distributed (mkdkit's extra scale)") from error
    with Client(scheduler) as client:
        _require_workers(client)
        # pure: two cells that are the same to Dask would be one; a failed one is to be tried again
        yield client.get_executor(pure=False)


def _require_workers(client: Any) -> None:
    threads = client.nthreads()
    if not threads:
        raise ValueError("the cluster has no workers yet; start some, then give the command again")
    if several := [worker for worker, count in threads.items() if count != 1]:
        raise ValueError(
            f"a worker measures one cell at a time, got {len(several)} of {len(threads)} workers "
            "with several threads; start them with --nthreads 1"
        )
    ours, theirs = _runs(), client.run(_runs)
    if other := sorted(set(theirs.values()) - {ours}):
        raise ValueError(
            f"all must see one folder of runs, ours is {ours}, a worker's {other[0]}; set "
            "MKDKIT_RUNS to a folder that all see, also where workers are started"
        )


def _runs() -> str:
    return str(folders.runs_folder().resolve())
