"""Failed log-ins are counted per (user, address) and per address, which end in 429, and per user, which only slows.

So nobody can lock a user out from elsewhere. The counts live in memory, as many as `_MAX_COUNTS` of each kind.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network

from vedette.domain.faults import Fault

WINDOW_MS = 5 * 60_000
PAIR_LIMIT = 10
ADDRESS_LIMIT = 100
_FREE_FAILURES = 5  # of one user in a window before its log-ins become slow
_SLOW_STEP_S = 0.25
_SLOWEST_S = 2.0
_MAX_COUNTS = 10_000


class _Failures:
    """Failures by key in windows that begin with the first one; the key that failed longest ago is forgotten first."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()  # key -> (window's begin, failures)

    def __len__(self) -> int:
        return len(self._counts)

    def window(self, key: str, now_ms: int) -> tuple[int, int]:
        """(begin, failures) of the window that holds `now_ms`; a clock set back begins a new one."""
        since_ms, count = self._counts.get(key, (now_ms, 0))
        return (since_ms, count) if 0 <= now_ms - since_ms < WINDOW_MS else (now_ms, 0)

    def add(self, key: str, now_ms: int) -> None:
        since_ms, count = self.window(key, now_ms)
        self._counts[key] = (since_ms, count + 1)
        self._counts.move_to_end(key)
        if len(self._counts) > _MAX_COUNTS:
            self._counts.popitem(last=False)

    def forget(self, key: str) -> None:
        self._counts.pop(key, None)


class LogInLimits:
    """What failed lately, and what follows from it for the next log-in."""

    def __init__(self) -> None:
        self._pairs = _Failures()
        self._addresses = _Failures()
        self._users = _Failures()

    def admit(self, user: str, address: str, now_ms: int) -> float:
        """Seconds this log-in should wait first. Raises the fault 429 where it has to wait for the window's end."""
        network = _network(address)
        for failures, key, limit in (
            (self._pairs, _pair(user, network), PAIR_LIMIT),
            (self._addresses, network, ADDRESS_LIMIT),
        ):
            since_ms, count = failures.window(key, now_ms)
            if count >= limit:
                raise _too_many(since_ms + WINDOW_MS - now_ms)
        _, count = self._users.window(_short(user), now_ms)
        return min(max(count - _FREE_FAILURES, 0) * _SLOW_STEP_S, _SLOWEST_S)

    def failed(self, user: str, address: str, now_ms: int) -> None:
        network = _network(address)
        self._pairs.add(_pair(user, network), now_ms)
        self._addresses.add(network, now_ms)
        self._users.add(_short(user), now_ms)

    def succeeded(self, user: str, address: str) -> None:
        """Only the pair is forgiven: an account of one's own must not pay for guessing another's."""
        self._pairs.forget(_pair(user, _network(address)))


def _pair(user: str, network: str) -> str:
    return f"{network} {_short(user)}"


def _short(user: str) -> str:
    """No real name is longer; what an attacker sends must not fill the memory."""
    return user[:64]


def _network(address: str) -> str:
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


def _too_many(wait_ms: int) -> Fault:
    seconds = str(-(-wait_ms // 1000))
    return Fault(
        "rateLimitReached",
        "Too many failed log-ins",
        f"Try again in {seconds} seconds",
        headers={"Retry-After": seconds, "Reply-After": seconds},
    )
