"""Folding in any grouping and order is the naive computation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.rollups.decimals import decimal_of, scaled
from vedette.rollups.folding import NOTHING, Fold, fold, merge, merged, statistics
from vedette.rollups.resolutions import ROLLED_UP, Resolution
from vedette.rollups.windows import coarser, rolled_up

INTEGERS = st.integers(-(2**63), 2**64 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
READINGS = st.decimals(-1000, 1000, places=3).map(float)
NUMBERS = INTEGERS | FINITE | READINGS
LISTS = st.lists(NUMBERS) | st.lists(INTEGERS) | st.lists(READINGS)


def naive(numbers: Sequence[float]) -> tuple[int, float, float, float, float]:
    exact = [Fraction(repr(number)) for number in numbers]
    average = sum(exact, Fraction()) / len(exact)
    variance = sum([(one - average) ** 2 for one in exact], Fraction()) / len(exact)
    return len(numbers), nearest(average), nearest(variance), min(numbers), max(numbers)


def nearest(exact: Fraction) -> float:
    if exact.denominator == 1:
        return exact.numerator
    try:
        return exact.numerator / exact.denominator
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def seen(known: Fold) -> tuple[int, float, float, float, float]:
    rollup = statistics(0, known)
    assert rollup is not None
    return rollup.num_points, rollup.average, rollup.variance, rollup.min, rollup.max


def equal(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """A double may stand for a whole number beyond its digits, and overflow."""
    return all(a == b or (isinstance(b, int) and a == _double(b)) for a, b in zip(one, other, strict=True))


def _double(whole: int) -> float:
    try:
        return float(whole)
    except OverflowError:
        return math.inf if whole > 0 else -math.inf


@given(LISTS.filter(len))
def test_a_fold_has_the_naive_statistics(numbers: list[float]) -> None:
    assert equal(seen(fold(numbers)), naive(numbers))


@given(LISTS.filter(len), st.randoms(use_true_random=False))
def test_grouping_and_order_do_not_matter(numbers: list[float], random: Random) -> None:
    groups = [fold([number]) for number in numbers]
    random.shuffle(groups)
    while len(groups) > 1:
        one, other = groups.pop(random.randrange(len(groups))), groups.pop(random.randrange(len(groups)))
        groups.append(merge(one, other))
    assert seen(groups[0]) == seen(fold(numbers))


@given(LISTS, LISTS)
def test_nothing_changes_nothing(one: list[float], other: list[float]) -> None:
    assert merge(fold(one), NOTHING) == fold(one)
    assert statistics(0, merged([fold(one), fold(other)])) == statistics(0, merge(fold(other), fold(one)))


def test_what_is_no_number_is_not_counted_and_what_is_infinite_is() -> None:
    nan, inf = math.nan, math.inf
    assert statistics(0, fold([nan, nan])) is None
    assert seen(fold([nan, 3, 5.0])) == (2, 4, 1, 3, 5)
    for numbers, average, low, high in [([1, inf], inf, 1, inf), ([-inf, 1, nan], -inf, -inf, 1)]:
        count, mean, variance, least, most = seen(fold(numbers))
        assert (count, mean, least, most) == (2, average, low, high)
        assert math.isnan(variance)
    assert math.isnan(seen(fold([-inf, inf]))[1])
    assert seen(fold([inf, inf]))[1] == inf


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 0.1, 5e-324, 1.7976931348623157e308])
def test_a_steady_metric_is_its_own_average(number: float) -> None:
    assert seen(fold([number] * 7)) == (7, number, 0, number, number)
    assert type(seen(fold([number] * 7))[1]) is type(number)


def test_integers_beyond_the_digits_of_a_double_keep_every_one() -> None:
    assert seen(fold([2**64 - 1, 2**64 - 3]))[1] == 2**64 - 2
    assert seen(fold([2**64 - 1, 2**64 - 3]))[2] == 1


@given(FINITE)
def test_a_decimal_is_its_double(number: float) -> None:
    whole, power = decimal_of(number)
    assert Fraction(whole) * Fraction(10) ** power == Fraction(repr(number))


@given(st.lists(READINGS, min_size=1) | st.lists(FINITE, min_size=1))
def test_readings_of_few_digits_become_whole_numbers(numbers: list[float]) -> None:
    found = scaled(numbers)
    if found is None:
        assert any(len(str(abs(decimal_of(number)[0]))) + abs(decimal_of(number)[1]) > 7 for number in numbers)
    else:
        assert [Fraction(one, 10 ** found[1]) for one in found[0]] == [Fraction(repr(number)) for number in numbers]


POINTS = st.dictionaries(st.integers(0, 10 * 86_400_000), NUMBERS | st.just(math.nan) | st.just("text"), max_size=60)


@given(POINTS)
def test_coarser_windows_are_those_of_the_points_themselves(found: dict[int, float | str]) -> None:
    points = sorted(found.items())
    windows = rolled_up(points, Resolution.MIN5)
    for resolution in ROLLED_UP:
        windows = coarser(windows, resolution)
        inside: dict[int, list[float]] = {}
        for at_ms, value in points:
            if not isinstance(value, str) and not math.isnan(value):
                inside.setdefault(resolution.window(at_ms), []).append(value)
        expected = {start: statistics(start, fold(numbers)) for start, numbers in inside.items()}
        assert {start: statistics(start, one) for start, one in windows.items()} == expected
        assert rolled_up(points, resolution).keys() == windows.keys()
