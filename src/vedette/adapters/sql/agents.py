"""Agents as they were last seen."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.adapters.sql.database import Bulk, Database, Params, Row, SqlWrite, Statement, Value
from vedette.domain.ids import TenantId
from vedette.ports.agents import AgentSeen

_COLUMNS = "tenant_id, id, last_connected_ms, token_public_id, ip, version"

FIND = f"SELECT {_COLUMNS} FROM agent_seen WHERE tenant_id = :tenant_id AND id = :id"

LIST = f"""
SELECT {_COLUMNS} FROM agent_seen WHERE tenant_id = :tenant_id AND id >= :marker ORDER BY id LIMIT :limit"""

# Only for tenants that are still there: one agent of a removed tenant must not fail the others' group.
SEEN = f"""
INSERT INTO agent_seen ({_COLUMNS})
SELECT id, :id, :last_connected_ms, :token_public_id, :ip, :version FROM tenant WHERE id = :tenant_id
ON CONFLICT (tenant_id, id) DO UPDATE SET last_connected_ms = excluded.last_connected_ms,
    token_public_id = excluded.token_public_id, ip = excluded.ip, version = excluded.version"""

FORGET = "DELETE FROM agent_seen WHERE last_connected_ms < :last_connected_ms"


class SqlAgents:
    """See `ports.agents.Agents`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: TenantId, agent_id: str) -> AgentSeen | None:
        row = await self._database.fetch_one(FIND, {"tenant_id": tenant_id, "id": agent_id})
        return None if row is None else _agent(row)

    async def list(self, tenant_id: TenantId, marker: str | None, limit: int) -> list[AgentSeen]:
        params: Params = {"tenant_id": tenant_id, "marker": marker or "", "limit": limit}
        return [_agent(row) for row in await self._database.fetch(LIST, params)]

    def seen(self, agents: Sequence[AgentSeen]) -> SqlWrite:
        rows = [_params(agent) for agent in sorted(agents, key=_key)]
        return SqlWrite((Bulk(SEEN, rows),))

    def forget_before(self, last_connected_ms: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET, {"last_connected_ms": last_connected_ms}),))


def _key(agent: AgentSeen) -> tuple[str, str]:
    """Rows are always written in one order: two processes that write at once do not wait for each other in a ring."""
    return agent.tenant_id, agent.id


def _params(agent: AgentSeen) -> dict[str, Value]:
    return {name: getattr(agent, name) for name in AgentSeen.__struct_fields__}


def _agent(row: Row) -> AgentSeen:
    tenant_id, key, last_connected_ms, token_public_id, ip, version = row
    return AgentSeen(
        tenant_id=tenant_id,
        id=key,
        last_connected_ms=last_connected_ms,
        token_public_id=token_public_id,
        ip=ip,
        version=version,
    )
