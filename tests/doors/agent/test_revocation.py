"""Over real TLS: what live connections and new handshakes get when their token goes, expires or is narrowed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.doors.agent.conftest import Client, World, request, until
from tests.fakes.agents import ALICE, ALICE_TOKEN
from vedette.agent_endpoint.listener import plain_ip
from vedette.domain.tokens import Policy, Reason
from vedette.services.handshake_limits import MOST_GUESSES
from vedette.wire.messages import NOTICES

POST = {"check_id": "chMem", "metrics": [[None, {"free": {"t": "int64", "v": "1"}}]]}
TOKEN = "atAlice0001"


async def with_notices(world: World) -> Client:
    return await world.live(features=[{"name": NOTICES, "version": "1.0.0"}])


async def revoke(world: World) -> None:
    world.account.remove_token(TOKEN)
    await world.follow()


def answer(told: dict[str, Any]) -> bytes:
    return json.dumps({"v": "1", "id": told["id"], "source": "guid-1", "result": []}).encode() + b"\n"


async def test_a_stock_agent_is_cut_without_a_word(world: World) -> None:
    client = await world.live(features=[{"name": "upgrades", "version": "1.0.0"}])
    await revoke(world)
    assert await client.rest() == b""


async def test_an_agent_that_wants_notices_is_told_why_and_cut_when_it_has_understood(world: World) -> None:
    client = await with_notices(world)
    await revoke(world)
    told = await client.receive()
    assert (told["method"], told["id"], told["target"]) == ("connection.closing", 1_000_000_000, "guid-1")
    assert told["params"] == {"reason": "revoked", "message": "The agent token was revoked"}
    assert len(world.account.agents.connections) == 1
    await client.send(answer(told))
    assert await client.rest() == b""
    assert world.account.agents.cuts == {Reason.REVOKED: 1}


async def test_one_that_does_not_answer_is_cut_all_the_same(world: World) -> None:
    client = await with_notices(world)
    await revoke(world)
    await client.receive()
    assert await client.rest() == b""
    assert len(world.account.agents.connections) == 0


async def test_after_the_notice_nothing_more_is_taken(world: World) -> None:
    client = await with_notices(world)
    await revoke(world)
    told = await client.receive()
    await client.send(request("check_metrics.post", POST, 1) + answer(told))
    assert b'"id":1,' not in await client.rest()
    assert world.account.observed == []


async def test_an_expired_token_s_connections_end_though_the_store_is_gone(world: World) -> None:
    world.account.change_token(TOKEN, policy=Policy(expires_at=world.clock.now_ms + 1_000))
    client = await world.live()
    world.account.database.is_available = False
    world.clock.now_ms += 1_000
    await world.pass_time(1_000)
    assert await client.rest() == b""
    world.account.database.is_available = True
    again = await world.client()
    assert (await again.hello())["error"]["message"] == "The agent token has expired"


async def test_with_the_store_gone_live_connections_stay_and_it_recovers_by_itself(world: World) -> None:
    client = await world.live()
    world.account.database.is_available = False
    refused = await world.client()
    assert (await refused.hello())["error"]["code"] == 503
    assert (await client.ask("heartbeat.post", {}))["result"]
    world.account.database.is_available = True
    await world.live()


async def test_narrowing_cuts_only_whom_it_concerns(world: World) -> None:
    web, db = await world.live(), await world.live(agent_id="db-1")
    world.account.change_token(TOKEN, policy=Policy(allowed_agents=("web-*",)))
    await world.follow()
    assert await db.rest() == b""
    assert (await web.ask("heartbeat.post", {}))["result"]
    again = await world.client()
    error = (await again.hello(agent_id="db-1"))["error"]
    assert (error["code"], error["type"]) == (403, "forbidden")


async def test_the_peer_s_own_address_is_judged(world: World) -> None:
    world.account.change_token(TOKEN, policy=Policy(allowed_networks=("127.0.0.0/8",)))
    await world.live()
    world.account.change_token(TOKEN, policy=Policy(allowed_networks=("192.0.2.0/24",)))
    client = await world.client()
    assert (await client.hello())["error"]["message"] == "The agent token may not be used from this address"


@pytest.mark.parametrize(
    ("shown", "plain"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_an_ipv4_address_that_came_over_ipv6_is_shown_as_what_it_is(shown: str, plain: str) -> None:
    assert plain_ip(shown) == plain


async def test_a_connection_is_written_with_both_its_ends(world: World) -> None:
    client = await world.live()
    await world.account.agents.flush()
    (row,) = world.account.database.table("connections").values()
    assert (row.ip, row.port) == client.writer.get_extra_info("sockname")[:2]
    assert row.endpoint == f"127.0.0.1:{world.port}"
    client.close()
    await until(lambda: len(world.account.agents.connections) == 0)
    await world.account.agents.flush()
    assert world.account.database.table("connections") == {}


async def test_many_connections_are_cut_while_others_are_served(world: World) -> None:
    world.account.add_token(ALICE, "e" * 64, "atOther")
    other = await world.live(token="e" * 64)
    clients = [await world.live(agent_id=f"web-{number}") for number in range(200)]
    await revoke(world)
    assert (await other.ask("heartbeat.post", {}))["result"]
    for client in clients:
        assert await client.rest() == b""
    assert len(world.account.agents.connections) == 1


async def test_failed_handshakes_are_answered_later_and_later_good_ones_at_once(world: World) -> None:
    loop = asyncio.get_running_loop()
    waits = []
    for number in range(6):
        client = await world.client()
        began = loop.time()
        assert (await client.hello(token=f"{number:064x}"))["error"]["code"] == 401
        waits.append(loop.time() - began)
        await client.rest()
    assert waits[3] >= 0.25
    assert waits[5] >= 0.75
    began = loop.time()
    await world.live(token=ALICE_TOKEN)
    assert loop.time() - began < 0.5


async def test_who_guesses_on_is_closed_before_tls_until_the_window_ends(world: World) -> None:
    for number in range(MOST_GUESSES):
        world.account.agents.limits.failed("127.0.0.1", f"guess {number}", world.steady())
    client = await world.client(with_tls=False)
    assert await client.rest() == b""
    assert world.account.agents.counts["refused.too_many_failures"] == 1
    world.steady.now_ms += 60_000
    await world.live()


async def test_a_refused_peer_that_left_meanwhile_disturbs_nobody(world: World) -> None:
    for _ in range(5):
        world.account.agents.limits.failed("127.0.0.1", None, world.steady())
    client = await world.client()
    await client.send(request("handshake.hello", {"token": "b" * 64, "agent_id": "web-1"}, 0))
    await until(lambda: world.account.agents.counts["refused.unknown_token"] == 1)
    client.close()
    await until(lambda: not world.endpoint.peers)
    await world.live()
