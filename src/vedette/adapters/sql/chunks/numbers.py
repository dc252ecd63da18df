"""Whole numbers, close together.

Differences, of an order that makes them small; less the least of them; divided by what they have in common; the bytes
of one significance together, so that the compressor meets long stretches of the same.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate
from operator import sub

import msgspec

_BYTES = 8
_MOST = 1 << 64
_ORDERS = 2
_FEW = 3
_SAMPLE = 64


class Numbers(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """Made by `packed`, read by `whole`."""

    count: int
    firsts: tuple[int, ...] = ()  # the first number of each order of differences
    least: int = 0
    unit: int = 1
    planes: bytes = b""


def packed(values: Sequence[int]) -> Numbers | None:
    """Of integers that fit 64 bits, signed or not; None where their differences do not."""
    if values and values.count(values[0]) == len(values):
        return Numbers(len(values), least=values[0]) if _fits(values[0]) else None
    firsts, rest = _smallest(values)
    if not rest:
        return Numbers(len(values), firsts)
    least, most = min(rest), max(rest)
    if most - least >= _MOST or not all(map(_fits, (*firsts, least))):
        return None
    above = [one - least for one in rest] if least else rest
    unit = math.gcd(*above) or 1
    return Numbers(len(values), firsts, least, unit, _planes([one // unit for one in above] if unit > 1 else above))


def whole(numbers: Numbers) -> list[int]:
    """What `packed` was given."""
    count = numbers.count - len(numbers.firsts)
    values: Sequence[int]
    if numbers.planes:
        values, unit, least = _from_planes(numbers.planes, count), numbers.unit, numbers.least
        values = [one * unit + least for one in values] if unit > 1 or least else values
    else:
        values = [numbers.least] * count
    for first in reversed(numbers.firsts):
        values = list(accumulate(values, initial=first))
    return list(values)


def _fits(value: int) -> bool:
    return -(1 << 63) <= value < _MOST


def _smallest(values: Sequence[int]) -> tuple[tuple[int, ...], Sequence[int]]:
    """The first numbers and the differences of the order that makes them smallest, judged by the beginning."""
    firsts: tuple[int, ...] = ()
    rest, size = values, _size(values)
    for _ in range(_ORDERS if len(values) > _FEW else 0):
        further = list(map(sub, rest[1:], rest))
        further_size = _size(further)
        if further_size >= size:
            break
        firsts, rest, size = (*firsts, rest[0]), further, further_size
    return firsts, rest


def _size(values: Sequence[int]) -> int:
    """How long the numbers are, counted from the middle one."""
    sample = values[:_SAMPLE]
    middle = sorted(sample)[len(sample) // 2] if sample else 0
    return sum([(one - middle).bit_length() for one in sample])


def _planes(values: Sequence[int]) -> bytes:
    """The lowest byte of every number, then the next one; without those that are zero in all."""
    data = _native(array("Q", values)).tobytes()
    used = (max(values).bit_length() + 7) // 8
    return b"".join([data[place::_BYTES] for place in range(used)])


def _from_planes(planes: bytes, count: int) -> Sequence[int]:
    if len(planes) == count:
        return planes
    data = bytearray(count * _BYTES)
    for place in range(len(planes) // count):
        data[place::_BYTES] = planes[place * count : (place + 1) * count]
    return _native(array("Q", bytes(data)))


def _native(values: array[int]) -> array[int]:
    if sys.byteorder == "big":
        values.byteswap()
    return values
