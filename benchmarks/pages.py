"""From a failing observation to its webhook: agents that post, and the receivers, in one process with one clock.

`python -m benchmarks.pages` says the ports of its two receivers as one line of JSON: one answers, one takes connections
and never answers. Then for each job, a line of JSON on its input, it says what it saw as a line of JSON. All loads are
open loops at random moments: nothing waits for the server, and what is late is made up for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any, cast

import msgspec
import uvloop

CRITERIA = 'if (metric["page"] > 0) { return new AlarmStatus(CRITICAL, "#{page}"); } return OK;'
"""Of the alarms: a page's number is its status."""

METRICS = 10
RESET_S = 0.4
PATIENCE_S = 10.0
_TOGETHER = 4

_after_page = b'"}}]],"timestamp":'
_status = re.compile(rb'"status":"(\d+)"')
_answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Agent(msgspec.Struct, frozen=True):
    """Who posts, and for which checks."""

    token: str
    agent_id: str
    checks: Sequence[str]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to do for so long."""

    core: int
    host: str
    port: int
    ca_file: str
    seconds: float
    paging: Agent  # its alarms page to the receiver that answers
    pages_s: float
    dead: Agent  # of another tenant: its alarms page to the one that does not
    dead_pages_s: float
    load: Sequence[Agent]  # posts that page nobody
    posts_s: float


class Seen(msgspec.Struct, frozen=True):
    """What came of it."""

    delays_us: Sequence[float]  # from when a failing observation was posted until its webhook was there
    lost: int  # no webhook within `PATIENCE_S`
    posts: int  # of the load, answered
    refused: int
    late_us: float  # how late our own sending was, 99 of 100


class _Peer(asyncio.Protocol):
    """An agent's connection."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._source = agent.agent_id.encode()
        self._before = {check: _before_page(check) for check in agent.checks}
        self._sent = 0
        self._rest = b""
        self._at_ms = 0
        self.answers = self.refused = 0
        self.welcomed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclasses
        hello = {"token": self._agent.token, "agent_id": self._agent.agent_id, "features": []}
        self._send("handshake.hello", hello)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines and not self.welcomed.done():
            self.welcomed.set_result(lines.pop(0))
        self.answers += sum(b'"result"' in line for line in lines)  # some lines are requests of the server
        self.refused += sum(b'"error"' in line for line in lines)

    def post(self, check: str, page: int) -> None:
        self._transport.write(self._line(check, page))

    def post_all(self, checks: Sequence[str]) -> None:
        self._transport.write(b"".join(self._line(check, 0) for check in checks))

    def _line(self, check: str, page: int) -> bytes:
        self._sent += 1
        self._at_ms = max(self._at_ms + 1, round(time.time() * 1000))  # the same again would be a duplicate
        head = b'{"v":"1","id":%d,"source":"%s","target":"endpoint"' % (self._sent, self._source)
        return b"%s%s%d%s%d}}\n" % (head, self._before[check], page, _after_page, self._at_ms)

    def _send(self, method: str, params: dict[str, Any]) -> None:
        ends = {"v": "1", "id": self._sent, "source": self._agent.agent_id, "target": "endpoint", "method": method}
        self._transport.write(msgspec.json.encode(ends | {"params": params}) + b"\n")

    def close(self) -> None:
        self._transport.close()


def _before_page(check: str) -> bytes:
    """A post from its method to the page's number."""
    metrics = {f"metric_{number}": {"t": "int64", "v": "1000000", "u": "bytes"} for number in range(METRICS - 1)}
    params = {"check_id": check, "check_type": "agent.memory", "state": "available", "status": "success"}
    text = json.dumps(params | {"metrics": [[None, metrics]]}).removesuffix("}]]}")
    return f',"method":"check_metrics.post","params":{text},"page":{{"t":"int64","u":"count","v":"'.encode()


class _Receiver(asyncio.Protocol):
    """A webhook's receiver; `took` is given a whole request."""

    def __init__(self, took: Callable[[bytes], None]) -> None:
        self._took = took
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._took(body)
            self._transport.write(_answer)
            self._transport.close()


def _length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0])


class _Pages:
    """Pages on their way, and those that came."""

    def __init__(self) -> None:
        self._number = 0
        self._begun_s: dict[int, float] = {}
        self._all_came = asyncio.Event()
        self.delays_us: list[float] = []

    def begin(self) -> int:
        self._number += 1
        self._begun_s[self._number] = time.monotonic()
        self._all_came.clear()
        return self._number

    def took(self, body: bytes) -> None:
        now_s, found = time.monotonic(), _status.search(body)
        begun_s = None if found is None else self._begun_s.pop(int(found[1]), None)
        if begun_s is not None:
            self.delays_us.append((now_s - begun_s) * 1e6)
        if not self._begun_s:
            self._all_came.set()

    async def rest(self) -> int:
        """Waits for what is still on its way; how many never came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._all_came.wait()
        lost = len(self._begun_s)
        self._begun_s.clear()
        return lost


class _Driver:
    """One job."""

    def __init__(self, job: Job, pages: _Pages) -> None:
        self._job = job
        self._pages = pages
        self._chance = random.Random(1)
        self._late_s: list[float] = []

    async def run(self) -> Seen:
        paging, dead, *load = [await self._connect(one) for one in (self._job.paging, self._job.dead, *self._job.load)]
        checks, theirs = cycle(self._job.paging.checks), cycle(self._job.dead.checks)
        self._load = list(zip(load, self._job.load, strict=True))
        await asyncio.gather(
            self._paced(self._job.pages_s, lambda: self._page(paging, next(checks), self._pages.begin())),
            self._paced(self._job.dead_pages_s, lambda: self._page(dead, next(theirs), 1)),
            self._loaded(),
        )
        posts = sum(peer.answers for peer in load)
        await asyncio.sleep(RESET_S)
        lost = await self._pages.rest()
        delays_us, self._pages.delays_us = self._pages.delays_us, []
        for peer in (paging, dead, *load):
            peer.close()
        refused = sum(peer.refused for peer in (paging, dead, *load))
        late = sorted(self._late_s)
        return Seen(delays_us, lost, posts, refused, late[int(0.99 * len(late))] * 1e6)

    async def _connect(self, agent: Agent) -> _Peer:
        job = self._job
        tls = ssl.create_default_context(cafile=job.ca_file)
        _, peer = await asyncio.get_running_loop().create_connection(
            lambda: _Peer(agent), job.host, job.port, ssl=tls, server_hostname=job.host
        )
        if b'"result"' not in await peer.welcomed:
            raise RuntimeError(f"refused: {peer.welcomed.result().decode()}")
        return peer

    def _page(self, peer: _Peer, check: str, number: int) -> None:
        peer.post(check, number)
        asyncio.get_running_loop().call_later(RESET_S, peer.post, check, 0)

    async def _loaded(self) -> None:
        """Of each peer some posts together, as the load is spread over many more agents than there are connections."""
        turns = cycle(self._load)

        def act() -> None:
            peer, agent = next(turns)
            peer.post_all(self._chance.sample(agent.checks, _TOGETHER))

        await self._paced(self._job.posts_s / _TOGETHER, act)

    async def _paced(self, a_second: float, act: Callable[[], None]) -> None:
        """So many a second on average, at random moments."""
        due_s = time.monotonic()
        until_s = due_s + self._job.seconds
        if not a_second:
            return
        while (due_s := due_s + self._chance.expovariate(a_second)) < until_s:
            if due_s > time.monotonic():
                await asyncio.sleep(due_s - time.monotonic())
            self._late_s.append(max(time.monotonic() - due_s, 0.0))
            act()


async def _main() -> None:
    loop, pages = asyncio.get_running_loop(), _Pages()
    alive = await loop.create_server(lambda: _Receiver(pages.took), "127.0.0.1", 0, backlog=1024)
    dead = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=1024)
    print(json.dumps([server.sockets[0].getsockname()[1] for server in (alive, dead)]), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job = msgspec.json.decode(line, type=Job)
        os.sched_setaffinity(0, {job.core})
        print(msgspec.json.encode(await _Driver(job, pages).run()).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(_main())
