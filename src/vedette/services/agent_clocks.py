"""How far the clocks of agents are from ours, as their heartbeats tell."""

from __future__ import annotations

from vedette.domain.ids import TenantId
from vedette.wire.moment import set_by_ms

NOTICED_MS = 500
"""A smaller difference is the network's: the offset stays, so that what an agent sends twice keeps its time."""
MOST_KEPT = 100_000
"""Agents choose their ids themselves."""


class AgentClocks:
    """The offset last known of each agent; kept over reconnects.

    Offsets are from our clock as it would be had nobody set it: when it is set, what we know stays right.
    """

    def __init__(self) -> None:
        self._offsets: dict[tuple[TenantId, str], int] = {}  # only of those whose clock is off; the newest last
        self._set_by_ms = 0  # how far our clock was set in all
        self._drift_ms: int | None = None

    def passed(self, now_ms: int, steady_ms: int) -> None:
        """Once in a while: notices that our clock was set."""
        drift_ms = now_ms - steady_ms
        self._set_by_ms += 0 if self._drift_ms is None else set_by_ms(self._drift_ms, drift_ms)
        self._drift_ms = drift_ms

    def heard(self, tenant_id: TenantId, agent_id: str, sent_ms: int, now_ms: int) -> None:
        """A heartbeat that left by the agent's clock at `sent_ms` came at `now_ms`."""
        key, offset = (tenant_id, agent_id), now_ms - self._set_by_ms - sent_ms
        if abs(offset) <= NOTICED_MS:
            self._offsets.pop(key, None)
        elif abs(offset - self._offsets.get(key, 0)) > NOTICED_MS:
            self._offsets.pop(key, None)
            self._offsets[key] = offset
            if len(self._offsets) > MOST_KEPT:
                del self._offsets[next(iter(self._offsets))]

    def corrected(self, tenant_id: TenantId, agent_id: str, timestamp_ms: int | None, now_ms: int) -> int:
        """The agent's timestamp by our clock, from the epoch to now; now where it gave none."""
        if timestamp_ms is None:
            return now_ms
        at_ms = timestamp_ms + self._set_by_ms + self._offsets.get((tenant_id, agent_id), 0)
        return max(0, min(at_ms, now_ms))
