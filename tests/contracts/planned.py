"""How SQLite would go about what a store asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from importlib import resources

from vedette.adapters import sqlite
from vedette.adapters.sql.database import Params, Row


class Planned:
    """A database of which only SQLite's plan for what is asked is wanted."""

    def __init__(self) -> None:
        self.plan: list[str] = []
        self._connection = sqlite3.connect(":memory:")
        self._connection.executescript(resources.files(sqlite).joinpath("schema.sql").read_text())

    async def fetch(self, sql: str, params: Params) -> Sequence[Row]:
        self.plan = [row[3] for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
        return []

    async def fetch_one(self, sql: str, params: Params) -> None:
        await self.fetch(sql, params)
