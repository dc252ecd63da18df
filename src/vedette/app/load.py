"""How loaded the process is: what the API sheds by, before work starts (api decisions: overload)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_BEAT_S = 0.05
_MOST_LAG_S = 0.5
_MOST_WAIT_S = 2.0
_BEATS = 10


class Load:
    """Measures queue delay: the event loop's lag, and how long commits have been waiting.

    Sheds only while every one of the last beats was late, so that one long step sheds nobody.
    """

    def __init__(self, waiting_s: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._waiting_s = waiting_s
        self._monotonic = monotonic
        self._late = 0
        self.lag_s = 0.0
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self._beat(), name="load")

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    def overloaded(self) -> str | None:
        """Why new work must not start now, or None."""
        if self._late >= _BEATS:
            return f"Requests wait {self.lag_s:.1f} s"
        if self._waiting_s() > _MOST_WAIT_S:
            return "Writes wait for the store"
        return None

    async def _beat(self) -> None:
        while True:
            due = self._monotonic() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            self.lag_s = max(0.0, self._monotonic() - due)
            self._late = self._late + 1 if self.lag_s > _MOST_LAG_S else 0
