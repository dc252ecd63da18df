"""Work that may hang: in a thread of its own, which ends with the process.

A file system whose server is away holds whoever looks at it, for hours maybe. The loop's own threads would all end up
there, and the agent could not even stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TypeVar

MOST = 32
T = TypeVar("T")
_running: set[Thread] = set()


async def in_thread(work: Callable[[], T]) -> T:
    """What it gives or raises. Raises `OSError` when too many hang already. Cancelled, it goes on unheard."""
    _running.intersection_update([thread for thread in _running if thread.is_alive()])
    if len(_running) >= MOST:
        raise OSError(f"{MOST} things that hang on this host are waited for already")
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised to whoever waits
            _say(loop, partial(_fail, done, error))
        else:
            _say(loop, partial(_succeed, done, result))

    thread = Thread(target=run, name="look", daemon=True)
    _running.add(thread)
    thread.start()
    return await done


def _say(loop: asyncio.AbstractEventLoop, tell: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: the agent has ended
        loop.call_soon_threadsafe(tell)


def _succeed(done: asyncio.Future[T], result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[T], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
