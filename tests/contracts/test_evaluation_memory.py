from __future__ import annotations

from tests.contracts.examples import ALICES, CHARLIES, connection
from vedette.adapters.sql.stores import Stores
from vedette.domain.happenings import Spell, Tick, ZoneTurned
from vedette.domain.ids import AgentId, TenantId, ZoneId
from vedette.engine.presence import Presence
from vedette.engine.surroundings import Surroundings


def presence(tenant_id: TenantId = ALICES, **members: int) -> Presence:
    return Presence(tenant_id=tenant_id, agent_id=AgentId("host"), connections={"cnA": "p1"}, is_fast=True, **members)


async def test_surroundings_are_read_as_they_were_kept_last(store: Stores) -> None:
    assert await store.memory.surroundings() == Surroundings()
    first = Surroundings().after(ZoneTurned(10, ZoneId("mzdfw"), "p1", Spell.BLIND))
    await store.commit(store.memory.keep(first))
    second = first.after(Tick(20, "p1", 7, takes_agents=True))
    await store.commit(store.memory.keep(second))
    assert await store.memory.surroundings() == second


async def test_an_agents_presence_is_its_tenants(store: Stores) -> None:
    await store.commit(store.memory.keep_presence(presence(opened_ms=1), 10))
    await store.commit(store.memory.keep_presence(presence(opened_ms=2), 11))
    assert await store.memory.presence(ALICES, AgentId("host")) == presence(opened_ms=2)
    assert await store.memory.presence(CHARLIES, AgentId("host")) is None


async def test_agents_that_nothing_was_heard_of_are_forgotten(store: Stores) -> None:
    await store.commit(store.memory.keep_presence(presence(), 10))
    await store.commit(store.memory.keep_presence(presence(CHARLIES), 11))
    await store.commit(store.memory.forget_presences(11))
    assert await store.memory.presence(ALICES, AgentId("host")) is None
    assert await store.memory.presence(CHARLIES, AgentId("host")) == presence(CHARLIES)


async def test_an_agent_that_is_connected_is_not_forgotten_however_long_ago_it_came(store: Stores) -> None:
    await store.commit(store.memory.keep_presence(presence(), 10), store.agents.connected([connection("cnA")]))
    await store.commit(store.memory.forget_presences(99))
    assert await store.memory.presence(ALICES, AgentId("host")) == presence()
    await store.commit(store.agents.disconnected(["cnA"]))
    await store.commit(store.memory.forget_presences(99))
    assert await store.memory.presence(ALICES, AgentId("host")) is None
