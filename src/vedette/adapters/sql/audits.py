"""Audits: the write requests against the API."""

from __future__ import annotations

from vedette.adapters.sql.database import Database, Params, SqlWrite, Statement
from vedette.adapters.sql.spans import page
from vedette.domain.history import AuditEntry
from vedette.domain.ids import TenantId
from vedette.ports.history import Span

LIST = "SELECT key, tenant_id, at_ms, body FROM audit WHERE tenant_id = :tenant_id"

ADD = "INSERT INTO audit (key, tenant_id, at_ms, body) VALUES (:key, :tenant_id, :at_ms, :body)"

LOCK = "audits"
"""Held from before a `seq` is drawn until it is committed, so that none appears below one already read."""


class SqlAudits:
    """See `ports.history.Audits`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, tenant_id: TenantId, span: Span) -> list[AuditEntry]:
        sql, params = page(LIST, span)
        rows = await self._database.fetch(sql, params | {"tenant_id": tenant_id})
        return [AuditEntry(key=row[0], tenant_id=row[1], at_ms=row[2], body=row[3]) for row in rows]

    def add(self, entry: AuditEntry) -> SqlWrite:
        params: Params = {"key": entry.key, "tenant_id": entry.tenant_id, "at_ms": entry.at_ms, "body": entry.body}
        return SqlWrite((Statement(ADD, params, expect=1, guard="tenant"),), (LOCK,))
