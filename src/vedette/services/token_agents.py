"""Who uses a token: the agents that are connected by it, and those that last connected by it."""

from __future__ import annotations

import msgspec

from vedette.domain.tokens import AgentToken
from vedette.ports.agents import AgentSeen
from vedette.services.documents import Page
from vedette.services.requests import Request
from vedette.services.token_activity import ALIVE_MS
from vedette.services.token_store import TokenStore


class _Shown(msgspec.Struct, frozen=True):
    id: str
    connected: bool
    last_seen: int
    last_ip: str
    version: str


_encode = msgspec.json.Encoder().encode


class TokenAgents:
    """One a process."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store

    async def page(self, request: Request, key: str, marker: str | None, limit: int) -> Page:
        """By agent id; one that is connected is seen now."""
        token = await self._store.find_parent(request.tenant_id, key)
        agents, alive_since = self._store.agents, request.now_ms - ALIVE_MS
        connected = set(await agents.connected_by_token(token.public_id, alive_since, marker, limit + 1))
        known = await agents.list_of_token(request.tenant_id, token.public_id, marker, limit + 1)
        seen = {agent.id: agent for agent in known}
        ids = sorted(connected | seen.keys())
        rows = [
            _shown(request, seen[agent_id], is_connected=agent_id in connected)
            if agent_id in seen
            else await self._connected(request, token, agent_id)
            for agent_id in ids[:limit]
        ]
        return Page(items=[row for row in rows if row], next_marker=ids[limit] if len(ids) > limit else None)

    async def _connected(self, request: Request, token: AgentToken, agent_id: str) -> bytes:
        """Of an agent that has connected by another token since; empty when it left meanwhile."""
        alive_since = request.now_ms - ALIVE_MS
        rows = await self._store.agents.connections_of_agent(request.tenant_id, agent_id, alive_since)
        ours = [row for row in rows if row.token_public_id == token.public_id]
        if not ours:
            return b""
        last = max(ours, key=lambda row: row.since_ms)
        return _encode(
            _Shown(agent_id, connected=True, last_seen=request.now_ms, last_ip=last.ip, version=last.bundle_version)
        )


def _shown(request: Request, agent: AgentSeen, *, is_connected: bool) -> bytes:
    last_seen = request.now_ms if is_connected else agent.last_connected_ms
    return _encode(_Shown(agent.id, is_connected, last_seen, agent.ip, agent.version))
