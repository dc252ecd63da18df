"""Folding: points become the statistics of their window, exactly, in any grouping and order.

Sums are whole numbers (see `decimals`), so nothing is rounded until the statistics are asked for, and each of those
is the double nearest to the true result.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import reduce

import msgspec

from vedette.rollups.decimals import decimal_of, scaled


class Rollup(msgspec.Struct, frozen=True):
    """The statistics of the numbers in one window."""

    at_ms: int  # the window's beginning
    num_points: int
    average: int | float
    variance: int | float  # of the whole population
    min: int | float
    max: int | float


class Fold(msgspec.Struct, frozen=True):
    """What is known of some numbers, so that it can be joined with what is known of others.

    NaN is no number and not counted. Infinities are counted, and are `low` or `high`; the sums are of the others.
    """

    count: int = 0
    places: int = 0  # of decimals: what the sums are in units of
    total: int = 0
    squares: int = 0  # in units of twice as many decimals
    low: int | float = math.inf
    high: int | float = -math.inf


NOTHING = Fold()


def fold(values: Sequence[float]) -> Fold:
    """Of numbers in any order."""
    numbers = [value for value in values if value == value]  # noqa: PLR0124 - NaN is not equal to itself
    whole, places = in_one_unit(numbers)
    return folded(numbers, whole, places)


def in_one_unit(values: Sequence[float]) -> tuple[Sequence[int], int]:
    """`(whole, places)` with `value == whole / 10 ** places` of each number; an infinity counts as 0."""
    types = set(map(type, values))
    if types <= {int}:
        return [int(value) for value in values], 0
    if types == {float} and (found := scaled(values)) is not None:
        return found
    decimals = [decimal_of(value) if math.isfinite(value) else (0, 0) for value in values]
    places = max([0, *[-power for _, power in decimals]])
    return [whole * power_of_ten(power + places) for whole, power in decimals], places


def folded(values: Sequence[float], whole: Sequence[int], places: int) -> Fold:
    """Of numbers without NaN, given also in one unit."""
    if not values:
        return NOTHING
    return Fold(len(values), places, sum(whole), sum([one * one for one in whole]), min(values), max(values))


def merge(one: Fold, other: Fold) -> Fold:
    """Of the numbers of both."""
    places = max(one.places, other.places)
    mine, others = power_of_ten(places - one.places), power_of_ten(places - other.places)
    return Fold(
        one.count + other.count,
        places,
        one.total * mine + other.total * others,
        one.squares * mine * mine + other.squares * others * others,
        min(one.low, other.low),
        max(one.high, other.high),
    )


def merged(folds: Iterable[Fold]) -> Fold:
    """Of the numbers of all."""
    return reduce(merge, folds, NOTHING)


def statistics(at_ms: int, known: Fold) -> Rollup | None:
    """Of the window that begins at `at_ms`; None where there is no number."""
    if known.count == 0:
        return None
    return Rollup(at_ms, known.count, average(known), variance(known), known.low, known.high)


def average(known: Fold) -> int | float:
    """An integer where it is one and the least and the greatest number are: nothing of 64 bits is lost."""
    low, high = known.low, known.high
    if low == high:
        return low
    if math.isinf(low) or math.isinf(high):
        return low + high if math.isinf(low) and math.isinf(high) else low if math.isinf(low) else high
    if isinstance(low, int) and isinstance(high, int):
        whole, rest = divmod(known.total, known.count * power_of_ten(known.places))
        if rest == 0:
            return whole
    return _quotient(known.total, known.count * power_of_ten(known.places))


def variance(known: Fold) -> int | float:
    """Of the whole population; NaN where a number is infinite."""
    if known.low == known.high and math.isfinite(known.low):
        return 0
    if math.isinf(known.low) or math.isinf(known.high):
        return math.nan
    return _quotient(deviation(known), (known.count * power_of_ten(known.places)) ** 2)


def deviation(known: Fold) -> int:
    """The variance times the square of the count, in the unit of the squares: a whole number."""
    return known.count * known.squares - known.total * known.total


def power_of_ten(power: int) -> int:
    """Of a power that is not negative."""
    result: int = 10**power
    return result


def _quotient(above: int, below: int) -> float:
    """The double nearest to it."""
    try:
        return above / below
    except OverflowError:
        return math.inf if above > 0 else -math.inf
