"""What others are told of the agents of this process: collected in memory and written in batches.

So a thousand agents that come back are a few writes, and a heartbeat is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from vedette.domain.ids import TenantId
from vedette.domain.tokens import TokenUse
from vedette.ports.agents import Agents, AgentSeen, Connection
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit, StoreUnavailable, Write
from vedette.services.agent_connections import Identity

USE_PAUSE_MS = 60_000
"""How much later than written a token may have been used, as long as its agents stay connected."""
_BATCH = 2_000
_MOST_USES = 50_000
K = TypeVar("K")
V = TypeVar("V")


class Roster:
    """Connections that came and went, agents that were seen, tokens that were used."""

    def __init__(self, roll: Agents, tokens: AgentTokens, commit: Commit, process_id: str) -> None:
        self._roll = roll
        self._tokens = tokens
        self._commit = commit
        self._process_id = process_id
        self._came: dict[str, Connection] = {}
        self._left: dict[str, None] = {}
        self._seen: dict[tuple[TenantId, str], AgentSeen] = {}
        self._uses: dict[str, TokenUse] = {}
        self._use_noted_ms: dict[str, int] = {}

    def came(self, identity: Identity) -> None:
        """A connection is live."""
        self._came[identity.connection_id] = self._connection(identity)
        self._seen[identity.tenant_id, identity.agent_id] = _seen(identity)
        self._note_use(identity, identity.since_ms)

    def left(self, identity: Identity) -> None:
        """It ended; one that nobody was told of yet needs no word."""
        if self._came.pop(identity.connection_id, None) is None:
            self._left[identity.connection_id] = None

    def used(self, identity: Identity, now_ms: int) -> None:
        """A sign of life by a token; noted once in a while."""
        noted_ms = self._use_noted_ms.get(identity.token_public_id)
        if noted_ms is None or not 0 <= now_ms - noted_ms < USE_PAUSE_MS:
            self._note_use(identity, now_ms)

    def write_again(self, live: Iterable[Identity]) -> None:
        """Others may have forgotten our connections."""
        self._came |= {identity.connection_id: self._connection(identity) for identity in live}

    async def flush(self) -> bool:
        """Writes what is to be told; whether there was anything. Raises `StoreUnavailable`: it stays to be told."""
        did_write = False
        while self._came or self._left or self._seen or self._uses:
            await self._write_some()
            did_write = True
        return did_write

    async def _write_some(self) -> None:
        came, left = _take(self._came), _take(self._left)
        seen, uses = _take(self._seen), _take(self._uses)
        writes: list[Write] = []
        if came:
            writes.append(self._roll.connected(list(came.values())))
        if left:
            writes.append(self._roll.disconnected(list(left)))
        if seen:
            writes.append(self._roll.seen(list(seen.values())))
        if uses:
            writes.append(self._tokens.used(list(uses.values())))
        try:
            await self._commit(*writes)
        except StoreUnavailable:
            self._came = {key: one for key, one in came.items() if key not in self._left} | self._came
            self._left = left | self._left
            self._seen = seen | self._seen
            self._uses = uses | self._uses
            raise

    def _note_use(self, identity: Identity, now_ms: int) -> None:
        if len(self._use_noted_ms) >= _MOST_USES:
            self._use_noted_ms.clear()
        key = identity.token_public_id
        self._use_noted_ms[key] = now_ms
        self._uses[key] = TokenUse(public_id=key, at_ms=now_ms, agent_id=identity.agent_id, ip=identity.ip)

    def _connection(self, identity: Identity) -> Connection:
        return Connection(
            id=identity.connection_id,
            process_id=self._process_id,
            tenant_id=identity.tenant_id,
            token_public_id=identity.token_public_id,
            agent_id=identity.agent_id,
            guid=identity.guid or "",
            ip=identity.ip,
            port=identity.port,
            since_ms=identity.since_ms,
            endpoint=identity.endpoint,
            process_version=identity.process_version,
            bundle_version=identity.bundle_version,
            features=tuple(sorted(identity.features)),
        )


def _take(kept: dict[K, V]) -> dict[K, V]:
    taken = dict(islice(kept.items(), _BATCH))
    for key in taken:
        del kept[key]
    return taken


def _seen(identity: Identity) -> AgentSeen:
    return AgentSeen(
        tenant_id=identity.tenant_id,
        id=identity.agent_id,
        last_connected_ms=identity.since_ms,
        token_public_id=identity.token_public_id,
        ip=identity.ip,
        version=identity.bundle_version,
    )
