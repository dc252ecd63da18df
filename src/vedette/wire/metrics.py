"""Metrics as agents write them, and as we keep them.

A value is text, with a type. Integers come in decimal, in hexadecimal (two's complement for signed ones), or, large
ones, with an exponent; `nan` and `inf` occur; a type may change from one post to the next. Nothing of that is refused:
a number that does not fit its type keeps its value and takes a type that holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from vedette.domain.metrics import Metric, Value, type_letters
from vedette.wire.envelope import MalformedMessage

MOST_METRICS = 1_000
LONGEST_METRIC_NAME = 256
LONGEST_TEXT = 4_096
LONGEST_UNIT = 64
LONGEST_NUMBER = 64
_UNSIGNED = "IL"
_WIRE_TYPES = {letter: name for name, letter in type_letters.items() if name != "gauge"}


class WireMetric(msgspec.Struct, frozen=True, omit_defaults=True):
    """One metric on the wire; `v` is text with every known client."""

    t: str | None = None
    v: str | bool | int | float | None = None
    u: str | None = None


Pair = tuple[str | None, dict[str, WireMetric] | list[Any]]
"""A dimension (None for none) and its metrics; an empty map may come as an empty list."""


def metrics_of(pairs: Iterable[Pair]) -> dict[str, Metric]:
    """By their API name, `dimension.name`; of one name the last counts. Raises `MalformedMessage`."""
    metrics: dict[str, Metric] = {}
    for dimension, named in pairs:
        if isinstance(named, list):
            if named:
                raise MalformedMessage("metrics: expected a map of names in a pair")
            continue
        for name, metric in named.items():
            metrics[_name(dimension, name)] = metric_of(metric)
    if len(metrics) > MOST_METRICS:
        raise MalformedMessage(f"metrics: expected at most {MOST_METRICS}, got {len(metrics)}")
    return metrics


def _name(dimension: str | None, name: str) -> str:
    full = f"{dimension}.{name}" if dimension else name
    if not 0 < len(full) <= LONGEST_METRIC_NAME:
        raise MalformedMessage(f"metrics: expected names of 1 to {LONGEST_METRIC_NAME} characters")
    return full


def metric_of(metric: WireMetric) -> Metric:
    """One metric with its one-letter type."""
    letter = type_letters.get(metric.t or "string", "s")
    text = _text(metric)
    unit = (metric.u or "")[:LONGEST_UNIT] or "unknown"
    if letter in "sb":
        return Metric(letter, text[:LONGEST_TEXT], unit)
    number = number_of(text)
    if number is None:  # plugins may call anything a number: it is kept as what it is
        return Metric("s", text[:LONGEST_TEXT], unit)
    return Metric(*_typed(letter, number, is_hex="x" in text.lower()), unit)


def _text(metric: WireMetric) -> str:
    if isinstance(metric.v, bool):
        return "true" if metric.v else "false"
    return "" if metric.v is None else str(metric.v)


def wire_metric(metric: Metric) -> WireMetric:
    """A metric as we write it ourselves: decimal, and a double in the shortest form that reads back the same."""
    value = metric.value
    text = repr(value) if isinstance(value, float) else str(value)
    return WireMetric(_WIRE_TYPES[metric.type], text, metric.unit)


def number_of(text: str) -> int | float | None:
    """Decimal, `0x` hexadecimal, exponent form, `.5`, `nan`, `-nan`, `inf`; None where it is no number."""
    plain = text.strip()
    if not plain.isascii() or "_" in plain or not 0 < len(plain) <= LONGEST_NUMBER:
        return None
    for read in (_integer, float):
        try:
            return read(plain)
        except ValueError:
            continue
    return None


def _integer(text: str) -> int:
    return int(text, 16) if "x" in text.lower() else int(text)


def _typed(letter: str, number: float, *, is_hex: bool) -> tuple[str, Value]:
    """The number under the type that holds it: its own, else signed or unsigned 64 bits, else double."""
    if letter == "D":
        return "D", _double(number)
    if isinstance(number, float):
        if not math.isfinite(number) or number != math.floor(number):
            return "D", number
        number = int(number)
    if is_hex and letter not in _UNSIGNED and 2**63 <= number < 2**64:
        number -= 2**64
    return _fitting(letter, number)


def _fitting(letter: str, number: int) -> tuple[str, Value]:
    if -(2**63) <= number < 2**63:
        return ("l" if number < 0 and letter in _UNSIGNED else letter), number
    return ("L", number) if 0 <= number < 2**64 else ("D", _double(number))


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def timestamp_ms(value: float | str | None) -> int | None:
    """Milliseconds since the epoch; agents before 2015 sent seconds. None where there is no usable time."""
    number = number_of(value) if isinstance(value, str) else value
    if number is None or not 0 < number < 1e15:
        return None
    return int(number * 1000) if number < 1e11 else int(number)
