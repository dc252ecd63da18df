"""Chance and time that tests decide."""

from __future__ import annotations

from itertools import count


class FakeClock:
    """Milliseconds; moves only when told."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class FakeEntropy:
    """A counter: different bytes each time, the same in each run."""

    def __init__(self) -> None:
        self._count = count(1)

    def __call__(self, n: int) -> bytes:
        return next(self._count).to_bytes(max(n, 8))[-n:]
