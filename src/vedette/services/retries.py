"""When a delivery is tried again, and when it is given up."""

from __future__ import annotations

from vedette.domain.history import Delivery
from vedette.domain.timeline import at_of

EXPIRY_MS = 24 * 3_600_000
"""A delivery that has not succeeded a day after it was written is given up."""

_first_ms = 2_000
_longest_ms = 3_600_000


def retry_at(now_ms: int, attempts: int, chance: float) -> int:
    """When attempt `attempts` + 1 is due: 2 s after the first failure, doubling up to an hour.

    Up to half of it is taken off by `chance` (0 <= chance < 1), so that receivers that came back are not hit by all
    at once.
    """
    delay_ms = min(_first_ms << min(attempts - 1, 20), _longest_ms)
    return now_ms + int(delay_ms * (1 - chance / 2))


def is_expired(delivery: Delivery, now_ms: int) -> bool:
    """Whether a delivery that has not succeeded yet is to be given up; its key says when it was written."""
    return now_ms - at_of(delivery.key) >= EXPIRY_MS
