"""Agents that have connected to the account, and their live connections (reference: agents)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from vedette.domain.faults import not_found, parent_not_found
from vedette.domain.ids import TenantId
from vedette.ports.agents import Agents, AgentSeen, Connection
from vedette.services.documents import Page
from vedette.services.requests import Request
from vedette.services.token_activity import ALIVE_MS

NOUN = "Agent"
_encode = msgspec.json.Encoder().encode


class AgentListing:
    """Reads only: agents come and go by connecting."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    async def page(self, request: Request, marker: str | None, limit: int) -> Page:
        found = await self._agents.list(request.tenant_id, marker, limit + 1)
        more = found[limit].id if len(found) > limit else None
        return Page(items=[_agent(agent) for agent in found[:limit]], next_marker=more)

    async def show(self, request: Request, agent_id: str) -> bytes:
        agent = await self._agents.find(request.tenant_id, agent_id)
        if agent is None:
            raise not_found(NOUN, agent_id)
        return _agent(agent)

    async def connections(self, request: Request, agent_id: str, marker: str | None, limit: int) -> Page:
        """By id. Raises `parentNotFoundError` for an agent that was never seen."""
        found = [one for one in await self._of(request, agent_id) if one.id >= (marker or "")]
        more = found[limit].id if len(found) > limit else None
        return Page(items=[_encode(shown(one)) for one in found[:limit]], next_marker=more)

    async def connection(self, request: Request, agent_id: str, connection_id: str) -> bytes:
        for one in await self._of(request, agent_id):
            if one.id == connection_id:
                return _encode(shown(one))
        raise not_found("AgentConnection", f"{agent_id}:{connection_id}")

    async def of_each(self, request: Request, agent_ids: Sequence[str]) -> list[bytes]:
        """`{agent_id, connections}` of every agent named, in that order; none where it has none."""
        alive_since = request.now_ms - ALIVE_MS
        found = await self._agents.connections_of_agents(request.tenant_id, agent_ids, alive_since)
        by_agent = grouped(found)
        return [
            _encode({"agent_id": agent_id, "connections": [shown(one) for one in by_agent.get(agent_id, ())]})
            for agent_id in dict.fromkeys(agent_ids)
        ]

    async def _of(self, request: Request, agent_id: str) -> Sequence[Connection]:
        alive_since = request.now_ms - ALIVE_MS
        found = await self._agents.connections_of_agent(request.tenant_id, agent_id, alive_since)
        if not found and not await self._is_known(request.tenant_id, agent_id):
            raise parent_not_found(NOUN, agent_id)
        return found

    async def _is_known(self, tenant_id: TenantId, agent_id: str) -> bool:
        return await self._agents.find(tenant_id, agent_id) is not None


def grouped(connections: Iterable[Connection]) -> dict[str, list[Connection]]:
    """By agent id."""
    by_agent: dict[str, list[Connection]] = {}
    for one in connections:
        by_agent.setdefault(one.agent_id, []).append(one)
    return by_agent


def _agent(agent: AgentSeen) -> bytes:
    return _encode({"id": agent.id, "last_connected": agent.last_connected_ms})


def shown(connection: Connection) -> dict[str, Any]:
    """As it is answered."""
    return {
        "id": connection.id,
        "guid": connection.guid,
        "agent_id": connection.agent_id,
        "endpoint": connection.endpoint,
        "process_version": connection.process_version,
        "bundle_version": connection.bundle_version,
        "agent_ip": connection.ip,
        "agent_port": str(connection.port),
        "features": list(connection.features),
        "connected_at": connection.since_ms,
    }
