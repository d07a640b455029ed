"""Requests under way at once, handed out one by one to a caller that knows nothing of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

__all__ = ["concurrently"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_END_S = 5.0


def concurrently(
    work: Callable[[_Item], Awaitable[_Result]],
    items: Sequence[_Item],
    limit: int,
    within: AbstractAsyncContextManager[Any],
) -> Iterator[_Result]:
    """Work on ``items``, ``limit`` at a time, and yield the results as they come.

    The first error cancels the rest and is raised; so does a caller that stops listening. What was cancelled is over
    when this returns: no request is under way any more. Results that nobody has taken hold up further work.

    Args:
        work: what is done with an item.
        items: taken in their order.
        limit: how many at once.
        within: entered before the first and left behind the last.
    """
    results: queue.Queue[_Result | BaseException] = queue.Queue()
    loop = asyncio.new_event_loop()
    room = asyncio.Semaphore(2 * limit)
    task = loop.create_task(_all(work, items, limit, within, results, room))
    thread = threading.Thread(target=_run, args=(loop, task), name="leadline-endpoint", daemon=True)
    thread.start()
    try:
        for _ in items:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            _tell(loop, room.release)
            yield result
    finally:
        _tell(loop, task.cancel)
        thread.join(_END_S)  # cancelled work ends at once; only a name server can hold it up


async def _all(
    work: Callable[[_Item], Awaitable[_Result]],
    items: Sequence[_Item],
    limit: int,
    within: AbstractAsyncContextManager[Any],
    results: queue.Queue[_Result | BaseException],
    room: asyncio.Semaphore,
) -> None:
    todo = iter(items)

    async def worker() -> None:
        for item in todo:
            await room.acquire()
            results.put(await work(item))

    try:
        async with within, asyncio.TaskGroup() as group:
            for _ in range(min(limit, len(items))):
                group.create_task(worker())
    except BaseExceptionGroup as several:
        results.put(several.exceptions[0])
    except Exception as error:
        results.put(error)


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    finally:
        loop.close()


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], object]) -> None:
    """Have a loop in another thread call something, if it has not ended by itself."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(what)
