"""Agent tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from vedette.adapters.sql import changes
from vedette.adapters.sql.database import Bulk, Database, Params, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.documents import HAS_TENANT
from vedette.adapters.sql.lists import spelt_out
from vedette.domain.ids import TenantId
from vedette.domain.tokens import AgentToken, Grave, Policy, Reason, TokenUse

CHANGE_KIND = "agent_token"

_COLUMNS = "tenant_id, public_id, sort_key, token_index, sealed, label, revision, created_at, updated_at, more"

_IS_THIS = "public_id = :public_id AND COALESCE(tenant_id, '') = :tenant_id"

FIND = f"SELECT {_COLUMNS} FROM agent_token WHERE {_IS_THIS}"

FIND_BY_INDEX = f"SELECT {_COLUMNS} FROM agent_token WHERE token_index = :token_index"

FIND_GRAVE = "SELECT reason, at_ms FROM grave WHERE token_index = :token_index"

# Up to the sort key of the last row of the page, which takes its ties in; to the end (`~` is after every hex digit)
# where there is no such row.
LIST = f"""
SELECT {_COLUMNS} FROM agent_token
WHERE tenant_id = :tenant_id AND sort_key >= :sort_key AND sort_key <= COALESCE(
    (SELECT sort_key FROM agent_token WHERE tenant_id = :tenant_id AND sort_key >= :sort_key
     ORDER BY sort_key LIMIT 1 OFFSET :others), '~')
ORDER BY sort_key, public_id"""

LIST_BY_PUBLIC_ID = f"""
SELECT {_COLUMNS} FROM agent_token
WHERE tenant_id = :tenant_id AND public_id >= :marker ORDER BY public_id LIMIT :limit"""

EVERY = f"SELECT {_COLUMNS} FROM agent_token WHERE public_id >= :marker ORDER BY public_id LIMIT :limit"

EXPIRED = f"""
SELECT {_COLUMNS} FROM agent_token
WHERE rotated_to IS NOT NULL AND expires_at <= :now_ms ORDER BY expires_at, public_id LIMIT :limit"""

USES = "SELECT public_id, at_ms, agent_id, ip FROM token_use WHERE public_id IN ({inside})"

ADD = f"""
INSERT INTO agent_token ({_COLUMNS}, expires_at, rotated_to)
VALUES (:tenant_id, :public_id, :sort_key, :token_index, :sealed, :label, :revision, :created_at, :updated_at, :more,
        :expires_at, :rotated_to)"""

UPDATE = f"""
UPDATE agent_token SET label = :label, more = :more, expires_at = :expires_at, rotated_to = :rotated_to,
       revision = revision + 1, updated_at = :updated_at
WHERE {_IS_THIS} AND revision = :revision"""

RESEAL = f"""
UPDATE agent_token SET token_index = :token_index, sealed = :sealed WHERE {_IS_THIS} AND revision = :revision"""

REMOVE = f"DELETE FROM agent_token WHERE {_IS_THIS} AND revision = :revision"

BURY = """
INSERT INTO grave (token_index, reason, at_ms) VALUES (:token_index, :reason, :at_ms)
ON CONFLICT (token_index) DO UPDATE SET reason = excluded.reason, at_ms = excluded.at_ms"""

USED = """
INSERT INTO token_use (public_id, at_ms, agent_id, ip)
SELECT public_id, :at_ms, :agent_id, :ip FROM agent_token WHERE public_id = :public_id
ON CONFLICT (public_id) DO UPDATE SET at_ms = excluded.at_ms, agent_id = excluded.agent_id, ip = excluded.ip
WHERE excluded.at_ms >= token_use.at_ms"""

FORGET_GRAVES = "DELETE FROM grave WHERE at_ms < :before_ms"


class _More(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What most tokens do not have, in one column: lists of the others are made fast."""

    policy: Policy = Policy()
    metadata: Mapping[str, str] | None = None
    zone_id: str | None = None
    rotated_to: str | None = None
    rotated_from: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_More).decode
_NO_MORE = _More()


class SqlAgentTokens:
    """See `ports.tokens.AgentTokens`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: TenantId, public_id: str) -> AgentToken | None:
        row = await self._database.fetch_one(FIND, {"tenant_id": tenant_id, "public_id": public_id})
        return None if row is None else _token(row)

    async def find_by_index(self, index: bytes) -> AgentToken | None:
        row = await self._database.fetch_one(FIND_BY_INDEX, {"token_index": index})
        return None if row is None else _token(row)

    async def find_grave(self, index: bytes) -> Grave | None:
        row = await self._database.fetch_one(FIND_GRAVE, {"token_index": index})
        return None if row is None else Grave(index=index, reason=Reason(row[0]), at_ms=row[1])

    async def list(self, tenant_id: TenantId, sort_key: str, limit: int) -> list[AgentToken]:
        params: Params = {"tenant_id": tenant_id, "sort_key": sort_key, "others": limit - 1}
        return [_token(row) for row in await self._database.fetch(LIST, params)]

    async def list_by_public_id(self, tenant_id: TenantId, marker: str | None, limit: int) -> Sequence[AgentToken]:
        params: Params = {"tenant_id": tenant_id, "marker": marker or "", "limit": limit}
        return [_token(row) for row in await self._database.fetch(LIST_BY_PUBLIC_ID, params)]

    async def every(self, marker: str | None, limit: int) -> Sequence[AgentToken]:
        return [_token(row) for row in await self._database.fetch(EVERY, {"marker": marker or "", "limit": limit})]

    async def expired(self, now_ms: int, limit: int) -> Sequence[AgentToken]:
        return [_token(row) for row in await self._database.fetch(EXPIRED, {"now_ms": now_ms, "limit": limit})]

    async def uses(self, public_ids: Sequence[str]) -> Sequence[TokenUse]:
        if not public_ids:
            return []
        inside, params = spelt_out("id", public_ids)
        rows = await self._database.fetch(USES.format(inside=inside), params)
        return [TokenUse(public_id=key, at_ms=at_ms, agent_id=agent_id, ip=ip) for key, at_ms, agent_id, ip in rows]

    def add(self, token: AgentToken) -> SqlWrite:
        belongs = () if token.zone_id is not None else (_has_tenant(token),)
        return _write(token, *belongs, Statement(ADD, _params(token), expect=1, guard="id"))

    def update(self, token: AgentToken, revision: int) -> SqlWrite:
        params = _params(token, "sort_key", "token_index", "sealed", "created_at")
        return _write(token, Statement(UPDATE, params | _which(token, revision), expect=1, guard="revision"))

    def reseal(self, token: AgentToken, revision: int) -> SqlWrite:
        params = {"token_index": token.index, "sealed": token.sealed} | _which(token, revision)
        return SqlWrite((Statement(RESEAL, params, expect=1, guard="revision"),))

    def remove(self, token: AgentToken, grave: Grave) -> SqlWrite:
        bury: Params = {"token_index": grave.index, "reason": grave.reason.value, "at_ms": grave.at_ms}
        gone = Statement(REMOVE, _which(token, token.revision), expect=1, guard="revision")
        return _write(token, gone, Statement(BURY, bury))

    def used(self, uses: Sequence[TokenUse]) -> SqlWrite:
        """Holds the lock of the feed, as removing does: no token goes between the look at it and the commit."""
        rows: list[Params] = [
            {"public_id": use.public_id, "at_ms": use.at_ms, "agent_id": use.agent_id, "ip": use.ip}
            for use in sorted(uses, key=lambda use: (use.public_id, use.at_ms))
        ]
        return SqlWrite((Bulk(USED, rows),), (changes.LOCK,))

    def forget_graves(self, before_ms: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET_GRAVES, {"before_ms": before_ms}),))


def _has_tenant(token: AgentToken) -> Statement:
    return Statement(HAS_TENANT, {"tenant_id": token.tenant_id}, expect=1, guard="tenant")


def _write(token: AgentToken, *statements: Statement) -> SqlWrite:
    change = changes.changed(token.tenant_id, CHANGE_KIND, token.public_id)
    return SqlWrite((*statements, change), changes.locks(token.tenant_id))


def _which(token: AgentToken, revision: int) -> dict[str, Value]:
    return {"public_id": token.public_id, "tenant_id": token.tenant_id, "revision": revision}


def _params(token: AgentToken, *without: str) -> dict[str, Value]:
    """A collector token's tenant is NULL in the table: it refers to none, and is in no tenant's list."""
    more = _More(**{name: getattr(token, name) for name in _More.__struct_fields__})
    params: dict[str, Value] = {
        "tenant_id": None if token.zone_id is not None else token.tenant_id,
        "public_id": token.public_id,
        "sort_key": token.sort_key,
        "token_index": token.index,
        "sealed": token.sealed,
        "label": token.label,
        "revision": token.revision,
        "created_at": token.created_at,
        "updated_at": token.updated_at,
        "more": None if more == _NO_MORE else _encode(more).decode(),
        "expires_at": token.policy.expires_at,
        "rotated_to": token.rotated_to,
    }
    return {name: value for name, value in params.items() if name not in without}


def _token(row: Row) -> AgentToken:
    tenant_id, public_id, sort_key, index, sealed, label, revision, created_at, updated_at, more = row
    token = AgentToken(
        tenant_id=tenant_id or TenantId(""),
        public_id=public_id,
        sort_key=sort_key,
        index=index,
        sealed=sealed,
        label=label,
        revision=revision,
        created_at=created_at,
        updated_at=updated_at,
    )
    return token if more is None else msgspec.structs.replace(token, **msgspec.structs.asdict(_decode(more)))
