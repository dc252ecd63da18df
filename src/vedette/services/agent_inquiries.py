"""Requests to the agents of this process, whoever in the installation asks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from vedette.domain.ids import TenantId
from vedette.services.agent_connections import AgentConnections, Live
from vedette.services.agent_replies import BUSY, NOT_CONNECTED, Reply

MOST_OF_AN_AGENT = 8
"""Open questions; answers may be large, and a host has other things to do."""


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """One request to one agent by one connection."""

    tenant_id: TenantId
    agent_id: str
    connection_id: str
    method: str
    params: dict[str, Any]
    limit_ms: int


_encode = msgspec.json.Encoder().encode
_inquiry = msgspec.json.Decoder(Inquiry)
_reply = msgspec.json.Decoder(Reply)


class Inquiries:
    """One a process."""

    def __init__(self, connections: AgentConnections) -> None:
        self._connections = connections
        self._open: Counter[tuple[TenantId, str]] = Counter()

    async def ask(self, inquiry: Inquiry) -> Reply:
        """Never raises."""
        live = self._find(inquiry)
        if live is None:
            return NOT_CONNECTED
        key = (inquiry.tenant_id, inquiry.agent_id)
        if self._open[key] >= MOST_OF_AN_AGENT:
            return BUSY
        self._open[key] += 1
        try:
            return await live.ask(inquiry.method, inquiry.params, inquiry.limit_ms)
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    def _find(self, inquiry: Inquiry) -> Live | None:
        lives = self._connections.of_agent(inquiry.tenant_id, inquiry.agent_id)
        return next((live for live in lives if live.identity.connection_id == inquiry.connection_id), None)

    async def answer(self, inquiry: bytes) -> bytes:
        """The same for another process."""
        return _encode(await self.ask(_inquiry.decode(inquiry)))


def sent(inquiry: Inquiry) -> bytes:
    """As it goes to another process."""
    return _encode(inquiry)


def received(reply: bytes) -> Reply:
    """As it comes from another process."""
    return _reply.decode(reply)
