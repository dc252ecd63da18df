"""Reading stops while a peer does not read, or has too much waiting."""

from __future__ import annotations

import asyncio

import pytest

from tests.doors.agent.conftest import World, request, until
from tests.fakes.agents import ALICE_TOKEN
from vedette.agent_endpoint.peer import MOST_QUEUED, MOST_QUEUED_BYTES, AgentPeer
from vedette.services.agent_connections import Address

POST = {"check_id": "chMem", "metrics": [[None, {"free": {"t": "int64", "v": "1"}}]]}


class FakeTransport(asyncio.Transport):
    """Writes down what is written, and whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.flow = [True]
        self.is_closed = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        assert self.is_read()
        self.flow.append(False)

    def resume_reading(self) -> None:
        assert not self.is_read()
        self.flow.append(True)

    def is_read(self) -> bool:
        return self.flow[-1]

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True


async def live(world: World) -> tuple[AgentPeer, FakeTransport]:
    peer, transport = AgentPeer(world.endpoint, Address("192.0.2.7", 4711, "192.0.2.1:50041")), FakeTransport()
    peer.connection_made(transport)
    peer.data_received(request("handshake.hello", {"token": ALICE_TOKEN, "agent_id": "web-1"}, 0))
    assert not transport.is_read()
    await until(lambda: peer.task is None)
    assert transport.is_read()
    return peer, transport


async def test_while_an_agent_does_not_read_it_is_not_read(world: World) -> None:
    peer, transport = await live(world)
    peer.pause_writing()
    assert not transport.is_read()
    peer.resume_writing()
    assert transport.is_read()
    peer.connection_lost(None)


async def test_while_too_much_waits_to_be_stored_nothing_more_is_read(world: World) -> None:
    peer, transport = await live(world)
    world.account.may_store.clear()
    peer.data_received(b"".join(request("check_metrics.post", POST, n) for n in range(MOST_QUEUED)))
    assert not transport.is_read()
    world.account.may_store.set()
    await until(lambda: peer.task is None)
    assert transport.is_read()
    assert len(world.account.observed) == MOST_QUEUED
    peer.connection_lost(None)


async def test_while_a_few_large_requests_wait_nothing_more_is_read(world: World) -> None:
    peer, transport = await live(world)
    world.account.may_store.clear()
    peer.data_received(request("check_metrics.post", POST, 1))
    await until(lambda: world.account.storing)
    files = {"config_data": {"a.yaml": "#" * (MOST_QUEUED_BYTES // 2)}}
    peer.data_received(request("config_file.post", files, 2))
    assert transport.is_read()
    peer.data_received(request("config_file.post", files, 3))
    assert not transport.is_read()
    world.account.may_store.set()
    await until(lambda: peer.task is None)
    assert transport.is_read()
    assert len(world.account.uploads) == 2
    peer.connection_lost(None)


FILES = {"config_data": {"a.yaml": "type: agent.memory"}}


async def test_the_files_of_a_stock_agent_wait_for_the_store_for_it_sends_them_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.agent_endpoint.peer.FILES_AGAIN_S", 0.01)
    peer, transport = await live(world)
    transport.written = b""
    world.account.database.is_available = False
    peer.data_received(request("config_file.post", FILES, 1))
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert transport.written == b""
    world.account.database.is_available = True
    await until(lambda: peer.task is None)
    assert len(world.account.uploads) == 1
    assert b'"success":true' in transport.written
    peer.connection_lost(None)


async def test_files_that_wait_hold_up_no_stop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.agent_endpoint.peer.FILES_AGAIN_S", 0.01)
    peer, transport = await live(world)
    world.account.database.is_available = False
    peer.data_received(request("config_file.post", FILES, 1))
    await asyncio.sleep(0)
    peer.stop_reading()
    await until(lambda: peer.task is None)
    assert b"Nothing can be stored now" in transport.written
    peer.connection_lost(None)
    assert world.account.uploads == []


async def test_what_a_cut_connection_still_had_waiting_is_not_taken(world: World) -> None:
    peer, transport = await live(world)
    world.account.may_store.clear()
    peer.data_received(request("check_metrics.post", POST, 1))
    await until(lambda: world.account.storing)
    peer.data_received(request("check_metrics.post", POST, 2))
    peer.close("the token was deleted")
    assert transport.is_closed
    world.account.may_store.set()
    await until(lambda: peer.task is None)
    assert len(world.account.observed) == 1
    peer.connection_lost(None)
