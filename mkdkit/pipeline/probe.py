"""How fast this machine multiplies matrices: measured, for a moment, in the shapes of a stage."""

import time

import torch

PROBE_SECONDS = 0.1  # of one measurement
MOST_ROWS = 4096  # more make a product no faster


def matmul_rate(rows: int, width: int, dtype: torch.dtype, where: torch.device) -> float:
    """Return the floating-point operations a second of (rows, width) times (width, width).

    Nothing but products is done, and no kernel waits for another. Few rows are slow, as writing a
    token at a time is; wider products, as in a model's output layer, can be faster.
    """
    rows = min(rows, MOST_ROWS)
    one = torch.ones(rows, width, dtype=dtype, device=where)
    other = torch.ones(width, width, dtype=dtype, device=where)
    _seconds_of(one, other, 1)  # the first one warms up
    products = 1
    while (seconds := _seconds_of(one, other, products)) < PROBE_SECONDS:
        products *= 2
    return 2 * rows * width * width * products / seconds


def _seconds_of(one: torch.Tensor, other: torch.Tensor, products: int) -> float:
    _wait_for(one.device)
    began = time.perf_counter()
    for _ in range(products):
        torch.mm(one, other)
    _wait_for(one.device)
    return time.perf_counter() - began


def _wait_for(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.synchronize(where)
