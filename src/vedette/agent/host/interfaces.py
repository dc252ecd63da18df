"""Network interfaces: addresses, and what has passed through since the host started."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil

CLASS = Path("/sys/class/net")
_KINDS = {1: "Ethernet", 772: "Local Loopback"}
_KERNEL_COUNTERS = {
    "rx_frame": "rx_frame_errors",
    "rx_overruns": "rx_fifo_errors",
    "tx_overruns": "tx_fifo_errors",
    "tx_collisions": "collisions",
    "tx_carrier": "tx_carrier_errors",
}
"""Our names, and those of the kernel's files."""


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    name: str
    type: str
    link: str  # `up`, `down` or `unknown`
    mtu: int
    flags: int
    hwaddr: str
    address: str
    netmask: str
    broadcast: str
    address6: str | None
    counters: dict[str, int]  # by the names of agent.network


def interfaces() -> dict[str, Interface]:
    """By name, in the system's order."""
    states, addresses = psutil.net_if_stats(), psutil.net_if_addrs()
    return {
        name: _interface(name, states.get(name), addresses.get(name, ()), passed)
        for name, passed in psutil.net_io_counters(pernic=True).items()
    }


def _interface(name: str, state: Any, addresses: Sequence[Any], passed: Any) -> Interface:
    by_family = {one.family: one for one in reversed(addresses)}  # of several the first counts
    inet, inet6, link = (by_family.get(one) for one in (socket.AF_INET, socket.AF_INET6, psutil.AF_LINK))
    return Interface(
        name=name,
        type=_KINDS.get(_number(name, "type"), "Unknown"),
        link="unknown" if state is None else "up" if state.isup else "down",
        mtu=0 if state is None else state.mtu,
        flags=_number(name, "flags"),
        hwaddr="00:00:00:00:00:00" if link is None else link.address,
        address="0.0.0.0" if inet is None else inet.address,  # noqa: S104 - what is shown where there is none
        netmask=(inet and inet.netmask) or "0.0.0.0",  # noqa: S104
        broadcast=(inet and inet.broadcast) or "0.0.0.0",  # noqa: S104
        address6=None if inet6 is None else str(inet6.address).partition("%")[0],
        counters=_counters(name, passed),
    )


def _counters(name: str, passed: Any) -> dict[str, int]:
    found: Mapping[str, int] = {
        "rx_bytes": passed.bytes_recv,
        "rx_packets": passed.packets_recv,
        "rx_errors": passed.errin,
        "rx_dropped": passed.dropin,
        "tx_bytes": passed.bytes_sent,
        "tx_packets": passed.packets_sent,
        "tx_errors": passed.errout,
        "tx_dropped": passed.dropout,
    }
    own = {ours: _number(name, f"statistics/{theirs}") for ours, theirs in _KERNEL_COUNTERS.items()}
    return {**found, **own}


def _number(name: str, file: str) -> int:
    """One of the kernel's, 0 on a system without them."""
    try:
        return int((CLASS / name / file).read_text("ascii").strip(), 0)
    except (OSError, ValueError):
        return 0
