"""Columns give back what they were given, bit by bit."""

from __future__ import annotations

import math
import struct
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.adapters.sql.chunks import columns, numbers
from vedette.adapters.sql.chunks.columns import Column, Decimal, Whole
from vedette.adapters.sql.chunks.numbers import Numbers

WIDE = st.integers(-(2**63), 2**64 - 1)
NARROW = st.integers(-100, 100)
DOUBLES = st.floats(width=64)
READINGS = st.integers(-(10**6), 10**6).map(lambda whole: whole / 1000)
VALUES = WIDE | DOUBLES | st.text(max_size=5)


def again(value: Any, type: Any) -> Any:
    """As it comes out of storage."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type)


def bits(values: list[Any]) -> list[Any]:
    return [struct.pack("d", value) if isinstance(value, float) else (type(value), value) for value in values]


@given(st.lists(WIDE) | st.lists(NARROW) | st.lists(NARROW).map(lambda steps: list(accumulate(steps))))
def test_whole_numbers_come_back(values: list[int]) -> None:
    packed = numbers.packed(values)
    if packed is not None:
        assert numbers.whole(again(packed, Numbers)) == values
    else:
        assert max(values) - min(values) >= 2**63


@given(st.lists(VALUES) | st.lists(DOUBLES) | st.lists(READINGS) | st.lists(WIDE) | st.lists(st.text(max_size=2)))
def test_values_come_back_as_they_were(values: list[Any]) -> None:
    assert bits(columns.values_of(again(columns.column(values), Column))) == bits(values)


@pytest.mark.parametrize(
    ("values", "most"),
    [
        (list(range(10**12, 10**12 + 60_000 * 1_440, 60_000)), 0),
        ([7] * 1_440, 0),
        ([4096 * (number % 7) for number in range(1_440)], 1_440),
        ([2**64 - 1 - number * number for number in range(1_440)], 0),
    ],
)
def test_what_is_regular_takes_no_room(values: list[int], most: int) -> None:
    packed = numbers.packed(values)
    assert packed is not None
    assert len(packed.planes) <= most
    assert numbers.whole(packed) == values


def test_doubles_of_few_digits_are_whole_numbers_and_those_that_would_change_are_not() -> None:
    assert isinstance(columns.column([0.1, 12.34, -5.0]), Decimal)
    assert not isinstance(columns.column([0.0, -0.0]), Decimal)
    assert not isinstance(columns.column([0.1, math.pi]), Decimal)
    assert isinstance(columns.column([1, 2]), Whole)


@given(st.lists(st.sampled_from([None, True, 1, 1.0, "1", 0.0, -0.0])))
def test_what_seldom_changes_is_recorded_on_change(values: list[Any]) -> None:
    changes = columns.runs(values)
    assert bits(columns.spread(changes)) == bits(values)
    assert all(repr(one[1]) != repr(other[1]) for one, other in pairwise(changes))
