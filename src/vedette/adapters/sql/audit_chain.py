"""The chain of audit entries: links and heads beside the entries, so that sealing rewrites no entry."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql.database import Bulk, Database, Params, Row, SqlWrite, Statement
from vedette.adapters.sql.lists import spelt_out
from vedette.domain.history import AuditEntry
from vedette.domain.ids import TenantId
from vedette.ports.audit_chain import Head, Link, Linked, Sequenced

_ENTRY = "a.key, a.tenant_id, a.at_ms, a.body"

SEALED = "SELECT seq FROM audit_sealer WHERE id = 1"

ADVANCE_FROM_0 = """
INSERT INTO audit_sealer (id, seq) VALUES (1, :new)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq WHERE audit_sealer.seq = 0"""

ADVANCE = "UPDATE audit_sealer SET seq = :new WHERE id = 1 AND seq = :old"

AFTER = f"SELECT a.seq, {_ENTRY} FROM audit a WHERE a.seq > :seq ORDER BY a.seq LIMIT :limit"

_HEAD = "tenant_id, seq, chain, anchor_seq, anchor, mark"

HEADS = f"SELECT {_HEAD} FROM audit_head ORDER BY tenant_id"

LINKS = f"""
SELECT l.seq, l.chain, {_ENTRY} FROM audit_link l LEFT JOIN audit a ON a.seq = l.seq AND a.tenant_id = l.tenant_id
WHERE l.tenant_id = :tenant_id AND l.seq > :after ORDER BY l.seq LIMIT :limit"""

LOOSE = f"""
SELECT a.seq, {_ENTRY} FROM audit a LEFT JOIN audit_link l ON l.tenant_id = a.tenant_id AND l.seq = a.seq
WHERE a.seq <= :sealed AND l.seq IS NULL ORDER BY a.seq LIMIT :limit"""

EXPIRED = """
SELECT tenant_id FROM (SELECT tenant_id FROM audit WHERE key < :key ORDER BY key LIMIT :limit) AS oldest
GROUP BY tenant_id ORDER BY tenant_id"""

# A link that is there already was not made by a sealer: checking the chain finds it, and sealing goes on.
LINK = """
INSERT INTO audit_link (tenant_id, seq, chain) VALUES (:tenant_id, :seq, :chain)
ON CONFLICT (tenant_id, seq) DO NOTHING"""

FIRST_HEAD = f"""
INSERT INTO audit_head ({_HEAD}) VALUES (:tenant_id, :seq, :chain, :anchor_seq, :anchor, :mark)
ON CONFLICT (tenant_id) DO NOTHING"""

NEXT_HEAD = """
UPDATE audit_head SET seq = :seq, chain = :chain, anchor_seq = :anchor_seq, anchor = :anchor, mark = :mark
WHERE tenant_id = :tenant_id AND mark = :before"""

FORGET_ENTRIES = """
DELETE FROM audit WHERE tenant_id = :tenant_id
AND seq IN (SELECT seq FROM audit_link WHERE tenant_id = :tenant_id AND seq <= :seq)"""

FORGET_LINKS = "DELETE FROM audit_link WHERE tenant_id = :tenant_id AND seq <= :seq"


class SqlAuditChain:
    """See `ports.audit_chain.AuditChain`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sealed(self) -> int:
        row = await self._database.fetch_one(SEALED, {})
        return 0 if row is None else int(row[0])

    async def after(self, seq: int, limit: int) -> Sequence[Sequenced]:
        return [_sequenced(row) for row in await self._database.fetch(AFTER, {"seq": seq, "limit": limit})]

    async def heads(self, tenant_ids: Sequence[TenantId] | None = None) -> Sequence[Head]:
        if tenant_ids is None:
            return [_head(row) for row in await self._database.fetch(HEADS, {})]
        if not tenant_ids:
            return []
        inside, params = spelt_out("tenant", tenant_ids)
        sql = f"SELECT {_HEAD} FROM audit_head WHERE tenant_id IN ({inside})"
        return [_head(row) for row in await self._database.fetch(sql, params)]

    async def links(self, tenant_id: TenantId, after: int, limit: int) -> Sequence[Linked]:
        params: Params = {"tenant_id": tenant_id, "after": after, "limit": limit}
        return [Linked(row[0], row[1], _entry(row[2:])) for row in await self._database.fetch(LINKS, params)]

    async def loose(self, sealed: int, limit: int) -> Sequence[Sequenced]:
        return [_sequenced(row) for row in await self._database.fetch(LOOSE, {"sealed": sealed, "limit": limit})]

    async def expired(self, key: bytes, limit: int) -> Sequence[TenantId]:
        return [row[0] for row in await self._database.fetch(EXPIRED, {"key": key, "limit": limit})]

    def advance(self, old: int, new: int) -> SqlWrite:
        if old == 0:
            return SqlWrite((Statement(ADVANCE_FROM_0, {"new": new}, expect=1, guard="sealed"),))
        return SqlWrite((Statement(ADVANCE, {"old": old, "new": new}, expect=1, guard="sealed"),))

    def link(self, links: Sequence[Link]) -> SqlWrite:
        rows: list[Params] = [{"tenant_id": one.tenant_id, "seq": one.seq, "chain": one.chain} for one in links]
        return SqlWrite((Bulk(LINK, rows, guard="link"),))

    def put_head(self, head: Head, before: bytes | None) -> SqlWrite:
        params: Params = {
            "tenant_id": head.tenant_id,
            "seq": head.seq,
            "chain": head.chain,
            "anchor_seq": head.anchor_seq,
            "anchor": head.anchor,
            "mark": head.mark,
        }
        if before is None:
            return SqlWrite((Statement(FIRST_HEAD, params, expect=1, guard="head"),))
        return SqlWrite((Statement(NEXT_HEAD, {**params, "before": before}, expect=1, guard="head"),))

    def forget(self, tenant_id: TenantId, seq: int) -> SqlWrite:
        params: Params = {"tenant_id": tenant_id, "seq": seq}
        return SqlWrite((Statement(FORGET_ENTRIES, params), Statement(FORGET_LINKS, params)))


def _sequenced(row: Row) -> Sequenced:
    return Sequenced(row[0], AuditEntry(key=row[1], tenant_id=row[2], at_ms=row[3], body=row[4]))


def _entry(row: Row) -> AuditEntry | None:
    return None if row[0] is None else AuditEntry(key=row[0], tenant_id=row[1], at_ms=row[2], body=row[3])


def _head(row: Row) -> Head:
    tenant_id, seq, chain, anchor_seq, anchor, mark = row
    return Head(tenant_id=tenant_id, seq=seq, chain=chain, anchor_seq=anchor_seq, anchor=anchor, mark=mark)
