"""Observations in chunks as the log would give them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from vedette.adapters.sql.chunks import observed
from vedette.adapters.sql.chunks.damage import Damages
from vedette.adapters.sql.chunks.frame import Damaged
from vedette.adapters.sql.database import Database, Params
from vedette.domain.observations import Logged, Observation

BETWEEN = """
SELECT id, first_seq FROM chunk
WHERE check_id = :check_id AND resolution = 0 AND last_seq > :after
  AND arrived_from_ms < :to_ms AND arrived_to_ms > :from_ms
ORDER BY first_seq"""

ONE = "SELECT check_id, place, data FROM chunk WHERE id = :id"

NEWEST = """
SELECT id FROM chunk WHERE check_id = :check_id AND place = :place AND resolution = 0 AND first_seq <= :up_to
ORDER BY from_ms DESC LIMIT 1"""

_MOST_KEPT = 8  # opened chunks, for those who read on page after page


class ChunkedPast:
    """Reads of whole observations out of chunks."""

    def __init__(self, database: Database, damages: Damages) -> None:
        self._database = database
        self._damages = damages
        self._kept: dict[int, Sequence[Logged]] = {}

    async def between(self, check_id: str, from_ms: int, to_ms: int, after: int, limit: int) -> list[Logged]:
        """`from_ms <= arrival < to_ms` and a `seq` beyond `after`, the first `limit` in the order of the log."""
        params: Params = {"check_id": check_id, "from_ms": from_ms, "to_ms": to_ms, "after": after}
        found: dict[int, Logged] = {}
        for id, first_seq in await self._database.fetch(BETWEEN, params):
            if sum(seq < first_seq for seq in found) >= limit:
                break
            entries = await self._entries(id)
            if entries is None:  # it has become another chunk meanwhile
                return await self.between(check_id, from_ms, to_ms, after, limit)
            found |= {one.seq: one for one in entries if one.seq > after and from_ms <= _arrival(one) < to_ms}
        return [found[seq] for seq in sorted(found)[:limit]]

    async def latest(self, check_id: str, place: str, up_to: int) -> Observation | None:
        """The last that came up to a `seq`, of the place's newest chunk."""
        params: Params = {"check_id": check_id, "place": place, "up_to": up_to}
        row = await self._database.fetch_one(NEWEST, params)
        if row is None:
            return None
        entries = await self._entries(row[0])
        if entries is None:
            return await self.latest(check_id, place, up_to)
        last = max((one for one in entries if one.seq <= up_to), key=_seq, default=None)
        return last.entry if last is not None and isinstance(last.entry, Observation) else None

    async def _entries(self, id: int) -> Sequence[Logged] | None:
        """None when there is no such chunk any more; nothing out of a damaged one."""
        kept = self._kept.pop(id, None)
        if kept is None:
            row = await self._database.fetch_one(ONE, {"id": id})
            if row is None:
                return None
            kept = await self._opened(id, row)
        self._kept[id] = kept
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept

    async def _opened(self, id: int, row: Sequence[Any]) -> Sequence[Logged]:
        check_id, place, data = row
        try:
            return await asyncio.to_thread(observed.entries_of, data, check_id, place)
        except Damaged as damaged:
            self._damages.met(id, damaged)
            return []


def _arrival(logged: Logged) -> int:
    return logged.entry.arrival_ms if isinstance(logged.entry, Observation) else logged.entry.at_ms


def _seq(logged: Logged) -> int:
    return logged.seq
