"""Live connections of agents, in processes that are alive."""

import pytest

from tests.contracts.examples import ALICES, CHARLIES, connection
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import TenantId
from vedette.ports.agents import ConnectionCount, ProcessBeat


@pytest.fixture
async def two_processes(store: Stores) -> Stores:
    """`p1` has beaten at 100, `p2` at 200."""
    for key, at_ms in (("p1", 100), ("p2", 200)):
        await store.commit(store.agents.beat(ProcessBeat(id=key, at_ms=at_ms, newest_key=1)))
    return store


async def test_a_connection_comes_back_as_it_was_written(two_processes: Stores) -> None:
    store, live = two_processes, connection("cnA", features=("notices", "token_rotation"))
    await store.commit(store.agents.connected([live, connection("cnB", features=(), agent_id="other")]))
    assert await store.agents.connections_of_agent(ALICES, "host", 100) == [live]


async def test_connections_of_a_token_are_listed_the_oldest_first(two_processes: Stores) -> None:
    store = two_processes
    rows = [connection("cnB", since_ms=5), connection("cnA", since_ms=5), connection("cnC", since_ms=4)]
    await store.commit(store.agents.connected([*rows, connection("cnD", token_public_id="atB")]))
    assert [one.id for one in await store.agents.connections_of_token("atA", 0)] == ["cnC", "cnA", "cnB"]


async def test_connections_of_an_agent_are_those_of_its_tenant_by_id(two_processes: Stores) -> None:
    store = two_processes
    rows = [connection("cnB", since_ms=1), connection("cnA", since_ms=2), connection("cnC", tenant_id=CHARLIES)]
    await store.commit(store.agents.connected(rows))
    assert [one.id for one in await store.agents.connections_of_agent(ALICES, "host", 0)] == ["cnA", "cnB"]


async def test_connections_of_dead_processes_do_not_count(two_processes: Stores) -> None:
    store = two_processes
    rows = [connection("cn1"), connection("cn2", process_id="p2", agent_id="b"), connection("cn3", process_id="never")]
    await store.commit(store.agents.connected(rows))
    assert [one.id for one in await store.agents.connections_of_token("atA", 100)] == ["cn1", "cn2"]
    assert [one.id for one in await store.agents.connections_of_token("atA", 101)] == ["cn2"]
    assert await store.agents.connections_of_agent(ALICES, "host", 101) == []
    assert await store.agents.connected_by_token("atA", 101, None, 9) == ["b"]
    assert await store.agents.count_by_token(ALICES, 101) == {"atA": ConnectionCount(connections=1, agents=1)}
    assert await store.agents.count_by_token(ALICES, 201) == {}


async def test_connections_are_counted_by_token_with_their_different_agents(two_processes: Stores) -> None:
    store = two_processes
    rows = [connection("cn1"), connection("cn2"), connection("cn3", agent_id="b"), connection("cn4", process_id="p2")]
    rows += [connection("cn5", token_public_id="atB"), connection("cn6", tenant_id=CHARLIES)]
    await store.commit(store.agents.connected(rows))
    assert await store.agents.count_by_token(ALICES, 0) == {
        "atA": ConnectionCount(connections=4, agents=2),
        "atB": ConnectionCount(connections=1, agents=1),
    }


async def test_agents_connected_by_a_token_are_listed_once_bytewise_from_the_marker(two_processes: Stores) -> None:
    store = two_processes
    rows = [connection(f"cn{n}", agent_id=name) for n, name in enumerate("bAaBb")]
    await store.commit(store.agents.connected([*rows, connection("cn9", agent_id="c", token_public_id="atB")]))
    assert await store.agents.connected_by_token("atA", 0, None, 9) == ["A", "B", "a", "b"]
    assert await store.agents.connected_by_token("atA", 0, "AA", 2) == ["B", "a"]


async def test_connections_can_be_written_again_and_ended_twice(two_processes: Stores) -> None:
    store = two_processes
    await store.commit(store.agents.connected([connection("cn1")]))
    await store.commit(store.agents.connected([connection("cn1", port=2), connection("cn2")]))
    assert await store.agents.connections_of_token("atA", 0) == [connection("cn1"), connection("cn2")]
    for _ in range(2):
        await store.commit(store.agents.disconnected(["cn2", "cn1"]))
        assert await store.agents.connections_of_token("atA", 0) == []
    await store.commit(store.agents.connected([]), store.agents.disconnected([]))


async def test_a_connection_of_a_tenant_removed_meanwhile_does_not_fail_the_others(two_processes: Stores) -> None:
    store = two_processes
    await store.commit(store.agents.connected([connection("cn1", tenant_id=TenantId("nobodys")), connection("cn2")]))
    assert set(await store.agents.count_by_token(ALICES, 0)) == {"atA"}


async def test_a_beat_is_overwritten_by_the_next(two_processes: Stores) -> None:
    store = two_processes
    await store.commit(store.agents.beat(ProcessBeat(id="p1", at_ms=150, newest_key=2)))
    assert await store.agents.processes(0) == [
        ProcessBeat(id="p1", at_ms=150, newest_key=2),
        ProcessBeat(id="p2", at_ms=200, newest_key=1),
    ]
    assert [one.id for one in await store.agents.processes(151)] == ["p2"]


async def test_a_process_is_forgotten_with_its_connections(two_processes: Stores) -> None:
    store = two_processes
    await store.commit(store.agents.connected([connection("cn1"), connection("cn2", process_id="p2")]))
    await store.commit(store.agents.forget_process("p1"))
    assert [one.id for one in await store.agents.processes(0)] == ["p2"]
    await store.commit(store.agents.beat(ProcessBeat(id="p1", at_ms=100, newest_key=1)))
    assert [one.id for one in await store.agents.connections_of_token("atA", 0)] == ["cn2"]


async def test_silent_processes_are_forgotten_with_their_connections(two_processes: Stores) -> None:
    store = two_processes
    rows = [connection("cn1"), connection("cn2", process_id="p2"), connection("cn3", process_id="never")]
    await store.commit(store.agents.connected(rows))
    await store.commit(store.agents.forget_silent(200))
    assert [one.id for one in await store.agents.processes(0)] == ["p2"]
    for key in ("p1", "never"):
        await store.commit(store.agents.beat(ProcessBeat(id=key, at_ms=300, newest_key=1)))
    assert [one.id for one in await store.agents.connections_of_token("atA", 0)] == ["cn2"]


async def test_connections_of_several_agents_are_listed_by_agent_and_id(two_processes: Stores) -> None:
    store = two_processes
    rows = [connection("cnC"), connection("cnA"), connection("cnB", agent_id="a"), connection("cnD", agent_id="z")]
    rows += [connection("cnE", tenant_id=CHARLIES), connection("cnF", process_id="never")]
    await store.commit(store.agents.connected(rows))
    found = await store.agents.connections_of_agents(ALICES, ["host", "a", "none"], 100)
    assert [one.id for one in found] == ["cnB", "cnA", "cnC"]
    assert await store.agents.connections_of_agents(ALICES, [], 100) == []
