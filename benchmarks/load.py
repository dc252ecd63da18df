"""A load generator: keep-alive connections that each have one request under way, in a process on a core of its own.

Measures capacity: answers per second and bytes per second while the server is saturated.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import cast

import uvloop


@dataclass(frozen=True)
class Load:
    """What to send, how wide and for how long; each connection takes the requests in turn, beginning at its own."""

    host: str
    port: int
    requests: Sequence[str]  # whole HTTP/1.1 requests
    connections: int
    seconds: float
    warm_up_s: float = 0.3
    is_tls: bool = False  # without looking at the certificate


@dataclass(frozen=True)
class Measured:
    """What came of it."""

    requests_s: float
    megabytes_s: float
    failures: int  # answers that were not 2xx


class _Client(asyncio.Protocol):
    """One connection; knows of HTTP only what it takes to find the end of an answer."""

    def __init__(self, requests: Sequence[bytes], first: int) -> None:
        self._requests = requests
        self._next = first
        self._buffer = bytearray()
        self._end: int | None = None
        self.answers = 0
        self.bytes = 0
        self.failures = 0
        self.is_stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclasses
        self._send()

    def _send(self) -> None:
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._end is None:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            self._end = head + 4 + _length(bytes(self._buffer[:head]))
            self.failures += self._buffer[9:10] != b"2"
        if len(self._buffer) < self._end:
            return
        self.answers += 1
        self.bytes += self._end
        del self._buffer[: self._end]
        self._end = None
        if not self.is_stopping:
            self._send()


def _tls(load: Load) -> ssl.SSLContext | None:
    if not load.is_tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def _drive(load: Load) -> Measured:
    loop = asyncio.get_running_loop()
    raw = [request.encode() for request in load.requests]
    clients = [_Client(raw, place) for place in range(load.connections)]
    transports = [
        (await loop.create_connection(lambda client=client: client, load.host, load.port, ssl=_tls(load)))[0]
        for client in clients
    ]
    await asyncio.sleep(load.warm_up_s)
    before = sum(client.answers for client in clients), sum(client.bytes for client in clients)
    began = perf_counter()
    await asyncio.sleep(load.seconds)
    took = perf_counter() - began
    answers = sum(client.answers for client in clients) - before[0]
    size = sum(client.bytes for client in clients) - before[1]
    if not answers:
        raise RuntimeError("the server gave no answer")
    for client, transport in zip(clients, transports, strict=True):
        client.is_stopping = True
        transport.close()
    return Measured(answers / took, size / took / 1e6, sum(client.failures for client in clients))


def measure(load: Load, core: int) -> Measured:
    """Runs the load in a process pinned to `core`."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", str(core)],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout))


def _main() -> None:
    os.sched_setaffinity(0, {int(sys.argv[1])})
    print(json.dumps(asdict(uvloop.run(_drive(Load(**json.load(sys.stdin)))))))


if __name__ == "__main__":
    _main()
