"""Agents as the system has seen them, and their live connections in every process."""

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


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A live connection of an agent, in one process; written in batches, a second late at most."""

    id: str  # `cn` and ten letters
    process_id: str
    tenant_id: TenantId
    token_public_id: str
    agent_id: str
    guid: str
    ip: str
    port: int
    since_ms: int
    endpoint: str  # host:port it connected to
    process_version: str
    bundle_version: str
    features: tuple[str, ...] = ()


class ConnectionCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many live connections, and of how many different agents."""

    connections: int
    agents: int


class ProcessBeat(msgspec.Struct, frozen=True, kw_only=True):
    """A server process that is alive: what tells live connections from those of a process that died."""

    id: str
    at_ms: int
    newest_key: int  # the version of the newest key it knows


class Agents(Protocol):
    """Agents that have connected."""

    async def find(self, tenant_id: TenantId, agent_id: str) -> AgentSeen | None: ...

    async def list(self, tenant_id: TenantId, marker: str | None, limit: int) -> list[AgentSeen]: ...

    async def list_of_token(
        self, tenant_id: TenantId, token_public_id: str, marker: str | None, limit: int
    ) -> Sequence[AgentSeen]:
        """The agents that last connected by this token, by id."""
        ...

    async def connections_of_token(self, token_public_id: str, alive_since_ms: int) -> Sequence[Connection]:
        """In processes that have beaten since; ordered by (since, id), the oldest first."""
        ...

    async def connections_of_agent(
        self, tenant_id: TenantId, agent_id: str, alive_since_ms: int
    ) -> Sequence[Connection]:
        """The same of one agent, by id."""
        ...

    async def connections_of_agents(
        self, tenant_id: TenantId, agent_ids: Sequence[str], alive_since_ms: int
    ) -> Sequence[Connection]:
        """The same of several agents, by agent and id."""
        ...

    async def connected_by_token(
        self, token_public_id: str, alive_since_ms: int, marker: str | None, limit: int
    ) -> Sequence[str]:
        """The agents that are connected by this token now, by id."""
        ...

    async def count_by_token(self, tenant_id: TenantId, alive_since_ms: int) -> dict[str, ConnectionCount]:
        """Token's public id -> live connections, where there are any."""
        ...

    async def processes(self, alive_since_ms: int) -> Sequence[ProcessBeat]: ...

    def seen(self, agents: Sequence[AgentSeen]) -> Write:
        """Adds or overwrites."""
        ...

    def connected(self, connections: Sequence[Connection]) -> Write:
        """Those that are there already stay as they are: after a doubtful commit all can be written again.

        A process beats before it writes its first connections, for those of a silent one do not count.
        """
        ...

    def disconnected(self, connection_ids: Sequence[str]) -> Write:
        """No guard: one that is not there is fine."""
        ...

    def beat(self, process: ProcessBeat) -> Write:
        """Adds or overwrites."""
        ...

    def forget_process(self, process_id: str) -> Write:
        """With its connections."""
        ...

    def forget_silent(self, before_ms: int) -> Write:
        """Processes that have not beaten since, with their connections, and connections of processes that never have.

        One that comes back from a long pause writes its connections again.
        """
        ...

    def forget_before(self, last_connected_ms: int) -> Write: ...
