"""Agents' connections and fetches in the observation log: what silence is judged by.

Collected in memory and written in batches with the roster: so a thousand agents that come back are one write.
"""

from __future__ import annotations

from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Happening
from vedette.domain.ids import AgentId
from vedette.ports.clock import Clock
from vedette.ports.observations import Observations
from vedette.ports.unit import Commit
from vedette.services.agent_connections import Identity
from vedette.wire.messages import FAST_RECONNECT

_batch = 2_000


class AgentLog:
    """What one process has seen of agents and not written yet; collectors are not among them."""

    def __init__(self, observations: Observations, commit: Commit, process_id: str, clock: Clock) -> None:
        self._observations = observations
        self._commit = commit
        self._process_id = process_id
        self._clock = clock
        self._unwritten: list[Happening] = []

    def opened(self, identity: Identity) -> None:
        """A connection was welcomed."""
        if not identity.zone_ids:
            agent_id, is_fast = AgentId(identity.agent_id), FAST_RECONNECT in identity.features
            self._unwritten.append(
                AgentConnected(
                    self._clock(), identity.tenant_id, agent_id, self._process_id, identity.connection_id, is_fast
                )
            )

    def closed(self, identity: Identity, silent_ms: int) -> None:
        """It ended; `silent_ms` is for how long nothing had come where we closed it as dead, else 0."""
        if not identity.zone_ids:
            now_ms, agent_id = self._clock(), AgentId(identity.agent_id)
            self._unwritten.append(
                AgentClosed(now_ms, identity.tenant_id, agent_id, identity.connection_id, now_ms - silent_ms)
            )

    def fetched(self, identity: Identity) -> None:
        """It was handed its schedule."""
        self._unwritten.append(AgentFetched(self._clock(), identity.tenant_id, AgentId(identity.agent_id)))

    async def flush(self) -> None:
        """Writes what there is. Raises `StoreUnavailable`: it stays to be written, in its order."""
        while self._unwritten:
            batch = self._unwritten[:_batch]
            await self._commit(self._observations.append(batch))
            del self._unwritten[: len(batch)]
