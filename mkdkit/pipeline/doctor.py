"""What this machine can run: Python, libraries, processor, GPU, bases, disk."""

import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator

from mkdkit.pipeline import folders
from mkdkit.tasks import catalogue

GIB = 2**30


def examine() -> Iterator[str]:
    """Yield one line per finding: "ok", "note" or "MISSING", then what it means."""
    yield from _python()
    yield from _libraries()
    yield from _processor()
    yield from _bases()
    yield from _room()
    yield f"tasks    {', '.join(catalogue.TASKS)}"


def _python() -> Iterator[str]:
    version = platform.python_version()
    enough = sys.version_info >= (3, 11)
    yield (
        f"ok       Python {version}" if enough else f"MISSING  Python 3.11 or newer, got {version}"
    )


def _libraries() -> Iterator[str]:
    needed = (
        "torch",
        "transformers",
        "peft",
        "safetensors",
        "matplotlib",
        "ipywidgets",
        "jupyterlab",
    )
    for name in needed:
        if importlib.util.find_spec(name) is None:
            yield f"MISSING  {name}: run `make .venv`, or see the README for conda and Windows"
        else:
            yield f"ok       {name} {importlib.metadata.version(name)}"
    if importlib.util.find_spec("bitsandbytes") is None:
        yield "note     bitsandbytes: not here, so no 4-bit bases; method 'lora' works without it"
    else:
        yield f"ok       bitsandbytes {importlib.metadata.version('bitsandbytes')} (4-bit bases)"


def _processor() -> Iterator[str]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    from mkdkit.models import loading

    precision = loading.fast_precision()
    yield f"ok       {os.cpu_count()} CPU cores; training runs in {precision}"
    if not torch.cuda.is_available():
        yield "note     no CUDA device: profile tiny runs here, profile gpu does not"
        return
    for number in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(number)
        memory = device.total_memory / GIB
        yield f"ok       GPU {device.name}, {memory:.0f} GiB: profile gpu runs here"


def _bases() -> Iterator[str]:
    if importlib.util.find_spec("transformers") is None:
        return
    from mkdkit.models import tiny

    for name in tiny.TINY:
        try:
            tiny.folder(name)
            yield f"ok       base {name}"
        except ValueError as error:
            yield f"MISSING  {error}"


def _room() -> Iterator[str]:
    runs = folders.runs_folder()
    free = folders.free_space(runs) / GIB
    word = "ok      " if free > 2 else "MISSING "
    yield f"{word} {free:.0f} GiB free for runs in {runs} (a tiny run needs under 1)"
