"""Configuration objects as they were: a row for each revision that another one, or nothing, has followed."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql.database import Database, Params, Row, SqlWrite, Statement
from vedette.adapters.sql.documents import document_of
from vedette.adapters.sql.lists import spelt_out
from vedette.adapters.sql.superseded import KEPT
from vedette.domain.documents import Kind
from vedette.domain.ids import TenantId
from vedette.ports.past import Revision

_SELECT = f"SELECT {KEPT}, until_ms FROM document_revision WHERE until_ms > :from_ms"

# By the key; a sum of texts keeps SQLite off a walk over all of the tenant's revisions.
_OF = f"{_SELECT} AND tenant_id || '' = :tenant_id"

_OF_KIND = f"{_SELECT} AND tenant_id = :tenant_id AND kind = :kind"

_NEWEST = "ORDER BY until_ms DESC, id, revision DESC LIMIT :limit"

FORGET = """
DELETE FROM document_revision WHERE (id, revision) IN (
    SELECT id, revision FROM document_revision WHERE until_ms < :until_ms ORDER BY until_ms LIMIT :limit)"""


class SqlRevisions:
    """See `ports.past.Revisions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, tenant_id: TenantId, ids: Sequence[str], from_ms: int, limit: int) -> Sequence[Revision]:
        if not ids:
            return []
        inside, params = spelt_out("id", ids)
        return await self._held(f"{_OF} AND id IN ({inside})", params, tenant_id, from_ms, limit)

    async def of_kind(self, tenant_id: TenantId, kind: Kind, from_ms: int, limit: int) -> Sequence[Revision]:
        return await self._held(_OF_KIND, {"kind": kind.value}, tenant_id, from_ms, limit)

    async def _held(
        self, select: str, params: Params, tenant_id: TenantId, from_ms: int, limit: int
    ) -> Sequence[Revision]:
        params = {**params, "tenant_id": tenant_id, "from_ms": from_ms, "limit": limit}
        return [_revision(row) for row in await self._database.fetch(f"{select} {_NEWEST}", params)]

    def forget_before(self, until_ms: int, limit: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET, {"until_ms": until_ms, "limit": limit}),))


def _revision(row: Row) -> Revision:
    *document, until_ms = row
    return Revision(document_of([*document, None]), until_ms)
