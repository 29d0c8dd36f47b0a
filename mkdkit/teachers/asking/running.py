"""Running a coroutine from anywhere, also from a notebook's cell, whose kernel runs a loop."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


def run(work: Coroutine[Any, Any, None]) -> None:
    """`asyncio.run`; where a loop runs already, in a thread beside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()

    async def told() -> None:
        task = asyncio.current_task()
        assert task is not None
        begun.set_result((asyncio.get_running_loop(), task))
        await work

    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(asyncio.run, told())
        try:
            done.result()
        except KeyboardInterrupt:  # the reader stops the cell: what is in flight is given up
            loop, task = begun.result()
            loop.call_soon_threadsafe(task.cancel)
            raise
