"""Traceroutes by UDP, without any privilege: Linux tells a socket of the ICMP errors that its packets met.

(ip(7), IP_RECVERR.) All hops are asked at once, three times over: one packet each, every one from a socket of its own.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address

import msgspec

from vedette.ports.probing import Address
from vedette.ports.tracing import Hop

MOST_HOPS = 30
TRIES = 3
PATIENCE_S = 1.5  # for the answers of one try
FIRST_PORT = 33434  # what traceroutes use: nobody listens there

_MSG_ERRQUEUE = 0x2000
_ERROR = struct.Struct("=IBBBBII")  # errno, origin, type, code, pad, info, data
_ECONNREFUSED = 111
_V4, _V6 = 4, 6


class _Family(msgspec.Struct, frozen=True):
    family: socket.AddressFamily
    level: int
    hops_option: int
    errors_option: int
    address_at: int  # in the socket address that follows the error
    address_length: int


_FAMILIES = {
    _V4: _Family(socket.AF_INET, socket.IPPROTO_IP, socket.IP_TTL, 11, 4, 4),
    _V6: _Family(socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 25, 8, 16),
}


class _Answer(msgspec.Struct, frozen=True):
    number: int
    ip: str
    rtt_ms: float
    is_last: bool


def can_trace() -> bool:
    """Whether this system tells of ICMP errors."""
    return sys.platform == "linux"


async def trace(address: Address) -> Sequence[Hop]:
    """See `ports.tracing.Trace`; takes a few seconds, in a thread."""
    return await asyncio.to_thread(_trace, address)


def _trace(address: Address) -> list[Hop]:
    answers: list[_Answer] = []
    furthest = MOST_HOPS
    for number in range(TRIES):
        answers += _ask(address, furthest, FIRST_PORT + number * MOST_HOPS)
        furthest = min((answer.number for answer in answers if answer.is_last), default=MOST_HOPS)
    return _hops(answers, furthest)


def _hops(answers: Sequence[_Answer], furthest: int) -> list[Hop]:
    """What lies beyond the last router that answered is one silent hop, unless that was the end of the way."""
    heard = [answer for answer in answers if answer.number <= furthest]
    ends = any(answer.is_last for answer in heard)
    last = furthest if ends else min(MOST_HOPS, max((answer.number for answer in heard), default=0) + 1)
    hops = []
    for number in range(1, last + 1):
        rtts: dict[str, list[float]] = {}
        for answer in heard:
            if answer.number == number:
                rtts.setdefault(answer.ip, []).append(round(answer.rtt_ms, 3))
        hops += [Hop(number=number, ip=ip, rtts=tuple(each)) for ip, each in rtts.items()] or [
            Hop(number=number, ip="*")
        ]
    return hops


def _ask(address: Address, furthest: int, first_port: int) -> list[_Answer]:
    """One packet to every hop; what came back in time."""
    family = _FAMILIES[address.version]
    answers: list[_Answer] = []
    with ExitStack() as opened:
        poll = select.poll()
        waiting: dict[int, tuple[int, socket.socket, float]] = {}
        for number in range(1, furthest + 1):
            asking = opened.enter_context(socket.socket(family.family, socket.SOCK_DGRAM))
            asking.setblocking(False)
            asking.setsockopt(family.level, family.errors_option, 1)
            asking.setsockopt(family.level, family.hops_option, number)
            asking.connect((str(address), first_port + number - 1))
            waiting[asking.fileno()] = (number, asking, time.monotonic())
            poll.register(asking, select.POLLIN)
            asking.send(bytes(32))
        until = time.monotonic() + PATIENCE_S
        while waiting and (left := until - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left * 1000):
                poll.unregister(descriptor)
                number, asking, sent = waiting.pop(descriptor)
                answers += _read(asking, family, address, (number, (time.monotonic() - sent) * 1000))
    return answers


def _read(asking: socket.socket, family: _Family, target: Address, when: tuple[int, float]) -> list[_Answer]:
    """Who sent the error. An error of our own system, or an answer by data, has no sender there."""
    number, rtt_ms = when
    try:
        _, ancillary, _, _ = asking.recvmsg(0, 512, _MSG_ERRQUEUE)
    except BlockingIOError:  # somebody listens at that port, and answered
        return [_Answer(number, str(target), rtt_ms, is_last=True)]
    for level, kind, data in ancillary:
        sender = data[_ERROR.size + family.address_at :][: family.address_length]
        if (level, kind) == (family.level, family.errors_option) and len(sender) == family.address_length:
            problem = _ERROR.unpack_from(data)[0]
            ip = IPv4Address(sender) if target.version == _V4 else IPv6Address(sender)
            if int(ip):
                return [_Answer(number, str(ip), rtt_ms, is_last=problem == _ECONNREFUSED or ip == target)]
    return []
