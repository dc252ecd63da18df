"""Agent tokens."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql import changes
from vedette.adapters.sql.database import Database, Params, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.documents import HAS_TENANT
from vedette.domain.ids import TenantId
from vedette.domain.tokens import AgentToken

CHANGE_KIND = "agent_token"

_COLUMNS = "tenant_id, public_id, sort_key, token_index, sealed, label, revision, created_at, updated_at"

FIND = f"SELECT {_COLUMNS} FROM agent_token WHERE public_id = :public_id AND tenant_id = :tenant_id"

FIND_BY_INDEX = f"SELECT {_COLUMNS} FROM agent_token WHERE token_index = :token_index"

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

ADD = f"""
INSERT INTO agent_token ({_COLUMNS})
VALUES (:tenant_id, :public_id, :sort_key, :token_index, :sealed, :label, :revision, :created_at, :updated_at)"""

UPDATE = """
UPDATE agent_token SET sort_key = :sort_key, token_index = :token_index, sealed = :sealed, label = :label,
       revision = revision + 1, updated_at = :updated_at
WHERE public_id = :public_id AND tenant_id = :tenant_id AND revision = :revision"""

REMOVE = "DELETE FROM agent_token WHERE public_id = :public_id AND tenant_id = :tenant_id AND revision = :revision"


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

    async def list(self, tenant_id: TenantId, sort_key: str, limit: int) -> list[AgentToken]:
        params: Params = {"tenant_id": tenant_id, "sort_key": sort_key, "others": limit - 1}
        return [_token(row) for row in await self._database.fetch(LIST, params)]

    async def list_by_public_id(self, tenant_id: TenantId, marker: str | None, limit: int) -> Sequence[AgentToken]:
        params: Params = {"tenant_id": tenant_id, "marker": marker or "", "limit": limit}
        return [_token(row) for row in await self._database.fetch(LIST_BY_PUBLIC_ID, params)]

    def add(self, token: AgentToken) -> SqlWrite:
        has_tenant = Statement(HAS_TENANT, {"tenant_id": token.tenant_id}, expect=1, guard="tenant")
        return _write(token, has_tenant, Statement(ADD, _params(token), expect=1, guard="id"))

    def update(self, token: AgentToken, revision: int) -> SqlWrite:
        params = _params(token) | {"revision": revision}
        del params["created_at"]
        return _write(token, Statement(UPDATE, params, expect=1, guard="revision"))

    def remove(self, token: AgentToken) -> SqlWrite:
        params: Params = {"public_id": token.public_id, "tenant_id": token.tenant_id, "revision": token.revision}
        return _write(token, Statement(REMOVE, params, expect=1, guard="revision"))


def _write(token: AgentToken, *statements: Statement) -> SqlWrite:
    change = changes.changed(token.tenant_id, CHANGE_KIND, token.public_id)
    return SqlWrite((*statements, change), changes.locks(token.tenant_id))


def _params(token: AgentToken) -> dict[str, Value]:
    return {
        "tenant_id": token.tenant_id,
        "public_id": token.public_id,
        "sort_key": token.sort_key,
        "token_index": token.index,
        "sealed": token.sealed,
        "label": token.label,
        "revision": token.revision,
        "created_at": token.created_at,
        "updated_at": token.updated_at,
    }


def _token(row: Row) -> AgentToken:
    tenant_id, public_id, sort_key, index, sealed, label, revision, created_at, updated_at = row
    return AgentToken(
        tenant_id=tenant_id,
        public_id=public_id,
        sort_key=sort_key,
        index=index,
        sealed=sealed,
        label=label,
        revision=revision,
        created_at=created_at,
        updated_at=updated_at,
    )
