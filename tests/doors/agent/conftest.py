"""An endpoint over real TLS on a free port, with stores in memory."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.doors.agent.certificates import Certificates, make_certificates
from tests.fakes.agents import ALICE_TOKEN, Account, check, entity
from tests.fakes.chance import FakeClock
from vedette.agent_endpoint import AgentEndpoint, Limits


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The server runs on uvloop, agents on the standard loop: both sides must do on both."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


class World:
    """A running endpoint and what it stands on; `steady` is moved by the test, never by itself."""

    def __init__(self, certificates: Certificates, limits: Limits) -> None:
        self.account = Account()
        self.clock, self.steady = FakeClock(), FakeClock(0)
        self.certificates = certificates
        self.endpoint = AgentEndpoint(
            self.account.agents, certificates.server_context(), certificates.ca_pem, self.clock, self.steady, limits
        )
        self.port = 0
        self._followed = 0
        self._clients: list[Client] = []
        self.account.put(entity())
        self.account.put(check("chMem"))

    async def start(self) -> None:
        _, self.port = await self.endpoint.start("127.0.0.1", 0)

    async def stop(self) -> None:
        for client in self._clients:
            client.close()
        await self.endpoint.stop()

    async def client(self, *, with_tls: bool = True) -> Client:
        tls = self.certificates.client_context() if with_tls else None
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, ssl=tls))
        self._clients.append(client)
        return client

    async def live(self, **hello: Any) -> Client:
        """A client that was welcomed."""
        client = await self.client()
        reply = await client.hello(**hello)
        assert "result" in reply, reply
        return client

    async def follow(self) -> None:
        """The changes feed since the last time."""
        changes = await self.account.documents.changes(self._followed, 500)
        for change in changes:
            await self.account.agents.follow_token(change, self.clock(), self.steady())
            self._followed = change.seq
        await self.account.agents.collectors.follow(changes, self.steady())

    async def pass_time(self, by_ms: int) -> None:
        self.steady.now_ms += by_ms
        self.endpoint.sweep()


class Client:
    """An agent-like peer, line by line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, method: str, params: Any, id: Any = "0") -> dict[str, Any]:
        await self.send(request(method, params, id))
        return await self.receive()

    async def receive(self) -> dict[str, Any]:
        line = await self.reader.readline()
        assert line, "the endpoint closed the connection"
        message: dict[str, Any] = json.loads(line)
        return message

    async def hello(self, token: str = ALICE_TOKEN, agent_id: str = "web-1", **more: Any) -> dict[str, Any]:
        return await self.ask("handshake.hello", {"token": token, "agent_id": agent_id, "features": []} | more, 0)

    async def rest(self) -> bytes:
        """Everything until the endpoint closes."""
        try:
            return await self.reader.read()
        except (ConnectionError, ssl.SSLError):
            return b""

    def close(self) -> None:
        self.writer.transport.abort()


def request(method: str, params: Any, id: Any = "0", source: str = "guid-1") -> bytes:
    message = {"v": "1", "id": id, "target": "endpoint", "source": source, "method": method, "params": params}
    return json.dumps(message).encode() + b"\n"


async def until(holds: Callable[[], object]) -> None:
    """Waits until the endpoint's side has come to something; the suite's time limit ends it."""
    while not holds():  # noqa: ASYNC110 - the other side is a socket away and has no event to wait for
        await asyncio.sleep(0.005)


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def world(certificates: Certificates, limits: Limits) -> AsyncIterator[World]:
    world = World(certificates, limits)
    await world.start()
    yield world
    await world.stop()


@pytest.fixture
def config_file(tmp_path: Path, world: World) -> Path:
    """Of an agent that may connect."""
    return write_config(tmp_path, world)


def write_config(directory: Path, world: World, token: str = ALICE_TOKEN, host: str = "127.0.0.1") -> Path:
    file = directory / "agent.cfg"
    file.write_text(
        f"monitoring_token {token}\nmonitoring_id web-1\nmonitoring_endpoints {host}:{world.port}\n"
        f"certificate_path {world.certificates.ca_file}\n"
    )
    return file
