"""What the server processes tell one another of the collectors that are connected to them, a second late at most.

So each works out the same placement, and a collector with connections to several is handed its checks by one of them:
the one that it connected to last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vedette.ports.clock import Clock
from vedette.ports.collectors import CollectorRoll, Seated
from vedette.ports.unit import Commit

SILENT_MS = 15_000
"""A process that has not beaten for so long has lost its collectors: three beats."""


class Neighbours(Protocol):
    """The other processes."""

    process_id: str

    async def exchange(self, seats: Sequence[Seated]) -> Sequence[Seated]:
        """Tells of ours, gives those of the others. Raises `StoreUnavailable`."""
        ...


class NoNeighbours:
    """There is one process only."""

    process_id = ""

    async def exchange(self, seats: Sequence[Seated]) -> Sequence[Seated]:
        return ()


class KnownNeighbours:
    """By the store."""

    def __init__(self, roll: CollectorRoll, commit: Commit, process_id: str, clock: Clock) -> None:
        self.process_id = process_id
        self._roll = roll
        self._commit = commit
        self._clock = clock
        self._told: Sequence[Seated] | None = None

    async def exchange(self, seats: Sequence[Seated]) -> Sequence[Seated]:
        ours = sorted(seats, key=lambda seat: (seat.zone_id, seat.name))
        if ours != self._told:
            await self._commit(self._roll.seated(self.process_id, ours))
            self._told = ours
        return await self._roll.elsewhere(self.process_id, self._clock() - SILENT_MS)

    def tell_again(self) -> None:
        """The others may have forgotten us."""
        self._told = None
