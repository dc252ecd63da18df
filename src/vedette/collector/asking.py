"""Asking canaries whether we see the network.

HOST:PORT answers by taking a TCP connection. HOST alone, and the default gateway, answers an ICMP echo; where the
system lets us send none (`net.ipv4.ping_group_range`), a TCP connection to port 443, and then a refusal is an answer
too: it comes from the host.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from vedette.collector.canary import Canary

PATIENCE_S = 3.0
FALLBACK_PORT = 443

_ROUTES = Path("/proc/net/route")
_GATEWAY_FLAGS = 0x3  # up, and through a gateway
_ECHO = {socket.AF_INET: (socket.IPPROTO_ICMP, 8), socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128)}


async def any_answers(canaries: Sequence[Canary], patience_s: float = PATIENCE_S) -> bool:
    """Asks all at once; true as soon as one answers, false when each has failed or had its time."""
    asking = [asyncio.ensure_future(_answers_within(canary, patience_s)) for canary in canaries]
    try:
        for answer in asyncio.as_completed(asking):
            if await answer:
                return True
        return False
    finally:
        for ask in asking:
            ask.cancel()


async def _answers_within(canary: Canary, patience_s: float) -> bool:
    try:
        async with asyncio.timeout(patience_s):
            return await _answers(canary)
    except (OSError, UnicodeError):  # a time-out too; a label that is too long
        return False


async def _answers(canary: Canary) -> bool:
    if canary.port is not None:
        return await _connects(canary.host, canary.port)
    loop = asyncio.get_running_loop()
    family, _, _, _, address = (await loop.getaddrinfo(canary.host, None, type=socket.SOCK_STREAM))[0]
    try:
        echo = socket.socket(family, socket.SOCK_DGRAM, _ECHO[socket.AddressFamily(family)][0])
    except PermissionError:
        return await _connects_or_refuses(str(address[0]))
    with echo:
        return await _echoes(echo, address)


async def _connects(host: str, port: int) -> bool:
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, host, port)
    transport.abort()
    return True


async def _connects_or_refuses(host: str) -> bool:
    try:
        return await _connects(host, FALLBACK_PORT)
    except ConnectionRefusedError:
        return True


async def _echoes(echo: socket.socket, address: Any) -> bool:
    """The kernel fills in identifier and checksum, and hands us the replies to our own requests only."""
    loop = asyncio.get_running_loop()
    echo.setblocking(False)
    await loop.sock_connect(echo, address)
    await loop.sock_sendall(echo, struct.pack("!BBHHH", _ECHO[echo.family][1], 0, 0, 0, 1))
    return bool(await loop.sock_recv(echo, 64))


def default_gateway() -> Canary | None:
    """From the kernel's IPv4 routes; None where there is none, or no such table."""
    try:
        return gateway_in(_ROUTES.read_text(encoding="ascii"))
    except OSError:
        return None


def gateway_in(routes: str) -> Canary | None:
    """Of the default route with the lowest metric in the text of `/proc/net/route`."""
    lines = (line.split() for line in routes.splitlines()[1:])
    defaults = [
        (int(metric), gateway)
        for _, destination, gateway, flags, _, _, metric, mask, *_ in lines
        if int(destination, 16) == int(mask, 16) == 0 and int(flags, 16) & _GATEWAY_FLAGS == _GATEWAY_FLAGS
    ]
    if not defaults:
        return None
    number = int(min(defaults)[1], 16)
    return Canary(str(IPv4Address(number.to_bytes(4, "little"))))
