"""What evaluation remembers of the log beside the alarms: zones, processes, agents, and when silence is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from vedette.domain.ids import AgentId, CheckId, TenantId
from vedette.engine.presence import Presence
from vedette.engine.surroundings import Surroundings
from vedette.ports.unit import Write


class EvaluationMemory(Protocol):
    """Written in the transaction that moves evaluation's cursor, so nothing here needs a guard of its own."""

    async def surroundings(self) -> Surroundings:
        """As first made when nothing was kept yet."""
        ...

    async def presence(self, tenant_id: TenantId, agent_id: AgentId) -> Presence | None: ...

    def keep(self, surroundings: Surroundings) -> Write: ...

    def keep_presence(self, presence: Presence, at_ms: int) -> Write: ...

    def forget_presences(self, before_ms: int) -> Write:
        """Of agents to which nothing has happened since, and that are not connected."""
        ...


class SilenceTimer(msgspec.Struct, frozen=True, kw_only=True):
    """When to look whether a check's agent is silent."""

    check_id: CheckId
    tenant_id: TenantId
    agent_id: AgentId  # that reported the check last
    reported_ms: int  # it did so at least until then
    due_ms: int | None  # no silence is one before; None: all are told


class SilenceTimers(Protocol):
    """One an agent's check that was ever reported; goes with its check."""

    async def due(self, at_ms: int, limit: int) -> Sequence[SilenceTimer]:
        """The longest due first."""
        ...

    async def find(self, check_id: CheckId) -> SilenceTimer | None: ...

    def start(self, timer: SilenceTimer) -> Write:
        """In place of the check's earlier one. Nothing happens for a check that is gone."""
        ...

    def move(self, before: SilenceTimer, after: SilenceTimer) -> Write:
        """Compare-and-set of the time: guard `silence_timer`."""
        ...

    def hasten(self, tenant_id: TenantId, agent_id: AgentId, due_ms: int) -> Write:
        """None of the agent's is due later than that."""
        ...
