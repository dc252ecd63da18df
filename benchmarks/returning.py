"""Agents that come back: many TLS connections of one process, each opened again whenever it is lost.

`python -m benchmarks.returning` reads a job as one line of JSON, says `ready` when all are welcomed, and at each
further line of its input says what it saw since the one before, as one line of JSON. The agents do as stock agents do,
but for the pause before they come again, which is short: they give up after 6 s without an answer, and fetch their
schedule once per process and whenever they are told that it has changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import ssl
import sys
import time
from typing import Any

import msgspec
import uvloop

PATIENCE_S = 6.0
PAUSE_S = (1.0, 4.0)
HEARTBEAT_S = 30.0
AT_FIRST = 200  # connecting at once, before there is a storm to measure


class Job(msgspec.Struct, frozen=True):
    """What to connect to, and as whom."""

    host: str
    port: int
    ca_file: str
    token: str
    agents: list[str]
    core: int


class Seen(msgspec.Struct, frozen=True):
    """Since the last time this was asked."""

    live: int
    last_back_s: float  # when the last one was welcomed, by the system's monotonic clock
    tries: int  # connections that were begun
    changed: int  # how many were told that their schedule changed, each counted once


class Crowd:
    """All agents of a job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._tls = ssl.create_default_context(cafile=job.ca_file)
        self._live = self._tries = 0
        self._last_back_s = 0.0
        self._changed: set[str] = set()
        self._first = asyncio.Semaphore(AT_FIRST)
        self._all = asyncio.Event()

    async def run(self) -> None:
        tasks = [asyncio.create_task(self._keep(agent)) for agent in self._job.agents]
        await self._all.wait()
        print("ready", flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            seen = Seen(self._live, self._last_back_s, self._tries, len(self._changed))
            print(msgspec.json.encode(seen).decode(), flush=True)
            self._tries, self._changed = 0, set()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _keep(self, agent: str) -> None:
        is_first = True
        while True:
            async with self._first if is_first else _nobody():
                peer = await self._connect(agent, asks=is_first)
            if peer is not None:
                is_first = False
                await self._live_with(agent, *peer)
            await asyncio.sleep(random.uniform(*PAUSE_S))

    async def _connect(self, agent: str, *, asks: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        self._tries += 1
        source = (f"127.0.0.{2 + hash(agent) % 8}", 0)  # one address has ports for 28,000 connections
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await asyncio.open_connection(
                    self._job.host, self._job.port, ssl=self._tls, local_addr=source
                )
                hello = {"token": self._job.token, "agent_id": agent, "features": []}
                writer.write(_request(0, agent, "handshake.hello", hello))
                line = await reader.readline()
        except (OSError, TimeoutError):
            return None
        if b'"result"' not in line:
            writer.close()
            return None
        if asks and b'"entity_id"' in line:
            writer.write(_request(1, agent, "check_schedule.get", {"blah": 1}))
        return reader, writer

    async def _live_with(self, agent: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._live += 1
        self._last_back_s = time.monotonic()
        if self._live == len(self._job.agents):
            self._all.set()
        beating = asyncio.create_task(_beat(agent, writer))
        try:
            while line := await reader.readline():
                self._heard(agent, line, writer)
        except OSError:
            pass  # cut: it comes again
        finally:
            self._live -= 1
            beating.cancel()
            writer.close()

    def _heard(self, agent: str, line: bytes, writer: asyncio.StreamWriter) -> None:
        if b'"check_schedule.changed"' in line:
            self._changed.add(agent)
            answer = {"v": "1", "id": json.loads(line)["id"], "source": f"guid-{agent}", "result": {}}
            writer.write(json.dumps(answer).encode() + b"\n")
            writer.write(_request(2, agent, "check_schedule.get", {"blah": 1}))


class _nobody:  # noqa: N801 - a context of no name
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


async def _beat(agent: str, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(random.uniform(0, HEARTBEAT_S))
    while True:
        writer.write(_request(3, agent, "heartbeat.post", {"timestamp": round(time.time() * 1000)}))
        await asyncio.sleep(HEARTBEAT_S)


def _request(id: int, agent: str, method: str, params: dict[str, Any]) -> bytes:
    ends = {"source": f"guid-{agent}", "target": "endpoint"}
    return json.dumps({"v": "1", "id": id, **ends, "method": method, "params": params}).encode() + b"\n"


async def _main() -> None:
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    os.sched_setaffinity(0, {job.core})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    await Crowd(job).run()


if __name__ == "__main__":
    uvloop.run(_main())
