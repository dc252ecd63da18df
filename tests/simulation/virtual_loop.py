"""An event loop whose time stands still while there is work, and jumps to the next timer when there is none.

It knows whose callbacks it runs: a process that dies takes no step more, wherever it was, and nothing of it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any

LONGEST_S = 24 * 3600.0


class Mortal:
    """A process of the simulated world. `fatal` counts its steps down, where it is to die between any two of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.died = asyncio.Event()
        self.fatal: int | None = None
        self.on_death: Callable[[], None] = lambda: None

    def takes_a_step(self) -> bool:
        """Whether it lives to take it."""
        if self.is_dead:
            return False
        if self.fatal is not None:
            self.fatal -= 1
            if self.fatal <= 0:
                self.die()
        return not self.is_dead

    def die(self) -> None:
        if not self.is_dead:
            self.is_dead = True
            self.died.set()
            self.on_death()


WHO: ContextVar[Mortal | None] = ContextVar("WHO", default=None)
"""Whose work a callback is; nobody's is never interrupted."""


class _NoSockets:
    """A selector in whose world nothing ever comes from outside."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the simulated world has come to a standstill: nothing is left to happen")
        self._loop.now_s += timeout
        return []

    def close(self) -> None:
        """Nothing to close."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Deterministic: the same calls give the same order."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self._selector = _NoSockets(self)
        self._clock_resolution = 1e-6
        self._tasks: set[asyncio.Task[Any]] = set()  # the dead too: to collect one would run its `finally`
        self._mortals: list[Mortal] = []
        self.unexpected: list[BaseException] = []  # what tasks ended with and nobody took
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]  # its own loops only

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Instead of printing it."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.unexpected.append(error)

    def _make_task(
        self, _loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=self, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def time(self) -> float:
        return self.now_s

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if not _lives(context):
            return asyncio.Handle(callback, args, self, context)
        return super().call_soon(callback, *args, context=context)

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if not _lives(context):
            return asyncio.TimerHandle(when, callback, args, self, context)
        return super().call_at(when, self._if_alive, callback, args, context=context)

    def _if_alive(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        who = WHO.get()
        if who is None or not who.is_dead:
            callback(*args)

    def bear(self, name: str) -> tuple[Mortal, Context]:
        """A new process, and the context of its work."""
        who = Mortal(name)
        who.on_death = lambda: self._bury(who)
        self._mortals.append(who)
        context = copy_context()
        context.run(WHO.set, who)
        return who, context

    def end_everybody(self) -> None:
        """Nobody takes another step; what is left of all but the caller is closed, whatever it says."""
        for who in self._mortals:
            who.is_dead = True
        for task in self._tasks - {asyncio.current_task(self)}:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - it is meant to be
            with suppress(RuntimeError):  # a coroutine that awaits in a `finally`
                task.get_coro().close()
        self._tasks.clear()

    def _bury(self, who: Mortal) -> None:
        """What it was about to do is not done."""
        for handle in self._ready:  # type: ignore[attr-defined]
            if handle._context is not None and handle._context.get(WHO) is who:  # noqa: SLF001 - no other way to ask
                handle.cancel()


def _lives(context: Context | None) -> bool:
    who = WHO.get() if context is None else context.get(WHO)
    return who is None or who.takes_a_step()
