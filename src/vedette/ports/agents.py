"""Agents as the system has seen them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from vedette.domain.ids import TenantId
from vedette.ports.unit import Write


class AgentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of a tenant and when it last connected; listed for 30 days."""

    tenant_id: TenantId
    id: str
    last_connected_ms: int
    token_public_id: str
    ip: str
    version: str


class Agents(Protocol):
    """Agents that have connected."""

    async def find(self, tenant_id: TenantId, agent_id: str) -> AgentSeen | None: ...

    async def list(self, tenant_id: TenantId, marker: str | None, limit: int) -> list[AgentSeen]: ...

    def seen(self, agents: Sequence[AgentSeen]) -> Write:
        """Adds or overwrites."""
        ...

    def forget_before(self, last_connected_ms: int) -> Write: ...
