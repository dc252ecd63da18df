"""Points of elsewhere into chunks. They were never in the log, so their `seq` is before the first one of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vedette.adapters.sql.chunks import latest, rows
from vedette.adapters.sql.database import Database, SqlWrite
from vedette.domain.observations import Observation
from vedette.ports.chunks import Source


class SqlPointImport:
    """See `ports.importing.PointImport`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def added(self, observations: Sequence[Observation]) -> SqlWrite:
        source = Source(observations[0].check_id, observations[0].place)
        ordered = sorted(observations, key=_at)
        entries = [(number - len(ordered), one) for number, one in enumerate(ordered)]
        add = await asyncio.to_thread(rows.observations, source, entries, rows.Extent.OPEN)
        known = await latest.known(self._database, source)
        return SqlWrite((add, latest.put(source, known, ordered)))


def _at(observation: Observation) -> int:
    return observation.at_ms
