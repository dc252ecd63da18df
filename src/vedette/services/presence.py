"""That this process is alive, as the others see it."""

from __future__ import annotations

from collections.abc import Callable

from vedette.ports.agents import Agents, ProcessBeat
from vedette.ports.clock import Clock
from vedette.ports.unit import Commit, StoreUnavailable

BEAT_S = 5.0
SILENT_MS = 30_000
"""A process that has not beaten for so long is taken for dead, and its connections with it."""
FORGOTTEN_MS = 300_000
_TIDY_MS = 60_000


class Presence:
    """Beats; leaves no trace of its own when it ends, and none of those that died."""

    def __init__(
        self, roll: Agents, commit: Commit, process_id: str, newest_key: Callable[[], int], clock: Clock
    ) -> None:
        self._roll = roll
        self._commit = commit
        self._newest_key = newest_key
        self._clock = clock
        self._beaten_ms = self._tidied_ms = 0
        self.process_id = process_id
        self.on_return: Callable[[], None] = lambda: None
        """Called after a pause so long that others may have forgotten this process."""

    async def step(self) -> bool:
        """One beat; False: the next is due in `BEAT_S`. Raises `StoreUnavailable`."""
        now = self._clock()
        beat = ProcessBeat(id=self.process_id, at_ms=now, newest_key=self._newest_key())
        await self._commit(self._roll.beat(beat))
        was_away = self._beaten_ms and now - self._beaten_ms >= FORGOTTEN_MS // 2
        self._beaten_ms = now
        if was_away:
            self.on_return()
        if now - self._tidied_ms >= _TIDY_MS:
            await self._commit(self._roll.forget_silent(now - FORGOTTEN_MS))
            self._tidied_ms = now
        return False

    async def leave(self) -> None:
        """After the last beat and the last connection; where the store is gone, silence says it too."""
        try:
            await self._commit(self._roll.forget_process(self.process_id))
        except StoreUnavailable:
            return
