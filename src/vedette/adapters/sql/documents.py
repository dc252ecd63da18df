"""Configuration objects."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vedette.adapters.sql import changes, superseded
from vedette.adapters.sql.database import Bulk, Database, Params, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.lists import spelt_out
from vedette.adapters.sql.metadata import has_metadata
from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.ports.documents import Filter

COLUMNS = (
    "tenant_id, kind, id, entity_id, check_id, agent_id, label, refs, revision, created_at, updated_at, public, secrets"
)

FIND = f"SELECT {COLUMNS} FROM document WHERE id = :id AND tenant_id = :tenant_id AND kind = :kind"

LIST = f"SELECT {COLUMNS} FROM document WHERE tenant_id = :tenant_id AND kind = :kind"

COUNT = "SELECT COUNT(*) FROM document WHERE tenant_id = :tenant_id AND kind = :kind"

# Without the tenant, which would lead SQLite to an index of all the tenant's objects; the reader of the rows judges it.
OF_ENTITIES = f"SELECT {COLUMNS} FROM document WHERE kind = :kind"

# A document's id begins with its kind, so that the index answers it alone.
COUNT_REFS = """
SELECT target, COUNT(*) FROM document_ref
WHERE tenant_id = :tenant_id AND source >= :first AND source < :after GROUP BY target"""

REFERRERS = """
SELECT source FROM document_ref WHERE tenant_id = :tenant_id AND target = :target ORDER BY source LIMIT :limit"""

OF_AGENT = f"SELECT {COLUMNS} FROM document WHERE tenant_id = :tenant_id AND agent_id = :agent_id"

EVERY = f"SELECT {COLUMNS} FROM document WHERE kind = :kind AND id >= :marker ORDER BY id LIMIT :limit"

HAS_TENANT = "SELECT 1 FROM tenant WHERE id = :tenant_id"

HAS_ENTITY = "SELECT 1 FROM document WHERE id = :entity_id AND tenant_id = :tenant_id AND kind = 'en'"

HAS_CHECK = """
SELECT 1 FROM document
WHERE id = :check_id AND tenant_id = :tenant_id AND kind = 'ch' AND entity_id = :entity_id"""

AGENT_TAKEN = """
SELECT 1 FROM document WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND id <> :id"""

ADD = f"""
INSERT INTO document ({COLUMNS})
VALUES (:tenant_id, :kind, :id, :entity_id, :check_id, :agent_id, :label, :refs, :revision, :created_at, :updated_at,
        :public, :secrets)"""

UPDATE = """
UPDATE document SET agent_id = :agent_id, label = :label, refs = :refs, revision = revision + 1,
       updated_at = :updated_at, public = :public, secrets = :secrets
WHERE id = :id AND tenant_id = :tenant_id AND kind = :kind AND revision = :revision"""

REMOVE = "DELETE FROM document WHERE id = :id AND tenant_id = :tenant_id AND revision = :revision"

CHANGE_WITH_ALL_THAT_BELONGS_TO_IT = """
INSERT INTO change (tenant_id, kind, id)
SELECT tenant_id, kind, id FROM document
WHERE tenant_id = :tenant_id AND (id = :id OR entity_id = :id OR check_id = :id)"""

ADD_REF = "INSERT INTO document_ref (source, tenant_id, target) VALUES (:source, :tenant_id, :target)"

REMOVE_REFS = "DELETE FROM document_ref WHERE source = :source"

IS_REFERENCED = "SELECT 1 FROM document_ref WHERE tenant_id = :tenant_id AND target = :target LIMIT 1"

IS_REFERRED_BELOW = """
SELECT 1 WHERE (SELECT COUNT(*) FROM document_ref WHERE tenant_id = :tenant_id AND target = :target) < :limit"""

IS_BELOW = """
SELECT 1 WHERE (SELECT COUNT(*) FROM document WHERE tenant_id = :tenant_id AND kind = :kind) < :limit"""

_LOOKED_THROUGH = 500  # rows a statement, where each must be decoded to see whether it is wanted
_Narrowed = tuple[list[str], dict[str, Value]]

_encode_refs = msgspec.json.Encoder().encode
_decode_refs = msgspec.json.Decoder(tuple[str, ...]).decode


class SqlDocuments:
    """See `ports.documents.Documents`. Every write holds its tenant's lock, so that guards hold until it commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: TenantId, kind: Kind, key: str) -> Document | None:
        row = await self._database.fetch_one(FIND, {"tenant_id": tenant_id, "kind": kind.value, "id": key})
        return None if row is None else document_of(row)

    async def list(
        self, tenant_id: TenantId, kind: Kind, where: Filter, marker: str | None, limit: int
    ) -> list[Document]:
        narrowed = _narrowed(where)
        if not where.metadata:
            return [*await self._page(tenant_id, kind, narrowed, marker, limit)]
        found: list[Document] = []
        while len(found) < limit:
            page = await self._page(tenant_id, kind, narrowed, marker, _LOOKED_THROUGH + 1)
            found += [one for one in page[:_LOOKED_THROUGH] if has_metadata(one.public, where.metadata)]
            if len(page) <= _LOOKED_THROUGH:
                break
            marker = page[_LOOKED_THROUGH].id
            await asyncio.sleep(0)  # SQLite is read on the event loop: others get their turn in a long list
        return found[:limit]

    async def _page(
        self, tenant_id: TenantId, kind: Kind, narrowed: _Narrowed, marker: str | None, limit: int
    ) -> Sequence[Document]:
        clauses, params = narrowed
        sql = " AND ".join([LIST, *clauses, *([] if marker is None else ["id >= :marker"])])
        params = params | {"tenant_id": tenant_id, "kind": kind.value, "limit": limit}
        params |= {} if marker is None else {"marker": marker}
        return [document_of(row) for row in await self._database.fetch(f"{sql} ORDER BY id LIMIT :limit", params)]

    async def of_entities(self, tenant_id: TenantId, kind: Kind, entity_ids: Sequence[str]) -> Sequence[Document]:
        if not entity_ids:
            return []
        inside, ids = spelt_out("entity", entity_ids)
        sql = f"{OF_ENTITIES} AND entity_id IN ({inside})"
        rows = await self._database.fetch(sql, {"kind": kind.value, **ids})
        return sorted([document_of(row) for row in rows if row[0] == tenant_id], key=_bytewise)

    async def count(self, tenant_id: TenantId, kind: Kind) -> int:
        row = await self._database.fetch_one(COUNT, {"tenant_id": tenant_id, "kind": kind.value})
        return 0 if row is None else int(row[0])

    async def count_refs(self, tenant_id: TenantId, kind: Kind) -> Mapping[str, int]:
        params: Params = {"tenant_id": tenant_id, "first": kind.value, "after": _after(kind.value)}
        return {target: count for target, count in await self._database.fetch(COUNT_REFS, params)}  # noqa: C416

    async def referrers(self, tenant_id: TenantId, key: str, limit: int) -> Sequence[str]:
        params: Params = {"tenant_id": tenant_id, "target": key, "limit": limit}
        return [row[0] for row in await self._database.fetch(REFERRERS, params)]

    async def entity_of_agent(self, tenant_id: TenantId, agent_id: str) -> Document | None:
        row = await self._database.fetch_one(OF_AGENT, {"tenant_id": tenant_id, "agent_id": agent_id})
        return None if row is None else document_of(row)

    async def every(self, kind: Kind, marker: str | None, limit: int) -> Sequence[Document]:
        rows = await self._database.fetch(EVERY, {"kind": kind.value, "marker": marker or "", "limit": limit})
        return [document_of(row) for row in rows]

    async def changes(self, after: int, limit: int) -> Sequence[Change]:
        rows = await self._database.fetch(changes.AFTER, {"after": after, "limit": limit})
        return [Change(seq, tenant_id, kind, key) for seq, tenant_id, kind, key in rows]

    async def last_change(self) -> int:
        row = await self._database.fetch_one(changes.LAST, {})
        return 0 if row is None else int(row[0])

    def add(self, document: Document) -> SqlWrite:
        params = _params(document)
        statements: list[Statement | Bulk] = [
            _has_parent(document),
            *_agent_is_free(document),
            Statement(ADD, params, expect=1, guard="id"),
            *_add_refs(document),
            changes.changed(document.tenant_id, document.kind, document.id),
        ]
        return SqlWrite(tuple(statements), changes.locks(document.tenant_id))

    def update(self, document: Document, revision: int) -> SqlWrite:
        params = _params(document, "entity_id", "check_id", "created_at") | {"revision": revision}
        statements: list[Statement | Bulk] = [
            *_agent_is_free(document),
            superseded.before_change(document),
            Statement(UPDATE, params, expect=1, guard="revision"),
            Statement(REMOVE_REFS, {"source": document.id}),
            *_add_refs(document),
            changes.changed(document.tenant_id, document.kind, document.id),
        ]
        return SqlWrite(tuple(statements), changes.locks(document.tenant_id))

    def remove(self, document: Document) -> SqlWrite:
        params: Params = {"tenant_id": document.tenant_id, "id": document.id}
        return SqlWrite(
            (
                Statement(CHANGE_WITH_ALL_THAT_BELONGS_TO_IT, params),
                superseded.before_removal(document),
                Statement(REMOVE, {**params, "revision": document.revision}, expect=1, guard="revision"),
            ),
            changes.locks(document.tenant_id),
        )

    def require(self, tenant_id: TenantId, keys: Sequence[str]) -> SqlWrite:
        distinct = sorted(set(keys))
        if not distinct:
            return SqlWrite(())
        inside, params = spelt_out("id", distinct)
        sql = f"SELECT id FROM document WHERE tenant_id = :tenant_id AND id IN ({inside})"
        statement = Statement(sql, {**params, "tenant_id": tenant_id}, expect=len(distinct), guard="required")
        return SqlWrite((statement,), (changes.tenant_lock(tenant_id),))

    def unreferenced(self, tenant_id: TenantId, key: str) -> SqlWrite:
        statement = Statement(IS_REFERENCED, {"tenant_id": tenant_id, "target": key}, expect=0, guard="referenced")
        return SqlWrite((statement,), (changes.tenant_lock(tenant_id),))

    def referred_below(self, tenant_id: TenantId, key: str, limit: int, guard: str) -> SqlWrite:
        params: Params = {"tenant_id": tenant_id, "target": key, "limit": limit}
        statement = Statement(IS_REFERRED_BELOW, params, expect=1, guard=guard)
        return SqlWrite((statement,), (changes.tenant_lock(tenant_id),))

    def below(self, tenant_id: TenantId, kind: Kind, limit: int, guard: str = "limit") -> SqlWrite:
        params: Params = {"tenant_id": tenant_id, "kind": kind.value, "limit": limit}
        return SqlWrite((Statement(IS_BELOW, params, expect=1, guard=guard),), (changes.tenant_lock(tenant_id),))


def _bytewise(document: Document) -> bytes:
    return document.id.encode()


def _after(prefix: str) -> str:
    """The first text after all those that begin with the prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _narrowed(where: Filter) -> _Narrowed:
    clauses = []
    params: dict[str, Value] = {}
    for column in ("entity_id", "check_id", "label"):
        value = getattr(where, column)
        if value is not None:
            clauses.append(f"{column} = :{column}")
            params[column] = value
    for column, values in (("id", where.ids), ("agent_id", where.agent_ids)):
        if values:
            inside, listed = spelt_out(f"{column}_", values)
            clauses.append(f"{column} IN ({inside})")
            params |= listed
    if where.refs:
        inside, listed = spelt_out("ref", where.refs)
        clauses.append(f"id IN (SELECT source FROM document_ref WHERE tenant_id = :tenant_id AND target IN ({inside}))")
        params |= listed
    return clauses, params


def _has_parent(document: Document) -> Statement:
    """The nearest thing the document belongs to; that one has parents of its own for as long as it is there."""
    params: dict[str, Value] = {"tenant_id": document.tenant_id}
    if document.entity_id is None:
        return Statement(HAS_TENANT, params, expect=1, guard="tenant")
    params["entity_id"] = document.entity_id
    if document.check_id is None:
        return Statement(HAS_ENTITY, params, expect=1, guard="parent")
    return Statement(HAS_CHECK, params | {"check_id": document.check_id}, expect=1, guard="parent")


def _agent_is_free(document: Document) -> list[Statement]:
    if document.agent_id is None:
        return []
    params = {"tenant_id": document.tenant_id, "agent_id": document.agent_id, "id": document.id}
    return [Statement(AGENT_TAKEN, params, expect=0, guard="agent_id")]


def _add_refs(document: Document) -> list[Bulk]:
    if not document.refs:
        return []
    targets = sorted(set(document.refs))
    rows = [{"source": document.id, "tenant_id": document.tenant_id, "target": target} for target in targets]
    return [Bulk(ADD_REF, rows)]


def _params(document: Document, *without: str) -> dict[str, Value]:
    params: dict[str, Any] = {name: getattr(document, name) for name in Document.__struct_fields__}
    params |= {"kind": document.kind.value, "refs": _encode_refs(document.refs).decode()}
    for name in without:
        del params[name]
    return params


def document_of(row: Row) -> Document:
    """A row of `COLUMNS`."""
    tenant_id, kind, key, entity_id, check_id, agent_id, label, refs, revision, created, updated, public, secrets = row
    return Document(
        tenant_id=tenant_id,
        kind=Kind(kind),
        id=key,
        entity_id=entity_id,
        check_id=check_id,
        agent_id=agent_id,
        label=label,
        refs=() if refs == "[]" else _decode_refs(refs),
        revision=revision,
        created_at=created,
        updated_at=updated,
        public=public,
        secrets=secrets,
    )
