"""What is looked at when history is forgotten, and the writes that forget it."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql.database import Bulk, Database, Params, SqlWrite, Statement
from vedette.domain.documents import Kind
from vedette.ports.chunks import Aged
from vedette.rollups.resolutions import Resolution

OLDEST = """
SELECT c.id, c.to_ms, c.size, EXISTS (SELECT 1 FROM document d WHERE d.check_id = c.check_id AND d.kind = :alarm)
FROM chunk c
WHERE c.resolution = 0 AND c.extent > 0 AND (c.to_ms, c.id) > (:to_ms, :id) AND c.to_ms < :before_ms
ORDER BY c.to_ms, c.id LIMIT :limit"""

SIZE = "SELECT COALESCE(SUM(size), 0) FROM chunk WHERE resolution = 0 AND to_ms >= :from_ms AND to_ms < :to_ms"

# From one check to the next by index, however many chunks each has.
CHECKS = """
WITH RECURSIVE known(check_id, depth) AS (
    SELECT (SELECT MIN(check_id) FROM current_metrics WHERE check_id > :after), 1
    UNION ALL
    SELECT (SELECT MIN(c.check_id) FROM current_metrics c WHERE c.check_id > known.check_id), known.depth + 1
    FROM known WHERE known.check_id IS NOT NULL AND known.depth < :limit)
SELECT check_id, EXISTS (SELECT 1 FROM document d WHERE d.id = known.check_id) FROM known WHERE check_id IS NOT NULL"""

FORGET = "DELETE FROM chunk WHERE id = :id"

FORGET_ROLLUPS = """
DELETE FROM chunk WHERE id IN (
    SELECT id FROM chunk WHERE resolution = :resolution AND to_ms < :before_ms ORDER BY to_ms LIMIT :limit)"""

FORGET_CHECK = "DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE check_id = :check_id LIMIT :limit)"

# When nothing of the check is left: what is still in the log would bring it back.
FORGET_CURRENT = """
DELETE FROM current_metrics WHERE check_id = :check_id
  AND NOT EXISTS (SELECT 1 FROM chunk c WHERE c.check_id = :check_id)"""


class Expiry:
    """The half of `ports.chunks.Chunks` that forgets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def oldest(self, after: tuple[int, int], before_ms: int, limit: int) -> Sequence[Aged]:
        params: Params = {
            "to_ms": after[0], "id": after[1], "before_ms": before_ms, "limit": limit, "alarm": Kind.ALARM.value
        }  # fmt: skip
        found = await self._database.fetch(OLDEST, params)
        return [Aged(id, to_ms, size, bool(has_alarms)) for id, to_ms, size, has_alarms in found]

    async def size(self, from_ms: int, to_ms: int) -> int:
        row = await self._database.fetch_one(SIZE, {"from_ms": from_ms, "to_ms": to_ms})
        return 0 if row is None else int(row[0])

    async def strays(self, after: str, limit: int) -> tuple[Sequence[str], str | None]:
        found = await self._database.fetch(CHECKS, {"after": after, "limit": limit})
        return [check_id for check_id, is_there in found if not is_there], found[-1][0] if len(found) == limit else None

    def forget(self, ids: Sequence[int]) -> SqlWrite:
        return SqlWrite((Bulk(FORGET, [{"id": id} for id in ids]),))

    def forget_rollups(self, resolution: Resolution, before_ms: int, limit: int) -> SqlWrite:
        params: Params = {"resolution": resolution.minutes, "before_ms": before_ms, "limit": limit}
        return SqlWrite((Statement(FORGET_ROLLUPS, params),))

    def forget_check(self, check_id: str, limit: int) -> SqlWrite:
        params: Params = {"check_id": check_id}
        return SqlWrite((Statement(FORGET_CHECK, {**params, "limit": limit}), Statement(FORGET_CURRENT, params)))
