"""Probes under way: each turn once at a time, so many at once, the others waiting in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from functools import partial

import msgspec
import structlog

from vedette.domain.ids import CheckId

log = structlog.get_logger(__name__)


class Turn(msgspec.Struct, frozen=True):
    """A check's turn to be probed. One that a confirm round asks for is another than the schedule's: neither is left
    out for the other, and a probe that hangs holds up no round.
    """

    check_id: CheckId
    round_id: str = ""


Fly = Callable[[Turn], Coroutine[None, None, bool] | None]
"""Gives the run of a turn, None when there is nothing to run; the run says whether it must be repeated."""


class Flights:
    """Runs what is wanted, and once more what says so."""

    def __init__(self, fly: Fly, at_once: int) -> None:
        self._fly = fly
        self._at_once = at_once
        self._waiting: deque[Turn] = deque()
        self._known: set[Turn] = set()  # waiting or in flight
        self._tasks: set[asyncio.Task[bool]] = set()
        self._failures: dict[str, int] = {}
        self._is_open = True

    def __len__(self) -> int:
        """In flight."""
        return len(self._tasks)

    def want(self, turn: Turn) -> None:
        """Nothing happens for a turn like one that is still waiting or in flight: it is left out."""
        if not self._is_open or turn in self._known:
            return
        self._known.add(turn)
        self._waiting.append(turn)
        self._begin()

    async def end(self, within_s: float) -> None:
        """Begins no more; those in flight end within the time or are cancelled."""
        self._is_open = False
        self._waiting.clear()
        await ended_within(self._tasks, within_s)

    def _begin(self) -> None:
        while self._waiting and len(self._tasks) < self._at_once and self._is_open:
            turn = self._waiting.popleft()
            run = self._fly(turn)
            if run is None:
                self._known.discard(turn)
                continue
            task = asyncio.create_task(run)
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, turn))

    def _ended(self, turn: Turn, task: asyncio.Task[bool]) -> None:
        self._tasks.discard(task)
        self._known.discard(turn)
        if not task.cancelled():
            error = task.exception()
            if error is not None:
                self._failed(turn.check_id, error)
            elif task.result():
                self.want(turn)
        self._begin()

    def _failed(self, check_id: CheckId, error: BaseException) -> None:
        """A fault of ours: no observation, for silence is no evidence about the target.

        Of each kind of fault the 1st, 10th, 100th... is logged: a process short of files has thousands.
        """
        kind = type(error).__name__
        self._failures[kind] = count = self._failures.get(kind, 0) + 1
        if str(count).rstrip("0") == "1":
            log.error("probe failed, no observation made", check_id=check_id, count=count, exc_info=error)


async def ended_within(tasks: Iterable[asyncio.Future[bool] | asyncio.Future[None]], seconds: float) -> None:
    """Waits for them, then cancels what is left."""
    waiting = set(tasks)
    if not waiting:
        return
    _, late = await asyncio.wait(waiting, timeout=max(0.0, seconds))
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
