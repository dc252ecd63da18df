"""Real servers on this machine for probes to look at."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from typing import Any

from vedette.adapters.local.resolver import Resolver
from vedette.domain.egress import EgressPolicy
from vedette.domain.ids import CheckId, EntityId, TenantId
from vedette.ports.probing import Address, Assignment, ProbeResult, Resolve
from vedette.probes.certificates import Tls, tls_contexts
from vedette.probes.http import HttpProbe

NOW_MS = 1_800_000_000_000
TLS = tls_contexts()
LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def assignment(url: str, *, timeout_s: int = 5, target: str | None = None, **details: Any) -> Assignment:
    return Assignment(
        tenant_id=TenantId("alice"),
        entity_id=EntityId("enAAAAAAAAAA"),
        check_id=CheckId("chAAAAAAAAAA"),
        check_type="remote.http",
        revision=1,
        period_s=60,
        timeout_s=timeout_s,
        target=target,
        resolver=None,
        details={"url": url, **details},
    )


class Names:
    """A `Resolve` with names of its own; `asked` are the names and ports in the order they were asked for."""

    def __init__(self, names: Mapping[str, Sequence[Address]] | None = None, missing: Sequence[str] = ()) -> None:
        self._real = Resolver(EgressPolicy(LOOPBACK), lambda: asyncio.get_running_loop().time())
        self._names = names or {}
        self._missing = missing
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int, resolver: str | None) -> Sequence[Address]:
        self.asked.append((host, port))
        if host in self._missing:
            raise OSError(f"no address for {host}")
        return self._names.get(host) or await self._real(host, port, resolver)


async def probe(asked: Assignment, resolve: Resolve | None = None, tls: Tls | None = None) -> ProbeResult:
    return await HttpProbe(resolve or Names(), lambda: NOW_MS, lambda n: b"c" * n, tls or TLS)(asked)


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server on a free port; its connections are closed with it."""
    handling: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handling.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await handler(reader, writer)
                await writer.drain()
        finally:
            handling.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(handling):
            task.cancel()
        if handling:
            await asyncio.wait(list(handling))


class Site:
    """Answers each request with the next response and remembers the requests; the last response is repeated."""

    def __init__(self, *responses: bytes) -> None:
        self.responses = list(responses)
        self.requests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        self.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
        writer.write(self.responses.pop(0) if len(self.responses) > 1 else self.responses[0])

    @property
    def request(self) -> str:
        (request,) = self.requests
        return request.decode()


def response(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def answer(raw: bytes, **details: Any) -> ProbeResult:
    """What a probe makes of these bytes."""
    async with serving(Site(raw)) as port:
        return await probe(assignment(f"http://127.0.0.1:{port}/", **details))


def values(result: ProbeResult) -> dict[str, Any]:
    return {name: metric.value for name, metric in result.metrics.items()}
