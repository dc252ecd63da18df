from tests.contracts.examples import ALICES, CHARLIES, agent
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import TenantId


async def test_an_agent_is_found_as_it_was_last_seen(store: Stores) -> None:
    await store.commit(store.agents.seen([agent("host")]))
    again = agent("host", last_connected_ms=99, token_public_id="atB", ip="2001:db8::1", version="2")
    await store.commit(store.agents.seen([again, agent("other")]))
    assert await store.agents.find(ALICES, "host") == again
    assert await store.agents.find(ALICES, "other") == agent("other")
    assert await store.agents.find(ALICES, "Host") is None
    assert await store.agents.find(CHARLIES, "host") is None


async def test_agents_are_listed_bytewise_from_the_marker(store: Stores) -> None:
    await store.commit(store.agents.seen([agent(name) for name in ("b", "A", "a", "B")]))
    await store.commit(store.agents.seen([agent("C", tenant_id=CHARLIES)]))
    assert [one.id for one in await store.agents.list(ALICES, None, 9)] == ["A", "B", "a", "b"]
    assert [one.id for one in await store.agents.list(ALICES, "AA", 2)] == ["B", "a"]


async def test_an_agent_of_a_tenant_removed_meanwhile_does_not_fail_the_others(store: Stores) -> None:
    await store.commit(store.agents.seen([agent("lost", tenant_id=TenantId("nobodys")), agent("host")]))
    assert [one.id for one in await store.agents.list(ALICES, None, 9)] == ["host"]


async def test_agents_not_seen_for_long_are_forgotten(store: Stores) -> None:
    await store.commit(store.agents.seen([agent("old", last_connected_ms=9), agent("new", last_connected_ms=10)]))
    await store.commit(store.agents.forget_before(10))
    assert [one.id for one in await store.agents.list(ALICES, None, 9)] == ["new"]


async def test_the_agents_of_a_token_are_those_that_last_connected_by_it(store: Stores) -> None:
    rows = [agent(name, token_public_id="atA") for name in ("c", "A", "b")]
    rows += [agent("d", token_public_id="atB"), agent("e", tenant_id=CHARLIES, token_public_id="atA")]
    await store.commit(store.agents.seen(rows))
    found = await store.agents.list_of_token(ALICES, "atA", None, 9)
    assert [one.id for one in found] == ["A", "b", "c"]
    assert [one.id for one in await store.agents.list_of_token(ALICES, "atA", "B", 1)] == ["b"]
    await store.commit(store.agents.seen([agent("b", token_public_id="atB")]))
    assert [one.id for one in await store.agents.list_of_token(ALICES, "atB", None, 9)] == ["b", "d"]
