"""The observation log as a replay reads it: one check, by arrival, in the order of `seq`."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql.chunks.past import ChunkedPast
from vedette.adapters.sql.database import Database, Params
from vedette.adapters.sql.observations import OF_NO_CHECK, logged
from vedette.domain.observations import Entry, Logged, Observation

# Arrival follows `seq` but for what was on its way to the disk at the same time.
_DISORDER_MS = 60_000

ENDS = "SELECT MIN(seq), MAX(seq) FROM observation"

AT_OR_AFTER = "SELECT seq, arrival_ms FROM observation WHERE seq >= :seq ORDER BY seq LIMIT 1"

# Sums keep both engines on the index of the check, off a walk over everybody's observations.
PAGE = f"""
SELECT seq, check_id, place, at_ms, arrival_ms, payload FROM observation WHERE seq IN (
    SELECT seq FROM (
        SELECT seq FROM observation WHERE check_id = :check_id AND check_id <> '{OF_NO_CHECK}' AND seq + 0 > :after
        UNION ALL
        SELECT seq FROM observation WHERE check_id = '{OF_NO_CHECK}' AND place = 'zone'
            AND at_ms >= :from_ms AND at_ms < :to_ms AND seq + 0 > :after
    ) AS needed ORDER BY seq LIMIT :limit)
ORDER BY seq"""


OF_AGENTS = f"""
SELECT seq, check_id, place, at_ms, arrival_ms, payload FROM observation
WHERE check_id = '{OF_NO_CHECK}' AND place IN ('agent', 'tick') AND at_ms >= :from_ms AND at_ms < :to_ms
ORDER BY seq"""


class SqlPastObservations:
    """See `ports.past.PastObservations`."""

    def __init__(self, database: Database, chunked: ChunkedPast) -> None:
        self._database = database
        self._chunked = chunked

    async def between(self, check_id: str, from_ms: int, to_ms: int, after: int, limit: int) -> Sequence[Logged]:
        # The log first: what leaves it meanwhile is then found in both.
        found = {one.seq: one for one in await self._in_log(check_id, from_ms, to_ms, after, limit)}
        found |= {one.seq: one for one in await self._chunked.between(check_id, from_ms, to_ms, after, limit)}
        return [found[seq] for seq in sorted(found)[:limit]]

    async def of_agents(self, from_ms: int, to_ms: int) -> Sequence[Logged]:
        return [logged(row) for row in await self._database.fetch(OF_AGENTS, {"from_ms": from_ms, "to_ms": to_ms})]

    async def _in_log(self, check_id: str, from_ms: int, to_ms: int, after: int, limit: int) -> list[Logged]:
        after = after or await self._before(from_ms - _DISORDER_MS)
        found: list[Logged] = []
        while len(found) < limit:
            params: Params = {
                "check_id": check_id, "after": after, "limit": limit, "from_ms": from_ms, "to_ms": to_ms
            }  # fmt: skip
            page = [logged(row) for row in await self._database.fetch(PAGE, params)]
            found += [one for one in page if from_ms <= _arrival_ms(one.entry) < to_ms]
            if len(page) < limit or _arrival_ms(page[-1].entry) >= to_ms + _DISORDER_MS:
                break
            after = page[-1].seq
        return found[:limit]

    async def _before(self, arrival_ms: int) -> int:
        """A `seq` that all entries since a moment have passed."""
        row = await self._database.fetch_one(ENDS, {})
        if row is None or row[0] is None:
            return 0
        low, high = int(row[0]), int(row[1]) + 1
        while low < high:
            middle = (low + high) // 2
            found = await self._database.fetch_one(AT_OR_AFTER, {"seq": middle})
            if found is not None and found[1] < arrival_ms:
                low = int(found[0]) + 1
            else:
                high = middle
        return low - 1


def _arrival_ms(entry: Entry) -> int:
    return entry.arrival_ms if isinstance(entry, Observation) else entry.at_ms
