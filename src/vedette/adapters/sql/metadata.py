"""Whether a stored object has the metadata that is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


class _Public(msgspec.Struct, frozen=True):
    """What is looked at of an object's JSON."""

    metadata: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Public).decode


def has_metadata(public: bytes, wanted: Iterable[tuple[str, str]]) -> bool:
    """Every key with the very value; what is not text is compared in its JSON form."""
    metadata = _decode(public).metadata or {}
    return all(key in metadata and _text(metadata[key]) == value for key, value in wanted)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
