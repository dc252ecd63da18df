"""What changes about a token without its being changed: when and by whom it was used, and who is connected.

Read at most once a second for each tenant, and only for tokens somebody asks for: lists stay as fast as the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from vedette.domain.ids import TenantId
from vedette.domain.tokens import TokenUse
from vedette.ports.agents import Agents, ConnectionCount
from vedette.ports.tokens import AgentTokens

ALIVE_MS = 15_000
"""A process that has not beaten for so long is dead, and so are its connections."""
_FRESH_MS = 1000
_MOST_TENANTS = 1000
NOBODY = ConnectionCount(connections=0, agents=0)


class Activity(msgspec.Struct):
    """Of one tenant's tokens, by public id."""

    at_ms: int
    counts: Mapping[str, ConnectionCount] = MappingProxyType({})
    uses: dict[str, TokenUse | None] = {}  # of those that were asked for

    def count(self, public_id: str) -> ConnectionCount:
        return self.counts.get(public_id, NOBODY)


class TokenActivity:
    """One a process."""

    def __init__(self, tokens: AgentTokens, agents: Agents) -> None:
        self._tokens = tokens
        self._agents = agents
        self._known: dict[TenantId, Activity] = {}

    async def of(self, tenant_id: TenantId, public_ids: Sequence[str], now_ms: int) -> Activity:
        """A second old at most."""
        activity = self._known.get(tenant_id)
        if activity is None or not 0 <= now_ms - activity.at_ms < _FRESH_MS:
            counts = await self._agents.count_by_token(tenant_id, now_ms - ALIVE_MS)
            activity = self._keep(tenant_id, Activity(now_ms, counts, {}))
        uses = activity.uses
        missing = [public_id for public_id in public_ids if public_id not in uses]
        if missing:
            found = {use.public_id: use for use in await self._tokens.uses(missing)}
            uses.update((public_id, found.get(public_id)) for public_id in missing)
        return activity

    def _keep(self, tenant_id: TenantId, activity: Activity) -> Activity:
        if len(self._known) >= _MOST_TENANTS:
            self._known.clear()
        self._known[tenant_id] = activity
        return activity
