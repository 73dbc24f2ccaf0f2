"""Waiting on an event loop for the native client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ._native import CompletionQueue

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable

_queues: WeakKeyDictionary[AbstractEventLoop, CompletionQueue] = WeakKeyDictionary()


async def completion(start: Callable[..., int], *arguments: Any) -> Any:
    """Start work for the running event loop and wait for its result. Cancelling the wait stops the work."""
    # Not at the top: asyncio takes several times as long to import as the rest of this package.
    from asyncio import get_running_loop

    loop = get_running_loop()
    queue = _queues.get(loop) or _open(loop)
    future: Future[Any] = loop.create_future()
    token = start(queue, future, *arguments)
    try:
        return await future
    except BaseException:
        queue.abort(token)
        raise


def _open(loop: AbstractEventLoop) -> CompletionQueue:
    _close_stale()
    queue = _queues[loop] = CompletionQueue.open(loop)
    return queue


def _close_stale() -> None:
    """Close the queues of closed loops: a call that was in flight would keep its loop and two descriptors for ever."""
    for reference in _queues.keyrefs():
        loop = reference()
        if loop is not None and loop.is_closed():
            queue = _queues.pop(loop, None)
            if queue is not None:
                queue.close()
