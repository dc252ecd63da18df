"""How long to wait before the next try to connect."""

from __future__ import annotations

FIRST_S = 1.0
MOST_S = 20.0
"""The feature `fast_reconnect` promises to be back within half a minute."""
REFUSED_S = 30.0


class Backoff:
    """Doubles from 1 s to 20 s; half of each wait is chance, so that many agents do not come at once."""

    def __init__(self) -> None:
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, chance: float) -> float:
        """Seconds; `chance` is in [0, 1)."""
        wait = min(FIRST_S * 2.0**self._failures, MOST_S)
        self._failures = min(self._failures + 1, 10)
        return wait * (0.5 + chance / 2)

    def refused(self, chance: float) -> float:
        """A server that does not want us is asked slowly."""
        return REFUSED_S * (1 + chance)
