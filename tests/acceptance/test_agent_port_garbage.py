"""What is no agent gets a closed connection, and costs the server nothing that lasts."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.acceptance.bare_agent import BareAgent, is_closed_by_peer, tls_to
from tests.acceptance.client import Client
from tests.acceptance.server import Server
from tests.acceptance.waiting import until

MEBIBYTE = 1024 * 1024
HALF_OPEN, SLOW, ENDLESS = 200, 50, 20
GREETING_LIMIT_S = 10
LASTING, PASSING = 16 * MEBIBYTE, 64 * MEBIBYTE
"""How much memory may be gone afterwards, and how much while it lasts."""


@pytest.fixture(scope="module")
def quiet_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("quiet") / "var") as server:
        yield server


@given(data=st.binary(min_size=1, max_size=2_000))
def test_any_bytes_end_in_a_closed_connection(quiet_server: Server, data: bytes) -> None:
    assume(data.strip(b" \t\r\n"))
    with tls_to(quiet_server.agent, quiet_server.ca_file) as connection:
        sent_whole = send_all(connection, data + b"\r\n\r\n")  # the end of a line, and of an HTTP head
        assert is_closed_by_peer(connection) or not sent_whole
    assert quiet_server.running.poll() is None


def test_memory_stays_flat_whatever_comes_and_agents_are_served_meanwhile(server: Server, client: Client) -> None:
    token = client.create("agent_tokens", label="host")
    process = psutil.Process(server.running.pid)
    chance = random.Random(1)
    bother(server, token, chance)
    before = process.memory_info().rss
    with ExitStack() as held:
        half_open = [held.enter_context(socket.create_connection(server.agent, timeout=30)) for _ in range(HALF_OPEN)]
        for connection in half_open[::2]:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a greeting of TLS
        slow = [held.enter_context(tls_to(server.agent, server.ca_file)) for _ in range(SLOW)]
        for _ in range(3):
            for connection in slow:
                send_all(connection, b'{"v":')
            bother(server, token, chance)
        assert process.memory_info().rss - before < PASSING
        assert all(is_closed_by_peer(connection) for connection in [*half_open, *slow])
    until(lambda: process.memory_info().rss - before < LASTING, "the memory is free again", GREETING_LIMIT_S)
    until(lambda: agents_are_served(server, token), "agents are served")
    assert client.get("limits")["rate"]
    assert [line for line in server.logged if line["level"] in ("error", "critical")] == []


def bother(server: Server, token: str, chance: random.Random) -> None:
    """Everything at once that ends as soon as the server has seen enough; an agent is served in between."""
    for _ in range(ENDLESS):
        endless(server.agent, server.ca_file, b'{"v": "1", "method": "')
        endless(server.agent, server.ca_file, b"GET /")
        with socket.create_connection(server.agent, timeout=30) as connection:
            send_all(connection, chance.randbytes(5_000))
            assert is_closed_by_peer(connection)
    assert agents_are_served(server, token)
    with BareAgent(server.agent, server.ca_file, token, "endless") as known:
        assert not send_for_ever(known, b'{"v": "1", "params": "') or known.is_closed_by_server()


def endless(address: tuple[str, int], ca_file: Path, beginning: bytes) -> None:
    """A megabyte without an end of line, or as much of it as the server wants to hear."""
    with tls_to(address, ca_file) as connection:
        if send_all(connection, beginning + MEBIBYTE * b"a"):
            assert is_closed_by_peer(connection)


def send_for_ever(agent: BareAgent, beginning: bytes) -> bool:
    """Sixteen megabytes in a line of a known agent; whether all could be sent."""
    try:
        agent.send(beginning)
        for _ in range(16):
            agent.send(MEBIBYTE * b"a")
    except OSError:
        return False
    return True


def send_all(connection: socket.socket | ssl.SSLSocket, data: bytes) -> bool:
    """Whether the server let it be sent."""
    try:
        connection.sendall(data)
    except OSError:
        return False
    return True


def agents_are_served(server: Server, token: str) -> bool:
    with BareAgent(server.agent, server.ca_file, token, "host") as agent:
        return "timestamp" in agent.ask("heartbeat.post", {"timestamp": 0})
