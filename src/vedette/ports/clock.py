"""Time and chance, handed in."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], int]
"""Milliseconds since the epoch, UTC; taken once per operation."""

Entropy = Callable[[int], bytes]
"""`entropy(n)`: n random bytes fit for secrets."""
