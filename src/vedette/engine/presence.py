"""Whether an agent is connected, as the log tells it; durable, one value an agent."""

from __future__ import annotations

import msgspec

from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched
from vedette.domain.ids import AgentId, TenantId
from vedette.engine.ticks import Ticks


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's connections, over all our processes. Of several at a time the first and the last one count."""

    tenant_id: TenantId
    agent_id: AgentId
    connections: dict[str, str] = {}  # connection -> process of ours
    opened_ms: int = 0  # the first one of those that are open, or last were
    closed_ms: int = 0  # the last one
    fetched_ms: int = 0  # its schedule
    is_fast: bool = False  # declares `fast_reconnect`

    @property
    def is_connected(self) -> bool:
        return bool(self.connections)

    @property
    def moments(self) -> tuple[int, int, int]:
        """What starts the clock of its silence, and can put it off so far only."""
        return self.opened_ms, self.closed_ms, self.fetched_ms

    def after(self, happening: AgentConnected | AgentClosed | AgentFetched, ticks: Ticks) -> Presence:
        """The next entry about this agent."""
        match happening:
            case AgentConnected():
                now = self.at(happening.at_ms, ticks)
                return msgspec.structs.replace(
                    now,
                    connections={**now.connections, happening.connection_id: happening.process_id},
                    opened_ms=now.opened_ms if now.is_connected else happening.at_ms,
                    is_fast=happening.is_fast,
                )
            case AgentClosed():
                left = {key: process for key, process in self.connections.items() if key != happening.connection_id}
                is_last = bool(self.connections) and not left
                closed_ms = happening.since_ms if is_last else self.closed_ms
                return msgspec.structs.replace(self, connections=left, closed_ms=closed_ms)
            case AgentFetched():
                return msgspec.structs.replace(self, fetched_ms=happening.at_ms)

    def at(self, now_ms: int, ticks: Ticks) -> Presence:
        """As it stands at a moment: the connections of a process that gives no sign any more ended with it."""
        living = ticks.living(now_ms)
        left = {key: process for key, process in self.connections.items() if process in living}
        if len(left) == len(self.connections):
            return self
        closed_ms = self.closed_ms
        if not left:
            closed_ms = max(closed_ms, *(ticks.died_ms(process) for process in self.connections.values()))
        return msgspec.structs.replace(self, connections=left, closed_ms=closed_ms)
