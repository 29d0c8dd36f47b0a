"""How much memory a process took at most, watched from inside."""

import os
import threading
import time
from pathlib import Path


class Peak:
    """The most memory that was this process's own, sampled; mapped files can be given back."""

    def __init__(self, every: float = 0.05) -> None:
        self.first = self.gib = now()
        self.every = every  # seconds
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.gib = max(self.gib, now())
            time.sleep(self.every)


def now() -> float:
    """GiB that are this process's own."""
    _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 2**30
