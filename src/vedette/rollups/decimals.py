"""Doubles as the decimal numbers they are written as.

A double stands for the shortest decimal that reads as it: `0.1` is a tenth. So sums of readings are sums of whole
numbers, exact and in any order, and a reading of few digits is a small whole number to be stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

_MOST_DIGITS = 15  # a decimal of so many digits is the shortest one of its double
_LARGEST = 10**_MOST_DIGITS
_SAMPLE = 4


def decimal_of(value: float) -> tuple[int, int]:
    """`(m, e)` with `value == m * 10 ** e`, m with no zero at its end; the value is finite."""
    if isinstance(value, int):
        return value, 0
    mantissa, _, power = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    return int(whole + fraction), int(power or 0) - len(fraction)


def scaled(values: Sequence[float]) -> tuple[list[int], int] | None:
    """`(whole, places)` with `value == whole / 10 ** places` of each finite double.

    `places` is the least that will do. None where one of them has more than 15 digits, or is not finite.
    """
    if not values:
        return [], 0
    places = 0
    for value in islice(values, 0, None, len(values) // _SAMPLE + 1):
        places = max(places, _places(value))
    found = _in_units(values, places)
    if found is None and places <= _MOST_DIGITS:
        places = max(map(_places, values))
        found = _in_units(values, places)
    return None if found is None else (found, places)


def _in_units(values: Sequence[float], places: int) -> list[int] | None:
    if places > _MOST_DIGITS:
        return None
    power = 10**places
    try:
        whole = [round(value * power) for value in values]
    except (OverflowError, ValueError):  # not finite
        return None
    is_exact = [one / power for one in whole] == values and min(whole) > -_LARGEST and max(whole) < _LARGEST
    return whole if is_exact else None


def _places(value: float) -> int:
    try:
        return max(-decimal_of(value)[1], 0)
    except ValueError:  # not finite
        return _MOST_DIGITS + 1
