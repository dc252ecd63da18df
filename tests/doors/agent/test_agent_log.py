"""What the log is told of agents' connections and fetches, over real TLS."""

from __future__ import annotations

import pytest

from tests.doors.agent.conftest import World, until
from tests.fakes.agents import ALICE
from tests.fakes.stores import FakeObservations
from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Happening
from vedette.domain.ids import AgentId
from vedette.ports.unit import StoreUnavailable
from vedette.services.agent_log import AgentLog
from vedette.wire.messages import FAST_RECONNECT

WEB = AgentId("web-1")


async def happened(world: World) -> list[Happening]:
    await world.account.agents.flush()
    return list(world.account.database.table("log").values())


@pytest.fixture(autouse=True)
def log(world: World) -> None:
    database = world.account.database
    world.account.agents.log = AgentLog(FakeObservations(database), database.commit, "prOne", world.clock)


async def test_a_connection_a_fetch_and_a_closing_are_logged_in_their_order(world: World) -> None:
    client = await world.live(features=[FAST_RECONNECT])
    [opened] = await happened(world)
    assert isinstance(opened, AgentConnected)
    assert opened == AgentConnected(world.clock.now_ms, ALICE, WEB, "prOne", opened.connection_id, is_fast=True)
    await client.ask("check_schedule.get", {"blocked": False})
    world.clock.now_ms += 1_000
    client.close()
    await until(lambda: not world.endpoint.peers)
    now = world.clock.now_ms
    closed = AgentClosed(now, ALICE, WEB, opened.connection_id, since_ms=now)
    assert await happened(world) == [opened, AgentFetched(now - 1_000, ALICE, WEB), closed]


async def test_an_agent_that_declares_nothing_is_not_back_fast(world: World) -> None:
    await world.live()
    [opened] = await happened(world)
    assert isinstance(opened, AgentConnected)
    assert not opened.is_fast


async def test_a_connection_that_we_close_as_dead_counts_from_its_last_message(world: World) -> None:
    await world.live()
    await world.pass_time(90_000)
    await until(lambda: not world.endpoint.peers)
    [_, closed] = await happened(world)
    assert isinstance(closed, AgentClosed)
    assert closed.since_ms == closed.at_ms - 90_000


async def test_a_stop_closes_the_connections_in_the_log(world: World) -> None:
    await world.live()
    await world.endpoint.stop()
    assert [type(one) for one in world.account.database.table("log").values()] == [AgentConnected, AgentClosed]


async def test_what_could_not_be_written_is_written_later_and_once(world: World) -> None:
    client = await world.live()
    world.account.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await world.account.agents.flush()
    client.close()
    await until(lambda: not world.endpoint.peers)
    world.account.database.is_available = True
    await happened(world)
    assert [type(one) for one in await happened(world)] == [AgentConnected, AgentClosed]
