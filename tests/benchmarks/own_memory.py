"""How much memory a process took at most, watched from inside."""

import os
import threading
import time
from pathlib import Path


class Peak:
    """The most memory that was this process's own, sampled; mapped files can be given back."""

    def __init__(self) -> None:
        self.gib = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while True:
            _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
            self.gib = max(self.gib, (resident - shared) * page / 2**30)
            time.sleep(0.05)
