"""Counting what failed lately, in bounded memory: by user, by address."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network


class Failures:
    """Failures by key in windows that begin with the first one; the key that failed longest ago is forgotten first."""

    def __init__(self, window_ms: int, most: int) -> None:
        self._window_ms = window_ms
        self._most = most
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()  # key -> (window's begin, failures)

    def __len__(self) -> int:
        return len(self._counts)

    def window(self, key: str, now_ms: int) -> tuple[int, int]:
        """(begin, failures) of the window that holds `now_ms`; a clock set back begins a new one."""
        since_ms, count = self._counts.get(key, (now_ms, 0))
        return (since_ms, count) if 0 <= now_ms - since_ms < self._window_ms else (now_ms, 0)

    def add(self, key: str, now_ms: int) -> None:
        since_ms, count = self.window(key, now_ms)
        self._counts[key] = (since_ms, count + 1)
        self._counts.move_to_end(key)
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)

    def forget(self, key: str) -> None:
        self._counts.pop(key, None)


def network_of(address: str) -> str:
    """An IPv6 host has a whole /64 to itself; mapped IPv4 is IPv4."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed) >> 64 << 64, 64)))
