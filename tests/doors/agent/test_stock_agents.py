"""A whole life of a stock agent at the endpoint: whatever happens to it there, nothing comes that it suffers from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from tests.core.wire.stock_agent import StockAgent
from tests.doors.agent.conftest import Client, World, until
from tests.fakes.agents import ALICE, ALICE_TOKEN, check, entity
from vedette.services.agent_replies import Outcome
from vedette.wire.answers import HOST_INFO, HOST_INFO_TYPES, SYSTEM_INFO, TARGETS, TEST
from vedette.wire.messages import ScheduledCheck

POST = {"check_id": "chMem", "check_type": "agent.memory", "metrics": [[None, {"free": {"t": "gauge", "v": "0x1f4"}}]]}
NEW_TOKEN = "b" * 64 + ".550123"


class Session:
    """A stock agent on a connection; `served` ends with the connection, or with what it suffered from."""

    def __init__(self, client: Client) -> None:
        self.agent = StockAgent(agent_id="web-1", upgrades=False)
        self.served = asyncio.ensure_future(self._serve(client))
        self._client = client

    async def _serve(self, client: Client) -> None:
        while line := await client.reader.readline():
            for answer in self.agent.receive(line):
                await client.send(answer)

    async def begin(self, token: str) -> None:
        await self._client.send(self.agent.hello(token))

    async def say(self, line: bytes) -> None:
        """And everything is answered."""
        await self._client.send(line)
        await self.heard(lambda: self.agent.waiting == 0)

    async def heard(self, holds: Callable[[], object]) -> None:
        await until(lambda: self.served.done() or holds())
        if self.served.done():
            await self.served


@pytest.fixture
async def session(world: World) -> AsyncIterator[Session]:
    """Welcomed, with its files uploaded and its schedule fetched."""
    session = Session(await world.client())
    await session.begin(ALICE_TOKEN)
    await session.heard(lambda: session.agent.is_live)
    assert session.agent.entity_id == "enAlice"
    await session.say(session.agent.upload(None) + session.agent.fetch())
    assert list(session.agent.running) == ["chMem"]
    yield session
    session.served.cancel()


async def test_what_it_says_is_answered_well_or_by_a_400_even_while_nothing_can_be_stored(
    world: World, session: Session
) -> None:
    agent = session.agent
    everything: tuple[Callable[[], bytes], ...] = (
        agent.beat, lambda: agent.post(POST), lambda: agent.post({"check_id": "chOther"}), lambda: agent.post([]),
        agent.fetch, lambda: agent.say("metrics.set", {}),
    )  # fmt: skip
    for is_available in (True, False, True):
        world.account.database.is_available = is_available
        for line in everything:
            await session.say(line())
        if is_available:  # else it waits until something can be: it is sent once in the life of a process
            await session.say(agent.upload({"a.yaml": "type: [", "b.yaml": []}))
    assert len(world.account.observed) == 2


async def test_changes_of_its_schedule_are_told_and_come_without_what_it_must_not_have(
    world: World, session: Session
) -> None:
    world.account.put(check("chRedis", "agent.redis", details={"hostname": "10.0.0.1"}))
    world.account.put(check("chOff", "agent.load_average", disabled=True))
    world.account.put(check("chBare", "agent.apache", details=None, timeout=None))
    change = world.account.put(check("chRemote", "remote.ping"))
    for number in range(4):
        await world.account.agents.follow(msgspec.structs.replace(change, id="chRedis"), world.steady() + number)
    await session.heard(lambda: session.agent.fetched == 2)
    assert session.agent.running.keys() == {"chMem", "chRedis", "chBare"}
    assert session.agent.running["chRedis"]["details"] == {"hostname": "10.0.0.1", "host": "10.0.0.1"}
    await world.account.agents.follow(world.account.put(entity(agent_id="web-2")), world.steady())
    await world.pass_time(60_000)
    await session.heard(lambda: session.agent.fetched == 3)
    assert session.agent.running == {}


async def test_it_is_asked_about_its_host_and_answers(world: World, session: Session) -> None:
    (live,) = world.account.agents.connections.of_agent(ALICE, "web-1")
    described = ScheduledCheck(id="c", type="agent.memory", period=30, timeout=10, disabled=False, details={})
    for method, params in (
        (HOST_INFO, {"type": "MEMORY"}), (HOST_INFO_TYPES, {}), (SYSTEM_INFO, {}), (TARGETS, {"type": "agent.disk"}),
        (TEST, {"checkParams": msgspec.json.encode(described).decode()}),
    ):  # fmt: skip
        reply = await live.ask(method, params, 10_000)
        assert reply.outcome is Outcome.ANSWERED
    await session.say(session.agent.beat())
    assert session.agent.tested[0]["id"] == "c"


async def test_a_new_token_is_not_handed_to_it_and_it_is_cut_without_a_word(world: World, session: Session) -> None:
    world.account.add_token(ALICE, NEW_TOKEN, "atAlice0002")
    world.account.change_token("atAlice0001", rotated_to="atAlice0002")
    await world.follow()
    await world.account.agents.step(world.clock(), world.steady() + 120_000)
    await session.say(session.agent.beat())
    world.account.remove_token("atAlice0001")
    await world.follow()
    await session.served
    again = Session(await world.client())
    await again.begin(ALICE_TOKEN)
    await again.served
    assert again.agent.refused is not None
    assert again.agent.refused["message"] == "The agent token was revoked"


async def test_it_is_left_in_peace_while_the_endpoint_stops(world: World, session: Session) -> None:
    await session.say(session.agent.post(POST))
    await world.endpoint.stop()
    await session.served
