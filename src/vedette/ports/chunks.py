"""The history of observations: from the log into compact chunks, rolled up a day at a time, and forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from vedette.ports.unit import Write
from vedette.rollups.resolutions import Resolution


class Source(msgspec.Struct, frozen=True, order=True):
    """Where observations come from that have a history of their own: a check and the place it is watched from."""

    check_id: str
    place: str


class Day(msgspec.Struct, frozen=True):
    """One UTC day of a source."""

    source: Source
    start_ms: int


class Aged(msgspec.Struct, frozen=True):
    """Observations in one chunk, as far as forgetting them is concerned."""

    id: int
    to_ms: int  # the last of them is earlier
    size: int  # bytes
    has_alarms: bool  # the check has; a back-test needs them


class Chunks(Protocol):
    """Writes of the history, and what they are decided by.

    Every write replaces what it was made from, or conflicts: guard `log` or `chunk`, when another process was first.
    """

    async def waiting(self, after: Source | None, limit: int) -> Sequence[Source]:
        """Sources that have observations in the log, in order, after one."""
        ...

    async def moved(self, source: Source, before_ms: int, limit: int) -> Write | None:
        """Takes the source's first observations out of the log that arrived before a moment and that every cursor has
        passed, and puts them into chunks; its current values follow. None when there is none.
        """
        ...

    async def unrolled(self, before_ms: int, limit: int) -> Sequence[Day]:
        """Days that ended before a moment and whose observations have not all been rolled up."""
        ...

    async def rolled_up(self, day: Day) -> Write | None:
        """Makes the day's observations one chunk, and its windows part of the chunk of each resolution.

        Windows are of all observations of the day. When those of an earlier time were forgotten, or cannot be read,
        windows stay as they are and only new ones are added.
        """
        ...

    async def oldest(self, after: tuple[int, int], before_ms: int, limit: int) -> Sequence[Aged]:
        """Chunks of observations that were rolled up, before a moment, by (`to_ms`, `id`), after such a pair."""
        ...

    async def size(self, from_ms: int, to_ms: int) -> int:
        """Bytes of the observations in chunks that end in a stretch of time."""
        ...

    async def strays(self, after: str, limit: int) -> tuple[Sequence[str], str | None]:
        """Checks that are no more and have a history, among the next `limit` after an id; and where to go on."""
        ...

    def forget(self, ids: Sequence[int]) -> Write: ...

    def forget_rollups(self, resolution: Resolution, before_ms: int, limit: int) -> Write: ...

    def forget_check(self, check_id: str, limit: int) -> Write: ...
