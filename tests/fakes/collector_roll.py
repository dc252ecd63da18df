"""What processes tell one another of their collectors, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fakes.database import FakeDatabase, Tables, write
from vedette.ports.collectors import Seated
from vedette.ports.unit import Write


class FakeCollectorRoll:
    """Every process is alive."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database
        self.writes = 0

    async def elsewhere(self, process_id: str, alive_since_ms: int) -> Sequence[Seated]:
        rows = sorted(self._database.table("collector_seats").items())
        return [seat for key, seats in rows if key != process_id for seat in seats]

    def seated(self, process_id: str, seats: Sequence[Seated]) -> Write:
        def sit(tables: Tables) -> None:
            tables.setdefault("collector_seats", {})[process_id] = tuple(seats)
            self.writes += 1

        return write(sit)
