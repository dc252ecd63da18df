"""Numbers in text: how criteria write them, and the shortest form in which messages show them."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from vedette.domain.metrics import Value

_number = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_longest_exact_integer = 30  # characters; any 64-bit integer, and far from Python's limit of digits


def parse_number(text: str) -> int | float:
    """The number a numeric literal stands for: integers exactly, all others as doubles."""
    if len(text) <= _longest_exact_integer and text.lstrip("+-").isdigit():
        return int(text)
    return float(text)


def find_number(text: str) -> int | float | None:
    """The number a string metric's text is, None when it is none.

    A text is a number when a numeric literal may be written so; hence neither `inf` nor `NaN` is.
    """
    return parse_number(text) if _number.fullmatch(text) else None


def shortest(value: Value) -> str:
    """A value as text: text as it is, a number in its shortest decimal form (`200`, `2.5`).

    Doubles are written as ECMAScript writes numbers: plain from 1e-6 up to 1e21, else with an exponent.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _shortest_double(value)
    if abs(value) < 10**30:
        return str(value)
    return _shortest_double(as_double(value))


def is_nan(value: Value) -> bool:
    """Whether a value is NaN; of integers of any size and of texts too it can be asked."""
    return value != value  # noqa: PLR0124 -- math.isnan fails for integers beyond the doubles


def as_double(value: int) -> float:
    """The nearest double; an infinity for integers beyond the doubles."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _shortest_double(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    digits = repr(value)
    if 1e-6 <= abs(value) < 1e21:
        plain = format(Decimal(digits), "f") if "e" in digits else digits
        return plain.removesuffix(".0")
    mantissa, _, exponent = digits.partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
