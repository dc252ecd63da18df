"""Which agents are connected to this process, and which of them must fetch their schedule again.

An agent process (agent id and guid) may hold several connections; it is told of a change on one of them. Our own agent
is told at once and keeps the rhythm of what did not change. A stock agent restarts all its checks at a random phase
each time, so it is told at once and then at most once in 60 s; and as it fetches once per process only, it is told
after a reconnect too, if it may have missed something and does not ask by itself.

All times here are steady milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

import msgspec

from vedette.domain.ids import TenantId
from vedette.domain.tokens import Reason
from vedette.services.agent_replies import Reply
from vedette.wire.messages import BUFFERS

STOCK_PAUSE_MS = 60_000
FETCH_PATIENCE_MS = 5_000
"""How long a connected agent may take to ask for its schedule before it is told to."""
IN_VAIN_MS = 15_000
"""When a stock agent that could not be given its schedule is told to ask again; it would not do so by itself."""
REMEMBERED_MS = 3_600_000
MOST_REMEMBERED = 20_000


class Address(msgspec.Struct, frozen=True):
    """Where a connection comes from, and where it came to."""

    ip: str  # an IPv4 address in IPv6 clothes is shown without them
    port: int
    endpoint: str  # host:port of ours


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A connected agent, as its handshake and its token say."""

    connection_id: str  # `cn` and ten letters
    since_ms: int  # wall time of its handshake
    tenant_id: TenantId
    token_public_id: str
    agent_id: str
    entity_id: str | None  # bound to this agent id when it connected
    guid: str | None  # of the agent's process
    zone_ids: tuple[str, ...] = ()  # of a collector: the zones it collects for; empty: an agent
    ip: str
    port: int
    endpoint: str
    process_version: str
    bundle_version: str
    features: frozenset[str]

    @property
    def is_collector(self) -> bool:
        return bool(self.zone_ids)

    @property
    def is_ours(self) -> bool:
        return BUFFERS in self.features

    @property
    def sender(self) -> str:
        return f"{self.agent_id}:{self.guid or ''}"


class Live(Protocol):
    """One live connection, as the endpoint gives it."""

    @property
    def identity(self) -> Identity: ...

    def tell_schedule_changed(self) -> bool:
        """Sends `check_schedule.changed`; False when that cannot be done now."""
        ...

    def hand_token(self, token: str) -> bool:
        """Sends `token.rotate`; False when that cannot be done now."""
        ...

    async def ask(self, method: str, params: dict[str, Any], limit_ms: int) -> Reply:
        """A request of ours and what the agent answers to it within its time limit; never raises."""
        ...

    def cut(self, reason: Reason, *, with_notice: bool) -> bool:
        """Ends it, nothing more is taken; who declared `notices` may be told first. False when it is ending already."""
        ...

    def close(self, reason: str) -> None:
        """Ends it at once. Safe to call twice."""
        ...


class AgentProcess:
    """All connections of one agent process, and what it was handed."""

    def __init__(self, identity: Identity) -> None:
        self.agent_id = identity.agent_id
        self.is_ours = identity.is_ours
        self.connections: list[Live] = []
        self.entity_id: str | None = None  # whose schedule it has
        self.handed: Mapping[str, int] | None = None  # check id -> fingerprint; None: not fetched from us yet
        self.changes = 0  # grows with each change, so that one during a fetch is not missed
        self.is_stale = False
        self.due_ms: int | None = None
        self.told_ms: int | None = None
        self.left_ms = 0


class AgentConnections:
    """By agent and by token. Not shared between threads."""

    def __init__(self) -> None:
        self._processes: dict[TenantId, dict[str, dict[str | None, AgentProcess]]] = {}
        self._by_token: dict[str, dict[str, set[Live]]] = {}  # token's public id -> agent id -> connections
        self._left: dict[tuple[TenantId, str, str | None], AgentProcess] = {}  # the longest gone first
        self._due: set[AgentProcess] = set()
        self._count = 0

    def add(self, live: Live, now_ms: int) -> None:
        process = self._process(live.identity)
        process.connections.append(live)
        self._left.pop(_key(live.identity), None)
        of_token = self._by_token.setdefault(live.identity.token_public_id, {})
        of_token.setdefault(live.identity.agent_id, set()).add(live)
        self._count += 1
        if process.is_stale or (process.handed is None and live.identity.entity_id is not None):
            self._owe(process, now_ms + FETCH_PATIENCE_MS)

    def drop(self, live: Live, now_ms: int) -> bool:
        """False when it is gone already."""
        identity = live.identity
        process = self._process(identity)
        if live not in process.connections:
            return False
        process.connections.remove(live)
        self._count -= 1
        of_token = self._by_token[identity.token_public_id]
        of_token[identity.agent_id].discard(live)
        if not of_token[identity.agent_id]:
            del of_token[identity.agent_id]
        if not of_token:
            del self._by_token[identity.token_public_id]
        if not process.connections:
            process.left_ms = now_ms
            self._left[_key(identity)] = process
            self._due.discard(process)
        return True

    def _process(self, identity: Identity) -> AgentProcess:
        of_agent = self._processes.setdefault(identity.tenant_id, {}).setdefault(identity.agent_id, {})
        process = of_agent.get(identity.guid)
        if process is None:
            process = of_agent[identity.guid] = AgentProcess(identity)
        return process

    def of_agent(self, tenant_id: TenantId, agent_id: str) -> list[Live]:
        """The live connections of one agent id."""
        processes = self._processes.get(tenant_id, {}).get(agent_id, {})
        return [live for process in processes.values() for live in process.connections]

    def of_token(self, public_id: str) -> list[Live]:
        return [live for lives in self._by_token.get(public_id, {}).values() for live in lives]

    def agents_of_token(self, public_id: str) -> AbstractSet[str]:
        """The ids of the agents that are connected by a token."""
        return self._by_token.get(public_id, {}).keys()

    def all(self) -> Iterator[Live]:
        for of_token in self._by_token.values():
            for lives in of_token.values():
                yield from lives

    def __len__(self) -> int:
        return self._count

    # -- schedules

    def process_of(self, live: Live) -> AgentProcess:
        return self._process(live.identity)

    def processes(self, tenant_id: TenantId, agent_id: str | None = None) -> Iterator[AgentProcess]:
        """Of a tenant, or of one agent id of it; those that left lately too, for they may come back."""
        agents = self._processes.get(tenant_id, {})
        for of_agent in list(agents.values()) if agent_id is None else [agents.get(agent_id, {})]:
            yield from list(of_agent.values())

    def fetched(self, process: AgentProcess, entity_id: str | None, handed: Mapping[str, int], changes: int) -> None:
        """It was handed a schedule that was read when `changes` was the process's count."""
        process.entity_id, process.handed = entity_id, handed
        process.is_stale = process.changes != changes
        if not process.is_stale:
            process.due_ms = None
            self._due.discard(process)

    def changed(self, process: AgentProcess, now_ms: int) -> None:
        """What it was handed is no longer right."""
        process.changes += 1
        process.is_stale = True
        if process.is_ours or process.told_ms is None:
            self._owe(process, now_ms)
        else:
            self._owe(process, max(now_ms, process.told_ms + STOCK_PAUSE_MS))
        self._tell_if_due(process, now_ms)

    def asked_in_vain(self, process: AgentProcess, now_ms: int) -> None:
        """It asked for its schedule, and that could not be read."""
        if not process.is_ours:
            process.is_stale, process.due_ms = True, None
            self._owe(process, now_ms + IN_VAIN_MS)

    def sweep(self, now_ms: int) -> None:
        """Tells whom it is time to tell, forgets who left long ago."""
        for process in list(self._due):
            self._tell_if_due(process, now_ms)
        while self._left:
            key = next(iter(self._left))
            if len(self._left) <= MOST_REMEMBERED and now_ms - self._left[key].left_ms < REMEMBERED_MS:
                return
            self._forget(key)

    def _owe(self, process: AgentProcess, due_ms: int) -> None:
        process.due_ms = due_ms if process.due_ms is None else min(process.due_ms, due_ms)
        if process.connections:
            self._due.add(process)

    def _tell_if_due(self, process: AgentProcess, now_ms: int) -> None:
        if process.due_ms is None or process.due_ms > now_ms:
            return
        if any(live.tell_schedule_changed() for live in list(process.connections)):
            process.due_ms, process.told_ms = None, now_ms
            self._due.discard(process)

    def _forget(self, key: tuple[TenantId, str, str | None]) -> None:
        del self._left[key]
        tenant_id, agent_id, guid = key
        agents = self._processes[tenant_id]
        del agents[agent_id][guid]
        if not agents[agent_id]:
            del agents[agent_id]
        if not agents:
            del self._processes[tenant_id]


def _key(identity: Identity) -> tuple[TenantId, str, str | None]:
    return identity.tenant_id, identity.agent_id, identity.guid
