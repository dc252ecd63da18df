"""Creations by the key that their caller gave them."""

from __future__ import annotations

from vedette.adapters.sql.database import Database, Params, SqlWrite, Statement
from vedette.ports.repeatable import Repeatable

FIND = "SELECT name, tenant_id, request_index, object_id, at_ms FROM repeatable WHERE name = :name"

ADD = """
INSERT INTO repeatable (name, tenant_id, request_index, object_id, at_ms)
VALUES (:name, :tenant_id, :request_index, :object_id, :at_ms)
ON CONFLICT (name) DO UPDATE SET
    tenant_id = excluded.tenant_id, request_index = excluded.request_index, object_id = excluded.object_id,
    at_ms = excluded.at_ms
WHERE repeatable.at_ms <= :expired_ms"""

FORGET = "DELETE FROM repeatable WHERE at_ms < :at_ms"


class SqlRepeatables:
    """See `ports.repeatable.Repeatables`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: bytes) -> Repeatable | None:
        row = await self._database.fetch_one(FIND, {"name": name})
        if row is None:
            return None
        return Repeatable(name=row[0], tenant_id=row[1], request_index=row[2], object_id=row[3], at_ms=row[4])

    def add(self, done: Repeatable, expired_ms: int) -> SqlWrite:
        params: Params = {
            "name": done.name,
            "tenant_id": done.tenant_id,
            "request_index": done.request_index,
            "object_id": done.object_id,
            "at_ms": done.at_ms,
            "expired_ms": expired_ms,
        }
        return SqlWrite((Statement(ADD, params, expect=1, guard="repeatable"),))

    def forget_before(self, at_ms: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET, {"at_ms": at_ms}),))
