"""This process's ticks in the observation log, and what it has to say of zones.

A tick says that the process could be reached: the store took it, and canaries answered. Silence of agents is measured
by ticks, and decided at them.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from vedette.domain.happenings import Happening, Tick
from vedette.ports.clock import Clock
from vedette.ports.observations import Observations
from vedette.ports.unit import Commit
from vedette.services.zone_watch import ZoneWatch

TICK_S = 5.0


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """The process that ticks."""

    id: str
    takes_agents: bool  # agents can reach it
    clock: Clock
    steady_ms: Clock  # goes on while the machine is suspended


class Ticking:
    """`step` every `TICK_S`, and when a zone may have turned."""

    def __init__(
        self, observations: Observations, commit: Commit, process: Process, watch: ZoneWatch, wake: Callable[[], None]
    ) -> None:
        """`wake` is called when evaluation has something to read."""
        self.is_blind: Callable[[], bool] = lambda: False
        self._observations = observations
        self._commit = commit
        self._process = process
        self._watch = watch
        self._wake = wake

    async def step(self) -> bool:
        """Always done: the next tick has its time. Raises `StoreUnavailable`: then there was none."""
        process = self._process
        now_ms, steady_ms = process.clock(), process.steady_ms()
        turned = self._watch.turned(now_ms, steady_ms)
        happened: list[Happening] = [*turned]
        if not self.is_blind():
            happened.append(Tick(now_ms, process.id, steady_ms, process.takes_agents))
        if happened:
            await self._commit(self._observations.append(happened))
            self._watch.said(turned)
            self._wake()
        return False
