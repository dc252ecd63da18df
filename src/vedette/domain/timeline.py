"""Ids of time series: UUIDs of version 1 layout, kept as a sortable 16-byte key.

Old clients parse the ids of audits, changelogs and notification history as version 1 UUIDs. Their text does not sort
by time, so stores keep `timestamp (60 bits), clock sequence, node` in that order and pages compare those bytes.
"""

from __future__ import annotations

import re

from vedette.domain.ids import Entropy

_EPOCH_OFFSET = 0x01B21DD213814000  # 100 ns units between 1582-10-15 and 1970-01-01
KEY_BYTES = 16
_UUID = re.compile("[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")


def new_key(now_ms: int, entropy: Entropy) -> bytes:
    """A fresh key at `now_ms`; its last 8 bytes are random but for the variant bits: any process may make one."""
    ticks = now_ms * 10_000 + _EPOCH_OFFSET
    random = entropy(8)
    return ticks.to_bytes(8) + bytes((random[0] & 0x3F | 0x80,)) + random[1:]


def uuid_of(key: bytes) -> str:
    """The version 1 UUID text of a 16-byte key."""
    ticks = int.from_bytes(key[:8])
    low, mid, high = ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF
    return f"{low:08x}-{mid:04x}-1{high:03x}-{key[8:10].hex()}-{key[10:].hex()}"


def key_of(uuid: str) -> bytes | None:
    """The 16-byte key of a UUID text, None where the text is none; the inverse of `uuid_of` for ids we gave out."""
    if _UUID.fullmatch(uuid) is None:
        return None
    low, mid, high, sequence, node = uuid.split("-")
    ticks = (int(high, 16) & 0x0FFF) << 48 | int(mid, 16) << 32 | int(low, 16)
    return ticks.to_bytes(8) + bytes.fromhex(sequence + node)


def key_at(now_ms: int) -> bytes:
    """The lowest key of a moment: where a page that begins at `now_ms` begins."""
    return (max(now_ms, 0) * 10_000 + _EPOCH_OFFSET).to_bytes(8) + bytes(8)


def at_of(key: bytes) -> int:
    """The moment of a key in milliseconds."""
    return (int.from_bytes(key[:8]) - _EPOCH_OFFSET) // 10_000
