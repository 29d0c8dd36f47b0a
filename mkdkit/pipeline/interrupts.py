"""Ctrl-C and SIGTERM: a training ends at a checkpoint, and everything else at once."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mkdkit import events
from mkdkit.pipeline import launched

log = logging.getLogger("mkdkit")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME = 0.5  # seconds within which two signals are one


@contextlib.contextmanager
def sigterm_unwinds() -> Iterator[None]:
    """Within it SIGTERM does what Ctrl-C does, instead of ending the process where it stands."""

    def heard(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    with _handling(heard, (signal.SIGTERM,)):
        yield


@contextlib.contextmanager
def at_checkpoint(folder: Path) -> Iterator[None]:
    """Within it a first signal asks the training in a folder to stop after the step in hand.

    A second one stops at once, unless it comes with the first: a terminal tells every process, and
    who has processes of its own tells them once more. Threads besides the first cannot listen to
    signals, and do not.

    Raises:
        KeyboardInterrupt: a signal came too late for the training to hear it.
    """
    came: float | None = None

    def heard(number: int, frame: Any) -> None:
        nonlocal came
        if came is not None:
            if time.monotonic() - came > SAME:
                raise KeyboardInterrupt
            return
        came = time.monotonic()
        events.ask_to_stop(folder)
        log.warning("stopping at a checkpoint after this step; once more stops at once")

    with _handling(heard, SIGNALS):
        yield
    if came is not None:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _handling(heard: Callable[[int, Any], None], numbers: tuple[int, ...]) -> Iterator[None]:
    is_first_thread = threading.current_thread() is threading.main_thread()
    if not is_first_thread or launched.processes() > 1:  # several would have to agree on the step
        yield
        return
    before = {number: signal.signal(number, heard) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
