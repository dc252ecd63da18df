"""A column of values, or of what seldom changes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

import msgspec

from vedette.adapters.sql.chunks import numbers
from vedette.adapters.sql.chunks.numbers import Numbers
from vedette.domain.metrics import Value
from vedette.rollups.decimals import scaled

Kept = TypeVar("Kept")
Runs = list[tuple[int, Kept]]
"""A value, and how many times in a row."""


class Whole(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Integers."""

    numbers: Numbers


class Decimal(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Doubles of few digits."""

    places: int
    numbers: Numbers


class Double(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Any doubles, their bits taken for integers."""

    numbers: Numbers


class Changing(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Text, or values of several types."""

    runs: Runs[Value]


Column = Whole | Decimal | Double | Changing


def column(values: Sequence[Value]) -> Column:
    """Gives back every value as it was: its type, and of a double every bit."""
    types = set(map(type, values))
    made: Column | None = None
    if types == {int}:
        made = _whole([value for value in values if isinstance(value, int)])
    elif types == {float}:
        made = _doubles([value for value in values if isinstance(value, float)])
    return made or Changing(runs(values))


def values_of(column: Column) -> list[Value]:
    """What `column` was given."""
    match column:
        case Whole(packed):
            return list(numbers.whole(packed))
        case Decimal(places, packed):
            power = 10**places
            return [one / power for one in numbers.whole(packed)]
        case Double(packed):
            return list(array("d", array("Q", numbers.whole(packed)).tobytes()))
        case Changing(changes):
            return spread(changes)


def _whole(values: Sequence[int]) -> Column | None:
    packed = numbers.packed(values)
    return None if packed is None else Whole(packed)


def _doubles(values: Sequence[float]) -> Column | None:
    bits = array("d", values).tobytes()
    found = scaled(values)
    if found is not None and array("d", [one / 10 ** found[1] for one in found[0]]).tobytes() == bits:  # no -0.0
        packed = numbers.packed(found[0])
        return None if packed is None else Decimal(found[1], packed)
    packed = numbers.packed(array("Q", bits).tolist())
    return None if packed is None else Double(packed)


def runs(values: Sequence[Kept]) -> Runs[Kept]:
    """Recorded on change."""
    if values and _is_steady(values):
        return [(len(values), values[0])]
    changes = []
    for _, same in groupby(values, _identity):
        first, *others = same
        changes.append((1 + len(others), first))
    return changes


def _is_steady(values: Sequence[object]) -> bool:
    """Whether they are certainly all the same: what is nearly always so needs no closer look."""
    first = values[0]
    return not isinstance(first, float) and values.count(first) == len(values) and {*map(type, values)} == {type(first)}


def _identity(value: object) -> object:
    """What tells 1 from 1.0 and 0.0 from -0.0."""
    return value if type(value) is str else (repr(value),)


def spread(changes: Runs[Kept]) -> list[Kept]:
    """What `runs` was given."""
    return [value for count, value in changes for _ in range(count)]
