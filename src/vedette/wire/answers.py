"""What agents answer to requests of ours, read tolerantly (wire protocol, 5.3, 5.4, 6.4 and 6.6)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from vedette.domain.metrics import Metric
from vedette.wire.envelope import DECODE_ERRORS, MalformedMessage
from vedette.wire.messages import LONGEST_STATUS
from vedette.wire.metrics import Pair, metrics_of, timestamp_ms

HOST_INFO = "host_info.get"
HOST_INFO_TYPES = "host_info_types.get"
SYSTEM_INFO = "system.info"
TARGETS = "check.targets"
TEST = "check.test"
UPGRADE = "upgrade.request"
_MOST_NAMES = 10_000
_LONGEST_NAME = 4_096
T = TypeVar("T")


class HostInfoAnswer(msgspec.Struct, frozen=True):
    """What an agent says of its host; whatever the type, it is passed through."""

    timestamp_ms: int | None  # the agent's clock; None where it has none
    metrics: msgspec.Raw  # JSON: an object, a list or a text
    error: str | None


class Tried(msgspec.Struct, frozen=True):
    """What a check said that was run once."""

    available: bool
    status: str
    metrics: dict[str, Metric]


class _HostInfo(msgspec.Struct, frozen=True):
    metrics: msgspec.Raw = msgspec.Raw(b"null")
    timestamp: Any = None
    error: Any = None


class _Types(msgspec.Struct, frozen=True):
    types: list[str]


class _Targets(msgspec.Struct, frozen=True):
    targets: list[str] = []


class _Tried(msgspec.Struct, frozen=True):
    state: str | None = None
    status: str | None = None
    metrics: list[Pair] | None = None


_host_info = msgspec.json.Decoder(_HostInfo)
_types = msgspec.json.Decoder(_Types)
_targets = msgspec.json.Decoder(_Targets | list[str])
_tried = msgspec.json.Decoder(_Tried)


def host_info_of(result: bytes) -> HostInfoAnswer:
    """Raises `MalformedMessage`."""
    found = _read(_host_info, result)
    at = found.timestamp if isinstance(found.timestamp, int | float | str) else None
    error = None if found.error is None else str(found.error)[:LONGEST_STATUS]
    return HostInfoAnswer(timestamp_ms(at), found.metrics, error)


def types_of(result: bytes) -> list[str]:
    """Upper-case names of what the host has. Raises `MalformedMessage`."""
    return _names(_read(_types, result).types)


def targets_of(result: bytes) -> list[str]:
    """None for a check type that has none: such agents answer with an empty list. Raises `MalformedMessage`."""
    found = _read(_targets, result)
    return _names(found.targets if isinstance(found, _Targets) else found)


def tried_of(result: bytes) -> Tried:
    """Raises `MalformedMessage`."""
    found = _read(_tried, result)
    is_available = (found.state or "available") == "available"
    return Tried(is_available, (found.status or "")[:LONGEST_STATUS], metrics_of(found.metrics or []))


def _names(given: list[str]) -> list[str]:
    return [name[:_LONGEST_NAME] for name in given[:_MOST_NAMES]]


def _read(decoder: msgspec.json.Decoder[T], result: bytes) -> T:
    try:
        return decoder.decode(result)
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"result: {error}"[:300]) from None
    except DECODE_ERRORS as error:
        raise MalformedMessage(f"result: {type(error).__name__}") from None
