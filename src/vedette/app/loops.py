"""The loop around a worker's step: it runs while there is work, then waits to be woken or for its idle time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from vedette.ports.unit import StoreUnavailable

_RETRY_S = 1.0
_log = structlog.get_logger("vedette.loop")


class Loop:
    """One worker. A store that cannot be reached is waited for; any other error ends the loop and so the process."""

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[bool]],
        idle_s: float,
        *,
        rest_s: float = 0.0,
        steps_at_stop: bool = False,
    ) -> None:
        """`rest_s`: after a step without work no waking comes sooner, where peers could wake it all the time.

        `steps_at_stop`: once more at the end, for what is written down now and then.
        """
        self.name = name
        self._steps_at_stop = steps_at_stop
        self._step = step
        self._idle_s = idle_s
        self._rest_s = rest_s
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self._woken.set()

    def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Ends after the step under way."""
        self._stopping.set()
        self.wake()
        if self.task is not None:
            await self.task

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            if not await self._did_work():
                await self._wait(self._rest_s, self._stopping)
                await self._wait(self._idle_s - self._rest_s, self._woken)
        if self._steps_at_stop:
            await self._did_work()

    async def _did_work(self) -> bool:
        try:
            return await self._step()
        except StoreUnavailable as error:
            _log.warning("store_unavailable", loop=self.name, error=str(error))
            await self._wait(_RETRY_S, self._woken)
            return False

    async def _wait(self, seconds: float, event: asyncio.Event) -> None:
        if self._stopping.is_set() or seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
