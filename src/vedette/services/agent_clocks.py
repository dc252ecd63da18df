"""How far the clocks of agents are from ours, as their heartbeats tell."""

from __future__ import annotations

from vedette.domain.ids import TenantId

NOTICED_MS = 500
"""A smaller difference is the network's: the offset stays, so that what an agent sends twice keeps its time."""


class AgentClocks:
    """The offset last known of each agent; kept over reconnects."""

    def __init__(self) -> None:
        self._offsets: dict[tuple[TenantId, str], int] = {}  # only of those whose clock is off

    def heard(self, tenant_id: TenantId, agent_id: str, sent_ms: int, now_ms: int) -> None:
        """A heartbeat that left by the agent's clock at `sent_ms` came at `now_ms`."""
        key, offset = (tenant_id, agent_id), now_ms - sent_ms
        if abs(offset) <= NOTICED_MS:
            self._offsets.pop(key, None)
        elif abs(offset - self._offsets.get(key, 0)) > NOTICED_MS:
            self._offsets[key] = offset

    def corrected(self, tenant_id: TenantId, agent_id: str, timestamp_ms: int | None, now_ms: int) -> int:
        """The agent's timestamp by our clock, at most now; now where it gave none."""
        if timestamp_ms is None:
            return now_ms
        return min(timestamp_ms + self._offsets.get((tenant_id, agent_id), 0), now_ms)
