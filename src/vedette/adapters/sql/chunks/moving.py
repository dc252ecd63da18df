"""From the log into chunks.

What comes at a time becomes a chunk, with what was left in a very small one before it; the chunks of a day become one
when the day is rolled up. A row is in the log or in a chunk, never in both and never in neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby

from vedette.adapters.sql.chunks import latest, observed, rows
from vedette.adapters.sql.chunks.damage import Damages
from vedette.adapters.sql.chunks.frame import Damaged
from vedette.adapters.sql.chunks.rows import Chunk, Entries
from vedette.adapters.sql.database import Database, Params, SqlWrite, Statement
from vedette.adapters.sql.observations import OF_NO_CHECK, logged
from vedette.domain.observations import Observation
from vedette.ports.chunks import Source
from vedette.rollups.resolutions import DAY_MS

# From one source to the next by index, however many observations each has.
WAITING = """
WITH RECURSIVE source(seq, depth) AS (
    SELECT COALESCE(
        (SELECT seq FROM observation WHERE check_id = :check_id AND place > :place ORDER BY place LIMIT 1),
        (SELECT seq FROM observation WHERE check_id > :check_id ORDER BY check_id, place LIMIT 1)), 1
    UNION ALL
    SELECT COALESCE(
        (SELECT o.seq FROM observation o WHERE o.check_id = f.check_id AND o.place > f.place ORDER BY o.place LIMIT 1),
        (SELECT o.seq FROM observation o WHERE o.check_id > f.check_id ORDER BY o.check_id, o.place LIMIT 1)),
        s.depth + 1
    FROM source s JOIN observation f ON f.seq = s.seq WHERE s.depth < :limit)
SELECT f.check_id, f.place FROM source s JOIN observation f ON f.seq = s.seq ORDER BY s.depth"""

# The sum keeps both engines on the index of the check, off a walk over everybody's observations.
PASSED = """
check_id = :check_id AND place = :place AND arrival_ms < :before_ms AND seq <= (SELECT MIN(seq) FROM reader_cursor)"""

IN_LOG = f"""
SELECT seq, check_id, place, at_ms, arrival_ms, payload FROM observation
WHERE {PASSED} ORDER BY seq + 0 LIMIT :limit"""

OUT_OF_LOG = f"DELETE FROM observation WHERE {PASSED} AND seq + 0 <= :last"

SMALL = """
SELECT id, from_ms, to_ms, data FROM chunk
WHERE check_id = :check_id AND place = :place AND resolution = 0 AND from_ms >= :day AND from_ms < :next_day
  AND extent = 0 AND number <= :most
ORDER BY last_seq DESC LIMIT 1"""

_FIRST = Source(OF_NO_CHECK, "~")
"""After everything in the log that is no observation."""

_LARGER = 2  # a chunk is small when at least so many times as many observations come to it


class Mover:
    """Makes the writes that empty the log."""

    def __init__(self, database: Database, damages: Damages) -> None:
        self._database = database
        self._damages = damages

    async def waiting(self, after: Source | None, limit: int) -> list[Source]:
        """See `ports.chunks.Chunks`."""
        start = after or _FIRST
        params: Params = {"check_id": start.check_id, "place": start.place, "limit": limit}
        return [Source(*row) for row in await self._database.fetch(WAITING, params)]

    async def moved(self, source: Source, before_ms: int, limit: int) -> SqlWrite | None:
        """See `ports.chunks.Chunks`."""
        params: Params = {"check_id": source.check_id, "place": source.place, "before_ms": before_ms}
        found = await self._database.fetch(IN_LOG, {**params, "limit": limit})
        if not found:
            return None
        entries = [(one.seq, one.entry) for one in map(logged, found) if isinstance(one.entry, Observation)]
        gone = Statement(OUT_OF_LOG, {**params, "last": entries[-1][0]}, expect=len(entries), guard="log")
        writes = [await self._joined(source, day, of_day) for day, of_day in _by_day(entries)]
        known = await latest.known(self._database, source)
        statements = [statement for write in writes for statement in write.statements]
        return SqlWrite((gone, *statements, latest.put(source, known, [one for _, one in entries])))

    async def _joined(self, source: Source, day: int, entries: Entries) -> SqlWrite:
        params: Params = {
            "check_id": source.check_id,
            "place": source.place,
            "day": day,
            "next_day": day + DAY_MS,
            "most": len(entries) // _LARGER,
        }
        small = [Chunk(*row) for row in await self._database.fetch(SMALL, params)]
        try:
            return await asyncio.to_thread(_join, source, small, entries)
        except Damaged as damaged:
            self._damages.met(small[0].id, damaged)
            return await asyncio.to_thread(_join, source, [], entries)


def _join(source: Source, small: Sequence[Chunk], entries: Entries) -> SqlWrite:
    before = entries_of(source, small)
    return rows.replacing(small, [rows.observations(source, [*before, *entries], rows.Extent.OPEN)])


def entries_of(source: Source, chunks: Sequence[Chunk]) -> list[tuple[int, Observation]]:
    """The observations in chunks; raises `Damaged`."""
    found = [one for chunk in chunks for one in observed.entries_of(chunk.data, source.check_id, source.place)]
    return [(one.seq, one.entry) for one in found if isinstance(one.entry, Observation)]


def _by_day(entries: Entries) -> list[tuple[int, Entries]]:
    ordered = sorted(entries, key=_day)
    return [(day, list(of_day)) for day, of_day in groupby(ordered, key=_day)]


def _day(entry: tuple[int, Observation]) -> int:
    return rows.day_of(entry[1].at_ms)
