"""The endpoint over real TLS: what an agent gets, and what everybody else gets."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.doors.agent.conftest import World, request, until
from tests.fakes.agents import check
from vedette.agent_endpoint import Limits

METRICS = [[None, {"free": {"t": "gauge", "v": "0x1f4", "u": "bytes"}}]]
POST = {
    "check_id": "chMem",
    "check_type": "agent.memory",
    "state": "available",
    "status": "success",
    "metrics": METRICS,
}


async def test_a_good_token_is_welcomed_with_its_entity(world: World) -> None:
    reply = await (await world.client()).hello()
    assert reply == {
        "v": "1",
        "id": 0,
        "source": "endpoint",
        "target": "guid-1",
        "result": {"heartbeat_interval": 30000, "channel": "stable", "entity_id": "enAlice"},
    }


async def test_a_wrong_token_is_told_so_and_the_connection_closed(world: World) -> None:
    client = await world.client()
    reply = await client.hello(token="f" * 64 + ".550123")
    assert reply["error"] == {"code": 401, "type": "unauthorized", "message": "The agent token is unknown"}
    assert await client.rest() == b""


async def test_an_agent_beats_fetches_posts_and_uploads(world: World) -> None:
    client = await world.live()
    assert (await client.ask("heartbeat.post", {"timestamp": 1}))["result"] == {"timestamp": world.clock.now_ms}
    assert (await client.ask("config_file.post", {"dummy": 1}))["result"] == {"success": True, "values": []}
    schedule = await client.ask("check_schedule.get", [], "1")
    assert schedule["result"]["checks"] == [
        {"id": "chMem", "type": "agent.memory", "period": 60, "timeout": 30, "disabled": False, "details": {}}
    ]
    assert (await client.ask("check_metrics.post", POST, "2"))["result"] == []
    assert world.account.observed[0].metrics["free"].value == 500


async def test_a_post_for_another_s_check_gets_a_400_and_the_connection_stays(world: World) -> None:
    client = await world.live()
    reply = await client.ask("check_metrics.post", POST | {"check_id": "chOther"})
    assert reply["error"]["code"] == 400
    assert (await client.ask("check_metrics.post", POST))["result"] == []
    assert len(world.account.observed) == 1


async def test_nothing_is_acknowledged_that_could_not_be_stored(world: World) -> None:
    client = await world.live()
    world.account.database.is_available = False
    for method, params in (("check_metrics.post", POST), ("check_schedule.get", {})):
        reply = await client.ask(method, params)
        assert (reply["error"]["code"], reply["error"]["type"]) == (400, "unavailable")
    world.account.database.is_available = True
    assert (await client.ask("check_metrics.post", POST))["result"] == []


async def test_many_posts_at_once_are_all_answered_in_order(world: World) -> None:
    client = await world.live()
    await client.send(b"".join(request("check_metrics.post", POST, number) for number in range(500)))
    assert [(await client.receive())["id"] for _ in range(500)] == list(range(500))
    assert world.account.reports < 500


async def test_a_changed_schedule_is_told_over_the_wire(world: World) -> None:
    client = await world.live()
    await client.ask("check_schedule.get", {})
    await world.account.agents.follow(world.account.put(check("chMem", period=90)), world.steady())
    told = await client.receive()
    assert told["method"] == "check_schedule.changed"
    assert (told["id"], told["target"], told["params"]) == (1_000_000_000, "guid-1", {})
    await client.send(json.dumps({"v": "1", "id": told["id"], "source": "guid-1", "result": []}).encode() + b"\n")
    assert (await client.ask("check_schedule.get", {}))["result"]["checks"][0]["period"] == 90


async def test_deleting_a_token_cuts_its_connections_and_keeps_it_out(world: World) -> None:
    client, other = await world.live(), await world.live(agent_id="web-2")
    world.account.remove_token("atAlice0001")
    await world.follow()
    assert await client.rest() == b""
    assert await other.rest() == b""
    again = await world.client()
    assert (await again.hello())["error"] == {
        "code": 401,
        "type": "unauthorized",
        "message": "The agent token was revoked",
    }
    await again.rest()


async def test_with_the_store_gone_a_handshake_is_refused_with_its_own_reason(world: World) -> None:
    world.account.database.is_available = False
    client = await world.client()
    assert (await client.hello())["error"]["type"] == "unavailable"
    assert await client.rest() == b""


@pytest.mark.parametrize(
    "data",
    [
        b"{not json\n",
        b"[]\n",
        b'{"v":"1","id":1,"method":"handshake.hello","params":{"token":{}}}\n',
        b"{" * 70_000,
        b'{"a":' * 100 + b"\n",
        b'{"v":"1","id":1,"source":"\xff\xfe","method":"nonsense","params":[[[[]]]]}\n',
    ],
)
async def test_garbage_closes_the_connection(world: World, data: bytes) -> None:
    client = await world.client()
    await client.send(data)
    rest = await client.rest()
    assert rest == b"" or b'"error"' in rest
    assert (await (await world.live()).ask("heartbeat.post", {}))["result"]


async def test_a_megabyte_without_a_line_end_closes_a_stranger(world: World) -> None:
    client = await world.client()
    client.writer.write(b"{" * 1024 * 1024)
    assert await client.rest() == b""


async def test_a_known_agent_may_send_a_megabyte_but_not_five(world: World) -> None:
    client = await world.live()
    big = {"config_data": {"a.yaml": "x" * 1024 * 1024}}
    assert (await client.ask("config_file.post", big))["result"]["success"]
    client.writer.write(b"x" * 5 * 1024 * 1024)
    assert await client.rest() == b""


async def test_a_slow_sender_is_cut_after_ten_seconds(world: World) -> None:
    client = await world.client()
    hello = request("handshake.hello", {"token": "t", "agent_id": "a"})
    await client.send(hello[:20])
    await until(lambda: world.endpoint.peers)
    await world.pass_time(9_999)
    await client.send(hello[20:30])
    await world.pass_time(1)
    assert await client.rest() == b""


async def test_a_slow_http_client_is_cut_too(world: World) -> None:
    client = await world.client()
    await client.send(b"GET / HTTP/1.1\r\n")
    await until(lambda: world.endpoint.peers)
    await world.pass_time(10_000)
    assert await client.rest() == b""


async def test_an_agent_that_is_silent_for_three_intervals_is_dead(world: World) -> None:
    client = await world.live()
    await client.ask("check_schedule.get", {})
    await world.pass_time(89_999)
    await client.ask("heartbeat.post", {})
    await world.pass_time(89_999)
    assert len(world.account.agents.connections) == 1
    await world.pass_time(1)
    assert await client.rest() == b""
    assert len(world.account.agents.connections) == 0


class TestWithLittlePatience:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(tls_handshake_s=0.2, tls_shutdown_s=0.2, most_connections=3)

    async def test_a_half_open_tls_handshake_is_given_up(self, world: World) -> None:
        client = await world.client(with_tls=False)
        await client.send(b"\x16\x03\x01\x02\x00\x01")
        assert await client.rest() == b""
        await until(lambda: world.endpoint.counts["tls_failed"] == 1)

    async def test_a_connection_without_tls_is_given_up(self, world: World) -> None:
        client = await world.client(with_tls=False)
        await client.send(b"GET / HTTP/1.1\r\n\r\n")
        await client.rest()
        await until(lambda: world.endpoint.counts["tls_failed"] == 1)

    async def test_more_connections_than_allowed_are_turned_away(self, world: World) -> None:
        clients = [await world.live() for _ in range(3)]
        client = await world.client(with_tls=False)
        assert await client.rest() == b""
        assert world.endpoint.counts["turned_away"] == 1
        clients[0].close()
        await until(lambda: len(world.account.agents.connections) == 2)
        await world.live()

    async def test_a_peer_that_does_not_read_its_refusal_does_not_stay(self, world: World) -> None:
        client = await world.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(request("handshake.hello", {"token": "t", "agent_id": "a"}))
        await until(lambda: world.endpoint.counts["ended"] == 1)
        await until(lambda: not world.endpoint.peers)


@pytest.mark.parametrize(
    ("head", "status", "body"),
    [
        (b"GET /upgrades/stable/VERSION HTTP/1.1\r\nHost: 127.0.0.1\r\nconnection: close\r\n\r\n", b"200", b"0.0.0-0"),
        (b"GET /upgrades/stable/other HTTP/1.1\r\n\r\n", b"404", b"Not found\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404", b"Not found\n"),
        (b"POST /agent-crash-report?a=b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"404", b"Not found\n"),
        (b"hello\r\n\r\n", b"400", b"Expected an agent's JSON line or an HTTP/1.1 request\n"),
    ],
)
async def test_the_same_port_answers_https(world: World, head: bytes, status: bytes, body: bytes) -> None:
    client = await world.client()
    await client.send(head)
    first, _, rest = (await client.rest()).partition(b"\r\n")
    assert first.split()[1] == status
    assert rest.partition(b"\r\n\r\n")[2] == body
    assert f"Content-Length: {len(body)}".encode() in rest


async def test_the_ca_file_can_be_fetched(world: World) -> None:
    client = await world.client()
    await client.send(b"GET /ca.pem HTTP/1.1\r\n\r\n")
    assert (await client.rest()).partition(b"\r\n\r\n")[2] == world.certificates.ca_pem


async def test_a_stop_answers_what_was_accepted_and_closes(world: World) -> None:
    client = await world.live()
    world.account.may_store.clear()
    await client.send(request("check_metrics.post", POST, "1") + request("check_metrics.post", POST, "2"))
    await until(lambda: any(peer.task is not None for peer in world.endpoint.peers))
    stopping = asyncio.create_task(world.endpoint.stop())
    while await takes_connections(world):
        pass
    world.account.may_store.set()
    assert [(await client.receive())["id"] for _ in range(2)] == ["1", "2"]
    assert await client.rest() == b""
    await stopping
    assert len(world.account.observed) == 2
    assert world.account.database.table("agents")


async def test_an_internal_failure_closes_that_connection_only(
    world: World, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other, client = await world.live(agent_id="web-2"), await world.live()

    async def fail(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(world.account.agents, "post", fail)
    await client.send(request("check_metrics.post", POST))
    assert await client.rest() == b""
    assert "agent.failed" in capfd.readouterr().out
    assert (await other.ask("heartbeat.post", {}))["result"]


async def test_no_log_line_shows_a_token(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    good, bad = await world.live(), await world.client()
    await bad.hello(token="f" * 64 + ".550123")
    await bad.rest()
    good.close()
    written = "".join(capfd.readouterr())
    assert "agent.refused" in written
    assert "ffffffff..." in written
    assert "f" * 9 not in written
    assert "a" * 9 not in written


async def takes_connections(world: World) -> bool:
    try:
        await world.client(with_tls=False)
    except ConnectionRefusedError:
        return False
    except ConnectionError:  # it was in the backlog when the listener closed
        return True
    return True
