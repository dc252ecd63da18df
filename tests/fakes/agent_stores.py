"""The stores of agents and of their tokens, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from tests.fakes.database import FakeDatabase, Tables, expect, write
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.domain.tokens import AgentToken, Grave, TokenUse
from vedette.ports.agents import AgentSeen, Connection, ConnectionCount, ProcessBeat
from vedette.ports.unit import StoreUnavailable, Write


class FakeAgentTokens:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def _rows(self) -> dict[Any, Any]:
        if not self._database.is_available:
            raise StoreUnavailable("the fake database is switched off")
        return self._database.table("agent_tokens")

    def _of(self, tenant_id: TenantId, order: Callable[[AgentToken], Any]) -> Sequence[AgentToken]:
        rows = sorted(self._rows().values(), key=order)
        return [token for token in rows if token.tenant_id == tenant_id and token.zone_id is None]

    async def find(self, tenant_id: TenantId, public_id: str) -> AgentToken | None:
        token: AgentToken | None = self._rows().get(public_id)
        return token if token is not None and token.tenant_id == tenant_id else None

    async def find_by_index(self, index: bytes) -> AgentToken | None:
        return next((token for token in self._rows().values() if token.index == index), None)

    async def find_grave(self, index: bytes) -> Grave | None:
        self._rows()
        return self._database.table("graves").get(index)

    async def list(self, tenant_id: TenantId, sort_key: str, limit: int) -> list[AgentToken]:
        rows = self._of(tenant_id, lambda token: (token.sort_key, token.public_id))
        found = [token for token in rows if token.sort_key >= sort_key]
        last = found[limit - 1].sort_key if len(found) >= limit else "~"
        return [token for token in found if token.sort_key <= last]

    async def list_by_public_id(self, tenant_id: TenantId, marker: str | None, limit: int) -> Sequence[AgentToken]:
        rows = self._of(tenant_id, lambda token: token.public_id)
        return [token for token in rows if token.public_id >= (marker or "")][:limit]

    async def every(self, marker: str | None, limit: int) -> Sequence[AgentToken]:
        return [token for key, token in sorted(self._rows().items()) if key >= (marker or "")][:limit]

    async def expired(self, now_ms: int, limit: int) -> Sequence[AgentToken]:
        rows = [token for token in self._rows().values() if token.rotated_to and _end(token) <= now_ms]
        return sorted(rows, key=lambda token: (_end(token), token.public_id))[:limit]

    async def uses(self, public_ids: Sequence[str]) -> Sequence[TokenUse]:
        uses = self._database.table("token_uses")
        return [uses[key] for key in public_ids if key in uses]

    def add(self, token: AgentToken) -> Write:
        def add(tables: Tables) -> None:
            rows = tables.setdefault("agent_tokens", {})
            expect(token.public_id not in rows, "id")
            rows[token.public_id] = token
            _announce(tables, token)

        return write(add)

    def update(self, token: AgentToken, revision: int) -> Write:
        def update(tables: Tables) -> None:
            kept = _same(tables, token, revision)
            tables["agent_tokens"][token.public_id] = msgspec.structs.replace(
                token, index=kept.index, sealed=kept.sealed, revision=revision + 1
            )
            _announce(tables, token)

        return write(update)

    def reseal(self, token: AgentToken, revision: int) -> Write:
        def reseal(tables: Tables) -> None:
            kept = _same(tables, token, revision)
            tables["agent_tokens"][token.public_id] = msgspec.structs.replace(
                kept, index=token.index, sealed=token.sealed
            )

        return write(reseal)

    def remove(self, token: AgentToken, grave: Grave) -> Write:
        def remove(tables: Tables) -> None:
            _same(tables, token, token.revision)
            del tables["agent_tokens"][token.public_id]
            tables.setdefault("token_uses", {}).pop(token.public_id, None)
            tables.setdefault("graves", {})[grave.index] = grave
            _announce(tables, token)

        return write(remove)

    def used(self, uses: Sequence[TokenUse]) -> Write:
        def used(tables: Tables) -> None:
            kept = tables.setdefault("token_uses", {})
            for use in uses:
                is_there = use.public_id in tables.get("agent_tokens", {})
                if is_there and (use.public_id not in kept or kept[use.public_id].at_ms <= use.at_ms):
                    kept[use.public_id] = use

        return write(used)

    def forget_graves(self, before_ms: int) -> Write:
        def forget(tables: Tables) -> None:
            graves = tables.get("graves", {})
            for index in [index for index, grave in graves.items() if grave.at_ms < before_ms]:
                del graves[index]

        return write(forget)


def _end(token: AgentToken) -> float:
    return float("inf") if token.policy.expires_at is None else token.policy.expires_at


def _same(tables: Tables, token: AgentToken, revision: int) -> AgentToken:
    kept: AgentToken | None = tables.get("agent_tokens", {}).get(token.public_id)
    if kept is None or (kept.tenant_id, kept.revision) != (token.tenant_id, revision):
        expect(None, "revision")
        raise AssertionError
    return kept


def _announce(tables: Tables, token: AgentToken) -> None:
    feed = tables.setdefault("changes", {})
    seq = len(feed) + 1
    feed[seq] = Change(seq, token.tenant_id, "agent_token", token.public_id)


class FakeAgentRoll:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def _agents(self, tenant_id: TenantId, marker: str | None) -> Iterator[AgentSeen]:
        for (tenant, key), agent in sorted(self._database.table("agents").items()):
            if tenant == tenant_id and key >= (marker or ""):
                yield agent

    def _beats(self) -> dict[Any, Any]:
        if not self._database.is_available:
            raise StoreUnavailable("the fake database is switched off")
        return self._database.table("processes")

    def _connections(self, alive_since_ms: int) -> Sequence[Connection]:
        beats = self._beats()
        alive = {key for key, beat in beats.items() if beat.at_ms >= alive_since_ms}
        rows = sorted(self._database.table("connections").items())
        return [one for _, one in rows if one.process_id in alive]

    async def find(self, tenant_id: TenantId, agent_id: str) -> AgentSeen | None:
        return self._database.table("agents").get((tenant_id, agent_id))

    async def list(self, tenant_id: TenantId, marker: str | None, limit: int) -> list[AgentSeen]:
        return [*self._agents(tenant_id, marker)][:limit]

    async def list_of_token(
        self, tenant_id: TenantId, token_public_id: str, marker: str | None, limit: int
    ) -> Sequence[AgentSeen]:
        return [one for one in self._agents(tenant_id, marker) if one.token_public_id == token_public_id][:limit]

    async def connections_of_token(self, token_public_id: str, alive_since_ms: int) -> Sequence[Connection]:
        rows = [one for one in self._connections(alive_since_ms) if one.token_public_id == token_public_id]
        return sorted(rows, key=lambda one: (one.since_ms, one.id))

    async def connections_of_agent(
        self, tenant_id: TenantId, agent_id: str, alive_since_ms: int
    ) -> Sequence[Connection]:
        rows = self._connections(alive_since_ms)
        return [one for one in rows if (one.tenant_id, one.agent_id) == (tenant_id, agent_id)]

    async def connections_of_agents(
        self, tenant_id: TenantId, agent_ids: Sequence[str], alive_since_ms: int
    ) -> Sequence[Connection]:
        rows = self._connections(alive_since_ms)
        found = [one for one in rows if one.tenant_id == tenant_id and one.agent_id in agent_ids]
        return sorted(found, key=lambda one: (one.agent_id, one.id))

    async def connected_by_token(
        self, token_public_id: str, alive_since_ms: int, marker: str | None, limit: int
    ) -> Sequence[str]:
        rows = self._connections(alive_since_ms)
        agents = {one.agent_id for one in rows if one.token_public_id == token_public_id}
        return sorted(agent for agent in agents if agent >= (marker or ""))[:limit]

    async def count_by_token(self, tenant_id: TenantId, alive_since_ms: int) -> dict[str, ConnectionCount]:
        rows = [one for one in self._connections(alive_since_ms) if one.tenant_id == tenant_id]
        connections = Counter(one.token_public_id for one in rows)
        agents = Counter(token for token, _ in {(one.token_public_id, one.agent_id) for one in rows})
        return {key: ConnectionCount(connections=connections[key], agents=agents[key]) for key in connections}

    async def processes(self, alive_since_ms: int) -> Sequence[ProcessBeat]:
        rows = sorted(self._beats().items())
        return [beat for _, beat in rows if beat.at_ms >= alive_since_ms]

    def seen(self, agents: Sequence[AgentSeen]) -> Write:
        def seen(tables: Tables) -> None:
            tables.setdefault("agents", {}).update({(agent.tenant_id, agent.id): agent for agent in agents})

        return write(seen)

    def connected(self, connections: Sequence[Connection]) -> Write:
        def connected(tables: Tables) -> None:
            rows = tables.setdefault("connections", {})
            for one in connections:
                rows.setdefault(one.id, one)

        return write(connected)

    def disconnected(self, connection_ids: Sequence[str]) -> Write:
        def disconnected(tables: Tables) -> None:
            for key in connection_ids:
                tables.setdefault("connections", {}).pop(key, None)

        return write(disconnected)

    def beat(self, process: ProcessBeat) -> Write:
        return write(lambda tables: tables.setdefault("processes", {}).update({process.id: process}))

    def forget_process(self, process_id: str) -> Write:
        return _forget(lambda process: process.id != process_id)

    def forget_silent(self, before_ms: int) -> Write:
        return _forget(lambda process: process.at_ms >= before_ms)

    def forget_before(self, last_connected_ms: int) -> Write:
        def forget(tables: Tables) -> None:
            rows = tables.get("agents", {})
            for key in [key for key, agent in rows.items() if agent.last_connected_ms < last_connected_ms]:
                del rows[key]

        return write(forget)


def _forget(stays: Callable[[ProcessBeat], bool]) -> Write:
    def forget(tables: Tables) -> None:
        beats = tables.get("processes", {})
        tables["processes"] = {key: beat for key, beat in beats.items() if stays(beat)}
        connections = tables.get("connections", {})
        tables["connections"] = {key: one for key, one in connections.items() if one.process_id in tables["processes"]}

    return write(forget)
