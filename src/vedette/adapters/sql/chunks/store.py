"""The chunks as the ports see them."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql.chunks.damage import Damages
from vedette.adapters.sql.chunks.expiry import Expiry
from vedette.adapters.sql.chunks.moving import Mover
from vedette.adapters.sql.chunks.rolling import Roller
from vedette.adapters.sql.database import Database, SqlWrite
from vedette.ports.chunks import Day, Source


class SqlChunks(Expiry):
    """See `ports.chunks.Chunks`."""

    def __init__(self, database: Database, damages: Damages) -> None:
        super().__init__(database)
        self._mover = Mover(database, damages)
        self._roller = Roller(database, damages)

    async def waiting(self, after: Source | None, limit: int) -> list[Source]:
        return await self._mover.waiting(after, limit)

    async def moved(self, source: Source, before_ms: int, limit: int) -> SqlWrite | None:
        return await self._mover.moved(source, before_ms, limit)

    async def unrolled(self, before_ms: int, limit: int) -> Sequence[Day]:
        return await self._roller.unrolled(before_ms, limit)

    async def rolled_up(self, day: Day) -> SqlWrite | None:
        return await self._roller.rolled_up(day)
