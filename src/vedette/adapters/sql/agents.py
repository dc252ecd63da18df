"""Agents as they were last seen, and their live connections in every process."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vedette.adapters.sql import changes
from vedette.adapters.sql.database import Bulk, Database, Params, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.lists import spelt_out
from vedette.domain.ids import TenantId
from vedette.ports.agents import AgentSeen, Connection, ConnectionCount, ProcessBeat

_COLUMNS = "tenant_id, id, last_connected_ms, token_public_id, ip, version"

_CONNECTION = (
    "id, process_id, tenant_id, token_public_id, agent_id, guid, ip, port, since_ms, endpoint, process_version, "
    "bundle_version, features"
)

_OF_THE_LIVING = "process_id IN (SELECT id FROM server_process WHERE at_ms >= :alive_since_ms)"

FIND = f"SELECT {_COLUMNS} FROM agent_seen WHERE tenant_id = :tenant_id AND id = :id"

LIST = f"""
SELECT {_COLUMNS} FROM agent_seen WHERE tenant_id = :tenant_id AND id >= :marker ORDER BY id LIMIT :limit"""

LIST_OF_TOKEN = f"""
SELECT {_COLUMNS} FROM agent_seen
WHERE tenant_id = :tenant_id AND token_public_id = :token_public_id AND id >= :marker ORDER BY id LIMIT :limit"""

CONNECTIONS_OF_TOKEN = f"""
SELECT {_CONNECTION} FROM agent_connection
WHERE token_public_id = :token_public_id AND {_OF_THE_LIVING} ORDER BY since_ms, id"""

CONNECTIONS_OF_AGENT = f"""
SELECT {_CONNECTION} FROM agent_connection
WHERE tenant_id = :tenant_id AND agent_id = :agent_id AND {_OF_THE_LIVING} ORDER BY id"""

CONNECTIONS_OF_AGENTS = f"SELECT {_CONNECTION} FROM agent_connection WHERE tenant_id = :tenant_id AND {_OF_THE_LIVING}"

CONNECTED_BY_TOKEN = f"""
SELECT DISTINCT agent_id FROM agent_connection
WHERE token_public_id = :token_public_id AND agent_id >= :marker AND {_OF_THE_LIVING} ORDER BY agent_id LIMIT :limit"""

COUNT_BY_TOKEN = f"""
SELECT token_public_id, COUNT(*), COUNT(DISTINCT agent_id) FROM agent_connection
WHERE tenant_id = :tenant_id AND {_OF_THE_LIVING} GROUP BY token_public_id"""

PROCESSES = "SELECT id, at_ms, newest_key FROM server_process WHERE at_ms >= :alive_since_ms ORDER BY id"

# Only for tenants that are still there: one agent of a removed tenant must not fail the others' group.
SEEN = f"""
INSERT INTO agent_seen ({_COLUMNS})
SELECT id, :id, :last_connected_ms, :token_public_id, :ip, :version FROM tenant WHERE id = :tenant_id
ON CONFLICT (tenant_id, id) DO UPDATE SET last_connected_ms = excluded.last_connected_ms,
    token_public_id = excluded.token_public_id, ip = excluded.ip, version = excluded.version"""

CONNECTED = f"""
INSERT INTO agent_connection ({_CONNECTION})
VALUES (:id, :process_id, :tenant_id, :token_public_id, :agent_id, :guid, :ip, :port, :since_ms, :endpoint,
        :process_version, :bundle_version, :features)
ON CONFLICT (id) DO NOTHING"""

DISCONNECTED = "DELETE FROM agent_connection WHERE id = :id"

BEAT = """
INSERT INTO server_process (id, at_ms, newest_key) VALUES (:id, :at_ms, :newest_key)
ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms, newest_key = excluded.newest_key"""

DISCONNECT_PROCESS = "DELETE FROM agent_connection WHERE process_id = :id"

UNSEAT_PROCESS = "DELETE FROM collector_seat WHERE process_id = :id"

UNSEAT_SILENT = """
DELETE FROM collector_seat WHERE process_id NOT IN (SELECT id FROM server_process WHERE at_ms >= :before_ms)"""

FORGET_PROCESS = "DELETE FROM server_process WHERE id = :id"

DISCONNECT_SILENT = """
DELETE FROM agent_connection WHERE process_id NOT IN (SELECT id FROM server_process WHERE at_ms >= :before_ms)"""

FORGET_SILENT = "DELETE FROM server_process WHERE at_ms < :before_ms"

FORGET = "DELETE FROM agent_seen WHERE last_connected_ms < :last_connected_ms"

_encode_features = msgspec.json.Encoder().encode
_decode_features = msgspec.json.Decoder(tuple[str, ...]).decode


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

    async def list_of_token(
        self, tenant_id: TenantId, token_public_id: str, marker: str | None, limit: int
    ) -> Sequence[AgentSeen]:
        params: dict[str, Value] = {"tenant_id": tenant_id, "token_public_id": token_public_id}
        params |= {"marker": marker or "", "limit": limit}
        return [_agent(row) for row in await self._database.fetch(LIST_OF_TOKEN, params)]

    async def connections_of_token(self, token_public_id: str, alive_since_ms: int) -> Sequence[Connection]:
        params: Params = {"token_public_id": token_public_id, "alive_since_ms": alive_since_ms}
        return [_connection(row) for row in await self._database.fetch(CONNECTIONS_OF_TOKEN, params)]

    async def connections_of_agent(
        self, tenant_id: TenantId, agent_id: str, alive_since_ms: int
    ) -> Sequence[Connection]:
        params: Params = {"tenant_id": tenant_id, "agent_id": agent_id, "alive_since_ms": alive_since_ms}
        return [_connection(row) for row in await self._database.fetch(CONNECTIONS_OF_AGENT, params)]

    async def connections_of_agents(
        self, tenant_id: TenantId, agent_ids: Sequence[str], alive_since_ms: int
    ) -> Sequence[Connection]:
        if not agent_ids:
            return []
        inside, ids = spelt_out("agent", agent_ids)
        sql = f"{CONNECTIONS_OF_AGENTS} AND agent_id IN ({inside}) ORDER BY agent_id, id"
        params: Params = {"tenant_id": tenant_id, "alive_since_ms": alive_since_ms, **ids}
        return [_connection(row) for row in await self._database.fetch(sql, params)]

    async def connected_by_token(
        self, token_public_id: str, alive_since_ms: int, marker: str | None, limit: int
    ) -> Sequence[str]:
        params: dict[str, Value] = {"token_public_id": token_public_id, "alive_since_ms": alive_since_ms}
        params |= {"marker": marker or "", "limit": limit}
        return [row[0] for row in await self._database.fetch(CONNECTED_BY_TOKEN, params)]

    async def count_by_token(self, tenant_id: TenantId, alive_since_ms: int) -> dict[str, ConnectionCount]:
        params: Params = {"tenant_id": tenant_id, "alive_since_ms": alive_since_ms}
        rows = await self._database.fetch(COUNT_BY_TOKEN, params)
        return {key: ConnectionCount(connections=connections, agents=agents) for key, connections, agents in rows}

    async def processes(self, alive_since_ms: int) -> Sequence[ProcessBeat]:
        rows = await self._database.fetch(PROCESSES, {"alive_since_ms": alive_since_ms})
        return [ProcessBeat(id=key, at_ms=at_ms, newest_key=newest_key) for key, at_ms, newest_key in rows]

    def seen(self, agents: Sequence[AgentSeen]) -> SqlWrite:
        """Holds the lock of the feed, as removing a tenant does: none goes between the look at it and the commit."""
        rows = [_params(agent) for agent in sorted(agents, key=_key)]
        return SqlWrite((Bulk(SEEN, rows),), (changes.LOCK,))

    def connected(self, connections: Sequence[Connection]) -> SqlWrite:
        rows = [_connection_params(one) for one in sorted(connections, key=lambda one: one.id)]
        return SqlWrite((Bulk(CONNECTED, rows),))

    def disconnected(self, connection_ids: Sequence[str]) -> SqlWrite:
        return SqlWrite((Bulk(DISCONNECTED, [{"id": key} for key in sorted(connection_ids)]),))

    def beat(self, process: ProcessBeat) -> SqlWrite:
        params: Params = {"id": process.id, "at_ms": process.at_ms, "newest_key": process.newest_key}
        return SqlWrite((Statement(BEAT, params),))

    def forget_process(self, process_id: str) -> SqlWrite:
        params: Params = {"id": process_id}
        statements = (DISCONNECT_PROCESS, UNSEAT_PROCESS, FORGET_PROCESS)
        return SqlWrite(tuple(Statement(sql, params) for sql in statements))

    def forget_silent(self, before_ms: int) -> SqlWrite:
        params: Params = {"before_ms": before_ms}
        statements = (DISCONNECT_SILENT, UNSEAT_SILENT, FORGET_SILENT)
        return SqlWrite(tuple(Statement(sql, params) for sql in statements))

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


def _connection_params(connection: Connection) -> dict[str, Value]:
    plain = {name: getattr(connection, name) for name in Connection.__struct_fields__}
    return plain | {"features": _encode_features(connection.features).decode()}


def _connection(row: Row) -> Connection:
    values = dict(zip(Connection.__struct_fields__, row, strict=True))
    return Connection(**values | {"features": _decode_features(values["features"])})
