"""Lists of values in a portable statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item", bound="str | bytes")


def spelt_out(name: str, values: Sequence[Item]) -> tuple[str, dict[str, Item]]:
    """The inside of `IN (...)` and its parameters.

    Padded with the last value to a power of two: a database keeps few prepared statements for any length of list.
    """
    padding = (1 << (len(values) - 1).bit_length()) - len(values)
    params = {f"{name}{number}": value for number, value in enumerate([*values, *[values[-1]] * padding])}
    return ", ".join(f":{key}" for key in params), params
