"""What comes over a raw connection: slow, endless, broken. It is answered or closed, and memory stays flat."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import psutil
import pytest

from tests.doors.api.house import Caller, House
from vedette.api import server

_WAIT_S = 20.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One that gives up soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_HEAD_DEADLINE_S", 0.3)
        patch.setattr(server, "_REST_DEADLINE_S", 0.3)
        patch.setattr(server, "_READER_DEADLINE_S", 0.3)
        with House(tmp_path_factory.mktemp("house") / "var") as running:
            yield running


@pytest.fixture(scope="module")
def alice(house: House) -> Caller:
    return house.cast().alice


@pytest.fixture
def peer(house: House) -> Iterator[socket.socket]:
    with socket.create_connection(house.address, timeout=_WAIT_S) as connection:
        yield connection


def _rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes; a reset is a close."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def _flood(connection: socket.socket, part: bytes, times: int) -> int:
    """How many bytes went out before the server closed."""
    sent = 0
    try:
        for _ in range(times):
            connection.sendall(part)
            sent += len(part)
    except ConnectionError:
        pass
    return sent


def _answers(raw: bytes) -> list[int]:
    return [int(part[9:12]) for part in raw.split(b"HTTP/1.1 ")[1:] for part in [b"HTTP/1.1 " + part]]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"\0" * 64,
        b"SSH-2.0-x\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\r\n : y\r\n\r\n",
        b"FOO / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET ? HTTP/1.1\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_http_is_a_bad_request_and_closed(peer: socket.socket, garbage: bytes) -> None:
    peer.sendall(garbage)

    head, _, body = _rest(peer).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["type"] == "badRequest"


@pytest.mark.parametrize(
    "garbage", [b"", b"GET", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET /\r\n", b"\r\n\r\n"]
)
def test_a_head_that_does_not_end_is_closed(peer: socket.socket, garbage: bytes) -> None:
    peer.sendall(garbage)

    assert _answers(_rest(peer)) in ([], [400])


def test_a_head_that_comes_byte_by_byte_is_closed(peer: socket.socket) -> None:
    sent = _flood(peer, b"GET / HTTP/1.1\r\nX: ", 1)
    peer.settimeout(0.05)
    for _ in range(400):
        try:
            peer.sendall(b"y")
            if peer.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    else:
        pytest.fail("the connection is still open")
    assert sent


@pytest.mark.parametrize(
    "part", [b"x" * 65536, b"X: y\r\n" * 10_000], ids=["a header without end", "headers without end"]
)
def test_a_head_that_is_endless_is_closed(peer: socket.socket, part: bytes) -> None:
    peer.sendall(b"GET / HTTP/1.1\r\nX: y\r\n")

    assert _flood(peer, part, 2_000) < 64 * 1024 * 1024
    assert b" 200 " not in _rest(peer)


def _write(alice: Caller, *more: str) -> bytes:
    lines = ["POST /v1.0/entities HTTP/1.1", "Host: x", f"X-Auth-Token: {alice.token}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.mark.parametrize(
    "head", ["Content-Length: 1000000000000", "Transfer-Encoding: chunked"], ids=["by length", "in chunks"]
)
def test_a_body_that_is_endless_is_refused_and_closed(peer: socket.socket, alice: Caller, head: str) -> None:
    peer.sendall(_write(alice, head))

    assert _flood(peer, b"10000\r\n" + b"x" * 65536 + b"\r\n", 1_000) < 64 * 1024 * 1024
    assert _answers(_rest(peer)) in ([413], [])


@pytest.mark.parametrize("part", [b"X: y\r\n", b"X" * 65536], ids=["many", "one long"])
def test_trailers_without_end_are_closed(peer: socket.socket, alice: Caller, part: bytes) -> None:
    peer.sendall(_write(alice, "Transfer-Encoding: chunked") + b'd\r\n{"label":"x"}\r\n0\r\n')

    assert _flood(peer, part * (65536 // len(part)), 1_000) < 64 * 1024 * 1024


def test_trailers_are_no_headers(peer: socket.socket, alice: Caller) -> None:
    body = b'd\r\n{"label":"x"}\r\n0\r\nX-Tenant-Id: other\r\n\r\n'
    peer.sendall(_write(alice, "Transfer-Encoding: chunked", "Connection: close") + body)

    assert _answers(_rest(peer)) == [201]


def test_half_a_body_changes_nothing(peer: socket.socket, alice: Caller) -> None:
    before = alice.get("/entities")["metadata"]["count"]
    peer.sendall(_write(alice, "Content-Length: 100") + b'{"label":"x"}')
    peer.close()

    assert alice.get("/entities")["metadata"]["count"] == before


def test_a_body_that_nobody_reads_must_end_soon(peer: socket.socket) -> None:
    peer.sendall(b"GET /v2.0 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")

    assert _answers(_rest(peer)) == [200]


def test_pipelined_requests_are_answered_in_order(peer: socket.socket, alice: Caller) -> None:
    paths = ["/v2.0", "/nothing", "/v1.0/entities", "/v2.0/tenants"] * 50
    heads = [f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {alice.token}\r\n\r\n" for path in paths]
    peer.sendall("".join(heads).encode() + b"GET /v2.0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert _answers(_rest(peer)) == [200, 404, 200, 200] * 50 + [200]


def test_who_does_not_read_is_cut_off(house: House, alice: Caller) -> None:
    for _ in range(40):
        alice.entity(metadata={str(number): "x" * 255 for number in range(100)})
    head = f"GET /v1.0/entities HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {alice.token}\r\n\r\n".encode()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(_WAIT_S)
        peer.connect(house.address)
        sent = _flood(peer, head, 1_000_000)

    assert sent < 1_000_000 * len(head)


def test_an_upgrade_is_not_taken(peer: socket.socket) -> None:
    peer.sendall(b"GET /v2.0 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n")

    assert _answers(peer.recv(65536)) == [200]


def test_a_client_may_ask_before_it_sends(peer: socket.socket, alice: Caller) -> None:
    peer.sendall(_write(alice, "Content-Length: 13", "Expect: 100-continue", "Connection: close"))
    assert peer.recv(65536).startswith(b"HTTP/1.1 100 Continue\r\n")

    peer.sendall(b'{"label":"x"}')

    assert _answers(_rest(peer)) == [201]


def test_memory_stays_flat_whatever_comes(house: House, alice: Caller) -> None:
    token = alice.token
    requests = [
        b"GET /v1.0/entities HTTP/1.1\r\nHost: x\r\nX-Auth-Token: " + b"%064d" + b"\r\n\r\n",
        b"GET /v1.0/no/such/address/%d HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET /v1.0/entities/%d HTTP/1.1\r\nHost: h%d\r\nX-Auth-Token: {token}\r\n\r\n".encode().replace(b"h%d", b"x"),
        f"GET /v1.0/entities?limit=%d00000 HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n\r\n".encode(),
        b'POST /v2.0/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 23\r\n\r\n{"auth":"%012d"}',
    ]
    process = psutil.Process()

    def round_of(times: int, first: int) -> None:
        with socket.create_connection(house.address, timeout=_WAIT_S) as peer:
            for number in range(first, first + times):
                peer.sendall(b"".join(request % number for request in requests))
                got = b""
                while got.count(b"HTTP/1.1 ") < len(requests):
                    part = peer.recv(65536)
                    assert part, got
                    got += part

    for number in range(4):
        round_of(250, number * 250)
    before = process.memory_info().rss
    for number in range(8):
        round_of(250, 1000 + number * 250)
    assert process.memory_info().rss - before < 8 * 1024 * 1024
