"""Several processes that one launcher started (`accelerate launch`): who computes, and who waits.

All of them run the same program. A stage that knows how is computed by all; of any other, and of
every record, the first process is the one writer, and the others wait for it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mkdkit.training.team import Team

Said = TypeVar("Said")
_by_itself = ContextVar("by_itself", default=False)


def processes() -> int:
    """Return how many work together here: 1 without a launcher, or within `by_itself`."""
    return 1 if _by_itself.get() else int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes and speaks."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def by_itself() -> Iterator[None]:
    """Within it this process works as if it were alone: the others are waiting."""
    token = _by_itself.set(True)
    try:
        yield
    finally:
        _by_itself.reset(token)


def team() -> "Team":
    """Return the processes that work together, seen from this one."""
    from mkdkit.training.team import ALONE, Team

    return Team(_accelerator()) if processes() > 1 else ALONE


@cache
def _accelerator() -> Any:
    from datetime import timedelta

    import torch
    from accelerate import Accelerator, InitProcessGroupKwargs

    # one may wait for another's stage for long
    patience = InitProcessGroupKwargs(timeout=timedelta(days=7))
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),
        mixed_precision="no",  # the recipe's precision, not the launcher's
        kwargs_handlers=[patience],
    )
    if torch.cuda.is_available():
        torch.cuda.set_device(accelerator.local_process_index)
    return accelerator


def agree(value: Said) -> Said:
    """Return what the first process says; each waits for it."""
    if processes() == 1:
        return value
    import torch.distributed

    _accelerator()
    said = [value]
    torch.distributed.broadcast_object_list(said, src=0)
    return said[0]


def part() -> None:
    """Leave the others, when all have come to the end; a process that failed just ends.

    A process that ends with its group still there is aborted now and then, long after its work was
    done: threads of the group hold what the interpreter has taken down.
    """
    if _accelerator.cache_info().currsize:
        _accelerator().wait_for_everyone()
        _accelerator().end_training()
        _accelerator.cache_clear()
