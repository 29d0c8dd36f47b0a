"""Several processes that train one model: who takes which rows, and how sums are put together.

`accelerate` starts them, names them and wraps the model so that gradients are averaged. What is
here keeps the arithmetic that of one process: every row counts once, whatever their number.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from accelerate import Accelerator

Item = TypeVar("Item")


class Team:
    """The processes of one training, seen from one of them; without an accelerator, just this."""

    def __init__(self, accelerator: Accelerator | None = None) -> None:
        self._accelerator = accelerator
        self.processes = accelerator.num_processes if accelerator else 1
        self.index = accelerator.process_index if accelerator else 0

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.index == 0

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()

    def take(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield this process's share of items that need not be computed at one time."""
        yield from itertools.islice(items, self.index, None, self.processes)

    def prepare(self, model: Any) -> Any:
        """Return the model as the team runs it; its weights stay those of `model`."""
        if self._accelerator is None or self.processes == 1:
            return model
        return self._accelerator.prepare_model(model)

    def share(self, rows: Sequence[Item]) -> tuple[Sequence[Item], float]:
        """Return this process's rows of a batch, and the weight of their loss.

        A process without a row runs one at weight 0: each must take part in every backward pass,
        or the others would wait for it.
        """
        mine = rows[self.index :: self.processes]
        return (mine, 1.0) if mine else (rows[:1], 0.0)

    def add_up(self, value: float, where: torch.device) -> float:
        """Return the sum of a number over all processes."""
        if self._accelerator is None or self.processes == 1:
            return value
        number = torch.tensor(value, dtype=torch.float64, device=where)
        total: Any = self._accelerator.reduce(number, reduction="sum")
        return total.item()


ALONE = Team()
