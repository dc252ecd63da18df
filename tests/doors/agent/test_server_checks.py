"""The host agent's checks of other servers on its host: Apache and Redis, as sockets that answer like them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.doors.agent.test_agent_checks import assert_as_declared, check
from vedette.agent.checks import apache
from vedette.agent.checks.running import Checks
from vedette.agent.reading import Reading
from vedette.domain.check_types import CHECK_TYPES

PAGE = """www.example.org
ServerVersion: Apache/2.4.57 (Debian)
Total Accesses: 4531
Total kBytes: 9812
CPULoad: .0123
Uptime: 86400
ReqPerSec: .0524421
BytesPerSec: 116.29
BytesPerReq: 2217.53
BusyWorkers: 2
IdleWorkers: 5
Scoreboard: W_____K...GSRDCLI
"""
INFO = """# Server
redis_version:7.2.4
uptime_in_seconds:5
connected_clients:1
blocked_clients:0
used_memory:1048576
rdb_bgsave_in_progress:0
rdb_changes_since_last_save:3
aof_rewrite_in_progress:0
total_connections_received:7
total_commands_processed:8
evicted_keys:0
pubsub_patterns:0
db0:keys=1,expires=0
"""


@asynccontextmanager
async def answering(answers: list[bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port, and what was said to it; each piece that comes gets the next answer."""
    heard: list[bytes] = []
    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            for answer in answers:
                heard.append(await reader.read(65_536))
                writer.write(answer)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.get_running_loop().create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard
    if served:
        await asyncio.wait(served)


def http(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


async def read(type_: str, port: int, **details: Any) -> Reading:
    if type_ == "agent.apache":
        details = {"url": f"http://127.0.0.1:{port}/server-status?auto"} | details
    else:
        details = {"hostname": "127.0.0.1", "port": port} | details
    return await Checks(Path("/nowhere")).run(msgspec.structs.replace(check(type_), details=details))


async def test_apache_s_status_page_is_read() -> None:
    async with answering([http(PAGE)]) as (port, heard):
        reading = await read("agent.apache", port)
    assert heard[0].startswith(b"GET /server-status?auto HTTP/1.1\r\n")
    assert (reading.available, reading.status) == (True, "Handling 0.05 requests per second")
    values = {name: metric.v for name, metric in reading.metrics.items()}
    assert values.keys() == {one.name for one in CHECK_TYPES["agent.apache"].metrics} | {"vhost"}
    for name, value in {"total_accesses": "4531", "bytes_per_second": "116", "cpu_load": "0.0123", "waiting": "5",
                        "open": "3", "sending": "1", "idle": "1", "vhost": "www.example.org"}.items():  # fmt: skip
        assert values[name] == value


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (http("", "404 Not Found"), "the server answered 404"),
        (http("<html>hello</html>"), "the page has no Scoreboard"),
        (b"hello\r\n\r\n", "illegal"),
        (http("x" * 2_000), "the page is longer than 1000 bytes"),
    ],
)
async def test_what_is_no_status_page_is_said_to(monkeypatch: pytest.MonkeyPatch, answer: bytes, status: str) -> None:
    monkeypatch.setattr(apache, "LONGEST_PAGE", 1_000)
    async with answering([answer]) as (port, _):
        reading = await read("agent.apache", port)
    assert not reading.available
    assert reading.status.startswith(status)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://", "nonsense"])
async def test_only_http_is_asked(url: str) -> None:
    assert not (await read("agent.apache", 1, url=url)).available


async def test_redis_s_counters_are_read() -> None:
    async with answering([bulk(INFO)]) as (port, heard):
        reading = await read("agent.redis", port)
    assert heard == [b"*1\r\n$4\r\nINFO\r\n"]
    assert_as_declared("agent.redis", reading)
    assert (reading.metrics["version"].v, reading.metrics["used_memory"].v) == ("7.2.4", "1048576")
    assert reading.metrics["changes_since_last_save"].v == "3"


async def test_redis_is_told_the_password_first() -> None:
    async with answering([b"+OK\r\n", bulk(INFO)]) as (port, heard):
        assert (await read("agent.redis", port, password="two words\r\n")).available
    assert heard[0] == b"*2\r\n$4\r\nAUTH\r\n$11\r\ntwo words\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"-NOAUTH Authentication required.\r\n", "NOAUTH Authentication required."),
        (b"hello\r\n", "the server's answer makes no sense"),
        (b"$-1\r\n", "the server's answer makes no sense"),
        (b"$99999999\r\n", "the server's answer makes no sense"),
        (b"$100\r\nshort", "the server's answer makes no sense"),
        (b"x" * 200_000, "the server's answer makes no sense"),
    ],
)
async def test_a_redis_that_refuses_or_is_none_is_unavailable(answer: bytes, status: str) -> None:
    async with answering([answer]) as (port, _):
        reading = await read("agent.redis", port)
    assert (reading.available, reading.metrics) == (False, {})
    assert reading.status.startswith(status)


@pytest.mark.parametrize("type_", ["agent.apache", "agent.redis"])
async def test_where_nobody_listens_it_is_unavailable(type_: str) -> None:
    async with answering([]) as (port, _):
        pass
    reading = await read(type_, port)
    assert not reading.available
    assert reading.status


@pytest.mark.parametrize("type_", ["agent.apache", "agent.redis"])
async def test_a_server_that_says_nothing_is_given_up_in_time(type_: str) -> None:
    async with answering([b""] * 2) as (port, _):
        assert (await read(type_, port, timeout=200)).status == "The check did not finish in 0.2 seconds"
