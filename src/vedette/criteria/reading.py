"""What running criteria call to read operands: each returns a plain value or raises.

A metric that is not in the observation is the `KeyError` of looking it up. Values reach the
comparisons as Python numbers and texts; a NaN never does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn

from vedette.criteria.numerals import as_double, find_number, is_nan, shortest
from vedette.criteria.outcome import Cause, NotYetComputable, Observed
from vedette.domain.metrics import Value

Number = int | float


class NotANumber(Exception):
    """A text that is no number stands in a numeric comparison; `metric` names it."""

    def __init__(self, metric: str) -> None:
        super().__init__(metric)
        self.metric = metric


class NoResult(Exception):
    """A comparison has no result; `outcome` says why."""

    def __init__(self, metric: str, function: str | None, cause: Cause) -> None:
        super().__init__(metric, function, cause)
        self.outcome = NotYetComputable(metric, function, cause)


def number(text: str, metric: str) -> Number:
    """The number that a string metric's text is. Raises NotANumber."""
    value = find_number(text)
    if value is None:
        raise NotANumber(metric)
    return value


def nan(metric: str, function: str | None) -> NoReturn:
    """Raise NoResult for an operand that is NaN."""
    raise NoResult(metric, function, Cause.NAN)


def text(value: Value, metric: str, function: str | None) -> str:
    """The value as text, numbers in shortest form. Raises NoResult for NaN."""
    if is_nan(value):
        nan(metric, function)
    return shortest(value)


def compare(
    operator: Callable[[Value, Value], bool],
    left: Value | None,
    right: Value | None,
    left_name: tuple[str, str | None],
    right_name: tuple[str, str | None],
) -> bool:
    """Compare two values whose types are known only now: two texts as text, all else as numbers.

    None is a percentage of 0, which makes it false. A name is the metric's and the function's.
    Raises NotANumber, NoResult.
    """
    if left is None or right is None:
        return False
    if isinstance(left, str) and isinstance(right, str):
        return operator(left, right)
    a, b = _numeric(left, left_name[0]), _numeric(right, right_name[0])
    if is_nan(a):
        nan(*left_name)
    if is_nan(b):
        nan(*right_name)
    return operator(a, b)


def _numeric(value: Value, metric: str) -> Number:
    return number(value, metric) if isinstance(value, str) else value


def earlier(observed: Observed, metric: str) -> Value:
    """`previous(metric)`. Raises NoResult when no earlier observation has the metric."""
    sample = observed.previous.get(metric)
    if sample is None:
        raise NoResult(metric, "previous", Cause.NO_EARLIER_VALUE)
    return sample.value


def rate(observed: Observed, metric: str) -> Number:
    """`rate(metric)` in units a second; an integer or a double, never NaN.

    Raises KeyError (the metric is missing), NotANumber (its present text is none), NoResult.
    """
    present = _numeric(observed.metrics[metric].value, metric)
    sample = observed.previous.get(metric)
    if sample is None:
        raise NoResult(metric, "rate", Cause.NO_EARLIER_VALUE)
    # Of a metric whose present value is a number, an earlier text is history, not a fault of the target.
    past = find_number(sample.value) if isinstance(sample.value, str) else sample.value
    if past is None:
        raise NoResult(metric, "rate", Cause.EARLIER_VALUE_NO_NUMBER)
    elapsed_ms = observed.at_ms - sample.at_ms
    if elapsed_ms <= 0:
        raise NoResult(metric, "rate", Cause.NO_TIME_PASSED)
    if present < past:
        raise NoResult(metric, "rate", Cause.COUNTER_FELL)
    # Multiplied first: a difference of integers then gives the double nearest to the true rate.
    per_second = _divided(_difference(present, past) * 1000, elapsed_ms)
    if is_nan(per_second):
        nan(metric, "rate")
    return per_second


def percentage(observed: Observed, part: str, whole: str) -> float | None:
    """`percentage(part, whole)`, never NaN; None when the whole is 0: the comparison is then false.

    Raises KeyError (a metric is missing), NotANumber, NoResult.
    """
    read = observed.metrics[part].value, observed.metrics[whole].value
    a, b = _numeric(read[0], part), _numeric(read[1], whole)
    if b == 0:
        return None
    # Multiplied first: 29 of 100 is then 29 and not 28.999999999999996.
    percents = _divided(a * 100, b)
    if not math.isfinite(percents):
        percents = _divided(a, b) * 100  # a * 100 may overflow where the percentage does not
    if is_nan(percents):
        nan(whole if is_nan(b) and not is_nan(a) else part, "percentage")
    return percents


def _difference(a: Number, b: Number) -> Number:
    try:
        return a - b
    except OverflowError:  # an integer beyond the doubles, less a double
        return _double(a) - _double(b)


def _divided(a: Number, b: Number) -> float:
    try:
        return a / b
    except OverflowError:  # integers beyond the doubles
        return _double(a) / _double(b)


def _double(value: Number) -> float:
    return value if isinstance(value, float) else as_double(value)
