"""Failed log-ins are counted per (user, address) and per address, which end in 429, and per user, which only slows.

So nobody can lock a user out from elsewhere. The counts live in memory, as many as `_MAX_COUNTS` of each kind.
"""

from __future__ import annotations

from vedette.domain.faults import Fault
from vedette.services.failures import Failures, network_of

WINDOW_MS = 5 * 60_000
PAIR_LIMIT = 10
ADDRESS_LIMIT = 100
_FREE_FAILURES = 5  # of one user in a window before its log-ins become slow
_SLOW_STEP_S = 0.25
_SLOWEST_S = 2.0
_MAX_COUNTS = 10_000


class LogInLimits:
    """What failed lately, and what follows from it for the next log-in."""

    def __init__(self) -> None:
        self._pairs = Failures(WINDOW_MS, _MAX_COUNTS)
        self._addresses = Failures(WINDOW_MS, _MAX_COUNTS)
        self._users = Failures(WINDOW_MS, _MAX_COUNTS)

    def admit(self, user: str, address: str, now_ms: int) -> float:
        """Seconds this log-in should wait first. Raises the fault 429 where it has to wait for the window's end."""
        network = network_of(address)
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
        network = network_of(address)
        self._pairs.add(_pair(user, network), now_ms)
        self._addresses.add(network, now_ms)
        self._users.add(_short(user), now_ms)

    def succeeded(self, user: str, address: str) -> None:
        """Only the pair is forgiven: an account of one's own must not pay for guessing another's."""
        self._pairs.forget(_pair(user, network_of(address)))


def _pair(user: str, network: str) -> str:
    return f"{network} {_short(user)}"


def _short(user: str) -> str:
    """No real name is longer; what an attacker sends must not fill the memory."""
    return user[:64]


def _too_many(wait_ms: int) -> Fault:
    seconds = str(-(-wait_ms // 1000))
    return Fault(
        "rateLimitReached",
        "Too many failed log-ins",
        f"Try again in {seconds} seconds",
        headers={"Retry-After": seconds, "Reply-After": seconds},
    )
