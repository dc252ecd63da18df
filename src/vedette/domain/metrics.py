"""Metrics: named values in an observation (reference: metrics operations, metric types)."""

from __future__ import annotations

import msgspec

type_letters = {
    "int32": "i",
    "uint32": "I",
    "int64": "l",
    "uint64": "L",
    "gauge": "L",
    "double": "D",
    "string": "s",
    "bool": "b",
}
"""Wire type -> the one-letter type the API shows (`"type": "D"`)."""

Value = int | float | str
"""A metric's value: integers keep 64-bit precision, text is for string metrics."""


class Metric(msgspec.Struct, frozen=True, array_like=True):
    """One value of an observation; the name holds the dimension (`eth0.rx_bytes`)."""

    type: str  # a one-letter type, see `type_letters`
    value: Value
    unit: str = "unknown"  # lower case; `unknown` when the sender gave none
