"""Typed ids. Objects have a two-letter prefix and ten letters or digits (reference: concepts, "ID or Id")."""

from __future__ import annotations

from collections.abc import Callable
from typing import NewType

TenantId = NewType("TenantId", str)
EntityId = NewType("EntityId", str)
CheckId = NewType("CheckId", str)
AlarmId = NewType("AlarmId", str)
ZoneId = NewType("ZoneId", str)
AgentId = NewType("AgentId", str)
PlanId = NewType("PlanId", str)
NotificationId = NewType("NotificationId", str)

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Entropy = Callable[[int], bytes]
"""`entropy(n)` gives n random bytes; the operating system's in production, seeded in tests."""


def object_id(prefix: str, entropy: Entropy) -> str:
    """A new id such as `enA1b2C3d4E5`: 62^10 values, so chance meetings need 10^9 objects."""
    number = int.from_bytes(entropy(8)) % len(ALPHABET) ** 10
    letters = []
    for _ in range(10):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return prefix + "".join(letters)
