"""Observations as a caller writes them down: `test-check` answers them, `test-alarm` takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.domain.attributes import Boolean, Integer, Text
from vedette.domain.faults import invalid
from vedette.domain.metrics import Metric, Value, type_letters

MOST_METRICS = 1000
_LETTERS = {**{letter: letter for letter in type_letters.values()}, **type_letters, "n": "D"}
_TEXT_TYPES = frozenset("sb")
_MOMENT = Integer(0, 253_370_764_800_000)
_ZONE = Text(1, 64)
_STATUS = Text(0, 16_384)
_NAME = Text(1, 256)
_DATA = Text(0, 32 * 1024)
_UNIT = Text(0, 255)
_NUMBER = "Expected a number, as text or as a number"


class CheckDatum(msgspec.Struct, frozen=True, kw_only=True):
    """One observation; what was left out is None."""

    timestamp: int | None
    monitoring_zone_id: str | None
    available: bool
    status: str
    metrics: dict[str, Metric]


def check_datum(given: Any, key: str) -> CheckDatum:
    """Raises the `badRequest` fault that names the member. What is not known is ignored."""
    if not isinstance(given, dict):
        raise invalid(key, "Expected an object")
    members: Mapping[str, Any] = {name: value for name, value in given.items() if value is not None}

    def member(name: str, type: Any, default: Any) -> Any:
        return type.parse(members[name], f"{key}.{name}") if name in members else default

    return CheckDatum(
        timestamp=member("timestamp", _MOMENT, None),
        monitoring_zone_id=member("monitoring_zone_id", _ZONE, None),
        available=member("available", Boolean(), True),
        status=member("status", _STATUS, ""),
        metrics=_metrics(members.get("metrics", {}), f"{key}.metrics"),
    )


def _metrics(given: Any, key: str) -> dict[str, Metric]:
    if given == []:
        return {}
    if not isinstance(given, dict) or len(given) > MOST_METRICS:
        raise invalid(key, f"Expected an object with between 0 and {MOST_METRICS} items")
    return {_NAME.parse(name, key): _metric(value, f"{key}.{name[:64]}") for name, value in given.items()}


def _metric(given: Any, key: str) -> Metric:
    if not isinstance(given, dict) or "data" not in given:
        raise invalid(key, "Expected an object with: type, data, unit")
    letter = _LETTERS.get(given.get("type", "s")) if isinstance(given.get("type", "s"), str) else None
    if letter is None:
        raise invalid(f"{key}.type", "Expected one of: " + ", ".join(sorted(set(_LETTERS.values()))))
    unit = _UNIT.parse(given.get("unit") or "unknown", f"{key}.unit")
    return Metric(letter, _value(letter, given["data"], f"{key}.data"), unit)


def _value(letter: str, data: Any, key: str) -> Value:
    if isinstance(data, bool):
        data = "true" if data else "false"
    if letter in _TEXT_TYPES:
        return _DATA.parse(str(data) if isinstance(data, int | float) else data, key)
    if isinstance(data, str):
        return _number(data, key)
    if not isinstance(data, int | float):
        raise invalid(key, _NUMBER)
    return data


def _number(text: str, key: str) -> int | float:
    """Infinities and NaN are numbers here: probes report them."""
    plain = text.strip()
    if not plain.isascii() or "_" in plain or len(plain) > 64:
        raise invalid(key, _NUMBER)
    try:
        return int(plain)
    except ValueError:
        pass
    try:
        return float(plain)
    except ValueError:
        raise invalid(key, _NUMBER) from None


def shown_metric(metric: Metric) -> dict[str, str]:
    """As it is answered: the value as text."""
    value = metric.value
    text = value if isinstance(value, str) else str(value)
    if isinstance(value, float) and value.is_integer() and math.fabs(value) < 1e15:
        text = str(int(value))
    return {"type": metric.type, "data": text, "unit": metric.unit}
