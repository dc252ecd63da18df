"""Real receivers on the loopback address, each on a port the system chose."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address

from vedette.domain.states import State
from vedette.ports.notifying import Message
from vedette.ports.probing import Address, EgressDenied


class Receiver:
    """Answers each connection with the bytes it was made with, and keeps what it was sent."""

    def __init__(self, answer: bytes, *, closes: bool = True) -> None:
        self._answer = answer
        self._closes = closes
        self.requests: list[bytes] = []
        self.taken = asyncio.Event()  # a request is here
        self.left = asyncio.Event()  # the connection is over

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            body = await reader.readexactly(int(lengths[0].split(b":")[1]))
            self.requests.append(head + body)
            self.taken.set()
            writer.write(self._answer)
            await writer.drain()
            if not self._closes:
                await reader.read()  # until the other side goes
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the sender went away, as some of these tests want
        finally:
            self.left.set()
            writer.close()

    @property
    def headers(self) -> dict[str, str]:
        """Of the latest request, names in lower case."""
        lines = self.requests[-1].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def body(self) -> bytes:
        return self.requests[-1].partition(b"\r\n\r\n")[2]

    @property
    def request_line(self) -> str:
        return self.requests[-1].split(b"\r\n")[0].decode()


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def listening(receiver: Receiver, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port the receiver listens on."""
    server = await asyncio.start_server(receiver, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


class Resolver:
    """Names to addresses as the test lays down; `EgressDenied` for the ones it denies."""

    def __init__(self, *addresses: str, denied: Sequence[str] = (), fails: bool = False) -> None:
        self._addresses = addresses or ("127.0.0.1",)
        self._denied = denied
        self._fails = fails
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int, resolver: str | None) -> Sequence[Address]:
        self.asked.append((host, port))
        if self._fails:
            raise OSError(-2, "Name or service not known")
        allowed = [ip_address(address) for address in self._addresses if address not in self._denied]
        if not allowed:
            raise EgressDenied(host)
        return allowed


def message(url: object, token: str | None = None) -> Message:
    return Message(
        event_id="acOne:enOne:alOne:chOne:1326910500000:WARNING",
        state=State.WARNING,
        payload=b'{"event_id":"acOne:enOne:alOne:chOne:1326910500000:WARNING"}',
        details={"url": url},
        webhook_token=token,
    )
