"""How many different agents a token has connected, over all processes: at most its `max_agents`.

A handshake looks at its own process and at what others have written, which is a second late; so two processes may take
one agent too many at the same time. Each sweep finds that out and cuts the newest: all processes order connections by
(since, id), so they agree which.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

import msgspec

from vedette.domain.tokens import AgentToken
from vedette.ports.agents import Agents, Connection
from vedette.services.agent_connections import AgentConnections, Live
from vedette.services.presence import SILENT_MS

_FRESH_MS = 1_000
_MOST_KEPT = 10_000


class _Elsewhere(msgspec.Struct, frozen=True):
    read_ms: int
    agent_ids: frozenset[str]


class Crowds:
    """The agents of tokens that limit them."""

    def __init__(self, roll: Agents, connections: AgentConnections, process_id: str) -> None:
        self._roll = roll
        self._connections = connections
        self._process_id = process_id
        self._elsewhere: dict[str, _Elsewhere] = {}

    async def elsewhere(self, public_id: str, now_ms: int) -> AbstractSet[str]:
        """The agents that others have connected by a token, a second old at most. Raises `StoreUnavailable`."""
        kept = self._elsewhere.get(public_id)
        if kept is None or not 0 <= now_ms - kept.read_ms < _FRESH_MS:
            rows = await self._others(public_id, now_ms)
            kept = _Elsewhere(now_ms, frozenset(row.agent_id for row in rows))
            if len(self._elsewhere) >= _MOST_KEPT:
                self._elsewhere.clear()
            self._elsewhere[public_id] = kept
        return kept.agent_ids

    def has_room(self, token: AgentToken, agent_id: str, elsewhere: AbstractSet[str]) -> bool:
        """Whether one more connection of this agent is within the limit."""
        here = self._connections.agents_of_token(token.public_id)
        if token.policy.max_agents is None or agent_id in here or agent_id in elsewhere:
            return True
        return len(here) + len(elsewhere - here) < token.policy.max_agents

    async def surplus(self, token: AgentToken, now_ms: int) -> Sequence[Live]:
        """Our connections of agents beyond the limit. Raises `StoreUnavailable`."""
        if token.policy.max_agents is None:
            return []
        others = await self._others(token.public_id, now_ms)
        here = self._connections.of_token(token.public_id)
        places = chain(
            ((row.agent_id, (row.since_ms, row.id)) for row in others),
            ((live.identity.agent_id, (live.identity.since_ms, live.identity.connection_id)) for live in here),
        )
        oldest: dict[str, tuple[int, str]] = {}
        for agent_id, place in places:
            oldest[agent_id] = min(place, oldest.get(agent_id, place))
        staying = set(sorted(oldest, key=lambda agent_id: oldest[agent_id])[: token.policy.max_agents])
        return [live for live in here if live.identity.agent_id not in staying]

    async def overfull(self, tokens: Sequence[AgentToken], now_ms: int) -> Sequence[AgentToken]:
        """Those of the tokens with more agents than they allow, as far as it is written. Raises `StoreUnavailable`."""
        limited = [(token, token.policy.max_agents) for token in tokens if token.policy.max_agents is not None]
        written = {
            tenant_id: await self._roll.count_by_token(tenant_id, now_ms - SILENT_MS)
            for tenant_id in sorted({token.tenant_id for token, _ in limited})
        }
        return [
            token
            for token, most in limited
            if token.public_id in (counts := written[token.tenant_id]) and counts[token.public_id].agents > most
        ]

    async def _others(self, public_id: str, now_ms: int) -> Sequence[Connection]:
        alive_since_ms = now_ms - SILENT_MS
        if all(beat.id == self._process_id for beat in await self._roll.processes(alive_since_ms)):
            return []
        rows = await self._roll.connections_of_token(public_id, alive_since_ms)
        return [row for row in rows if row.process_id != self._process_id]
