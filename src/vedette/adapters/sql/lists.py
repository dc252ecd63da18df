"""Lists of values in a portable statement."""

from __future__ import annotations

from collections.abc import Sequence


def spelt_out(name: str, values: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The inside of `IN (...)` and its parameters.

    Padded with the last value to a power of two: a database keeps few prepared statements for any length of list.
    """
    size = 1 << (len(values) - 1).bit_length()
    padded = [*values, *[values[-1]] * (size - len(values))]
    params = {f"{name}{number}": value for number, value in enumerate(padded)}
    return ", ".join(f":{key}" for key in params), params
