"""Failed handshakes are counted by address: each further one is told so later, and who guesses on is not let in.

A good token is never kept waiting: only refusals are slow, and no slower than stock agents wait for an answer. Only
guessing, that is tokens that never were, a different one each time, closes an address, and only to the window's end:
agents that go on trying a token that was deleted do not lock out others behind the same address. Counts live in memory.
"""

from __future__ import annotations

from vedette.services.failures import Failures, network_of

WINDOW_MS = 60_000
FREE_FAILURES = 3
SLOW_STEP_S = 0.25
SLOWEST_S = 4.0
"""Stock agents give up after 6 s of silence."""
MOST_GUESSES = 100
_MAX_COUNTS = 10_000


class HandshakeLimits:
    """What failed lately, by IPv4 address or IPv6 /64, and what follows from it. Times are steady milliseconds."""

    def __init__(self) -> None:
        self._failures = Failures(WINDOW_MS, _MAX_COUNTS)
        self._guesses = Failures(WINDOW_MS, _MAX_COUNTS)
        self._tokens = Failures(WINDOW_MS, _MAX_COUNTS)

    def admits(self, ip: str, now_ms: int) -> bool:
        """Whether a connection from there is taken at all."""
        return self._guesses.window(network_of(ip), now_ms)[1] < MOST_GUESSES

    def failed(self, ip: str, guess: str | None, now_ms: int) -> float:
        """A handshake failed; the seconds after which its peer is told. `guess` is a token that is not known."""
        network = network_of(ip)
        self._failures.add(network, now_ms)
        if guess is not None:
            self._guessed(network, guess, now_ms)
        failures = self._failures.window(network, now_ms)[1]
        return min(max(failures - FREE_FAILURES, 0) * SLOW_STEP_S, SLOWEST_S)

    def _guessed(self, network: str, guess: str, now_ms: int) -> None:
        key = f"{network} {hash(guess)}"
        if not self._tokens.window(key, now_ms)[1]:
            self._guesses.add(network, now_ms)
        self._tokens.add(key, now_ms)
