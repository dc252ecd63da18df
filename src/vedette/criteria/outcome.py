"""What criteria are asked about, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from vedette.domain.metrics import Metric, Value
from vedette.domain.states import State

longest_status = 128
"""Characters (reference: status messages)."""

default_status = "Matched default return statement"


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """An earlier value of a metric and its sender's own timestamp in milliseconds."""

    at_ms: int
    value: Value


class Observed(msgspec.Struct, frozen=True):
    """One observation, as criteria see it."""

    available: bool
    status: str  # the observation's own
    metrics: Mapping[str, Metric]
    at_ms: int  # the sender's own timestamp, milliseconds
    previous: Mapping[str, Sample]  # per name in `Criteria.history_names`: the latest earlier value, at most 24 h old


class Verdict(msgspec.Struct, frozen=True):
    """The state and status of one observation."""

    state: State
    status: str  # interpolated, at most 128 characters
    line: int | None = None  # 1-based line of the return reached; None: none was reached


class Cause(StrEnum):
    """Why a comparison has no result yet."""

    NO_EARLIER_VALUE = "no earlier observation has the metric"
    EARLIER_VALUE_NO_NUMBER = "the earlier value is not a number"
    NO_TIME_PASSED = "no time passed since the earlier observation"
    COUNTER_FELL = "the counter fell"
    NAN = "the value is NaN"


class NotYetComputable(msgspec.Struct, frozen=True):
    """The evaluation has no result: what could not be computed, and why."""

    metric: str
    function: str | None  # previous, rate, percentage; None: the metric itself
    cause: Cause


Outcome = Verdict | NotYetComputable


def cut(status: str) -> str:
    """The status, at most 128 characters of it."""
    return status[:longest_status]
