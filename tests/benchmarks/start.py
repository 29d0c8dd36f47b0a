"""What a first keystroke costs: the import, the help, and a whole run of profile smoke."""

import os
import statistics
import subprocess
import sys
import time

from record import keep

IMPORT = """
import sys, time
began = time.perf_counter()
import mkdkit
print(time.perf_counter() - began)
assert "torch" not in sys.modules, "import mkdkit loads torch"
"""
MAIN = "import sys; from mkdkit.__main__ import main; sys.exit(main(sys.argv[1:]))"


def seconds_of(*arguments: str) -> float:
    """Wall-clock seconds of one command line, from nothing to its end."""
    began = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {name: value for name, value in os.environ.items() if name != "MKDKIT_RUNS"}
    command = [sys.executable, "-c", MAIN, *arguments]
    subprocess.run(command, check=True, env=environment, **quiet)  # type: ignore[call-overload]
    return time.perf_counter() - began


def main(rounds: int = 5) -> None:
    """Time each `rounds` times (the run: once); keep the medians."""
    importing = [
        float(subprocess.check_output([sys.executable, "-c", IMPORT])) for _ in range(rounds)
    ]
    helping = [seconds_of("--help") for _ in range(rounds)]
    found = {
        "import_s": round(statistics.median(importing), 4),
        "help_s": round(statistics.median(helping), 2),
        "run_s": round(seconds_of("run", "--profile", "smoke"), 1),
    }
    keep("start", found)
    print(found, flush=True)


if __name__ == "__main__":
    main()
