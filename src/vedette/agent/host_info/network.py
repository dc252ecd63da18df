"""NETWORK, CONNECTIONS, IP4ROUTES, IP6ROUTES and REMOTE_SERVICES."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import msgspec
import psutil

from vedette.agent.host.interfaces import interfaces

_ROUTES4, _ROUTES6 = Path("/proc/net/route"), Path("/proc/net/ipv6_route")
_FLAGS4 = ((1, "U"), (2, "G"), (4, "H"), (0x200, "!"))
_LISTENING = {"LISTEN", "NONE"}


def network() -> list[dict[str, Any]]:
    """Addresses and counters of each interface."""
    found = [msgspec.structs.asdict(one) for one in interfaces().values()]
    return [_without_nothing({**one, **one.pop("counters"), "link": None}) for one in found]


def _without_nothing(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None and name != "counters"}


def ip4routes() -> list[dict[str, Any]]:
    """The kernel's routing table, as netstat prints it."""
    rows = [line.split() for line in _ROUTES4.read_text("ascii").splitlines()[1:]]
    return [
        {
            "destination": _address4(row[1]),
            "gateway": _address4(row[2]),
            "genmask": _address4(row[7]),
            "flags": "".join(letter for bit, letter in _FLAGS4 if int(row[3], 16) & bit),
            "mss": row[8],
            "window": row[9],
            "irtt": row[10],
            "iface": row[0],
        }
        for row in rows
        if len(row) > 10
    ]


def _address4(text: str) -> str:
    """The file has addresses in the byte order of the host."""
    return str(IPv4Address(struct.pack("=I", int(text, 16))))


def ip6routes() -> list[dict[str, Any]]:
    """The same for IPv6."""
    rows = [line.split() for line in _ROUTES6.read_text("ascii").splitlines()]
    return [
        {
            "destination": f"{IPv6Address(int(row[0], 16))}/{int(row[1], 16)}",
            "next_hop": str(IPv6Address(int(row[4], 16))),
            "flag": "".join(letter for bit, letter in _FLAGS4 if int(row[8], 16) & bit),
            "met": str(int(row[5], 16)),
            "ref": str(int(row[6], 16)),
            "use": str(int(row[7], 16)),
            "iface": row[9],
        }
        for row in rows
        if len(row) > 9
    ]


def connections() -> list[dict[str, Any]]:
    """Who is connected to this host or listens on it, and by which of its ports."""
    ports: dict[str, set[int]] = {}
    found: list[Any] = list(psutil.net_connections("tcp"))
    for one in found:
        ports.setdefault(one.raddr.ip if one.raddr else one.laddr.ip, set()).add(one.laddr.port)
    return [{"address": address, "ports": sorted(numbers)} for address, numbers in sorted(ports.items())]


def remote_services() -> list[dict[str, Any]]:
    """Who listens for connections; another user's process is known to the superuser only."""
    return [_service(one) for one in psutil.net_connections("inet") if one.status in _LISTENING]


def _service(one: Any) -> dict[str, Any]:
    kind = "tcp" if one.type == socket.SOCK_STREAM else "udp"
    try:
        process = "-" if one.pid is None else psutil.Process(one.pid).name()
    except psutil.Error:
        process = "-"
    return {
        "protocol": kind + ("6" if one.family == socket.AF_INET6 else ""),
        "local_addr": f"{one.laddr.ip}:{one.laddr.port}",
        "foreign_addr": f"{one.raddr.ip}:{one.raddr.port}" if one.raddr else "*:*",
        "state": "" if one.status == "NONE" else one.status,
        "pid": "-" if one.pid is None else str(one.pid),
        "proccess": process,  # the protocol's spelling
    }
