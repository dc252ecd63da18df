"""The slow, obviously right evaluator that compiled criteria are held against.

It walks the syntax tree and shares nothing with the compiler but the tree and the answer's types.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import re2

from vedette.criteria import Cause, NotYetComputable, Observed, Outcome, Verdict
from vedette.criteria.tree import (
    And,
    Comparison,
    Condition,
    MetricRead,
    Number,
    Operand,
    Operator,
    Or,
    Percentage,
    Previous,
    Program,
    Rate,
    Return,
    Search,
    SearchWord,
    Text,
)
from vedette.domain.metrics import Value
from vedette.domain.states import State


@dataclass
class Stop(Exception):
    outcome: Outcome


class AlwaysFalse(Exception):
    """A percentage of 0."""


def walk(program: Program, observed: Observed, *, not_yet_counts_as_false: bool = False) -> Outcome:
    if not observed.available:
        return Verdict(State.CRITICAL, observed.status[:128])
    walker = Walker(observed, not_yet_counts_as_false)
    try:
        for statement in program.statements:
            if isinstance(statement, Return):
                return walker.verdict(statement, "Matched default return statement")
            if walker.holds(statement.condition):
                line = statement.then.line
                return walker.verdict(statement.then, f"Matched return statement on line {line}")
    except Stop as stop:
        return stop.outcome
    return Verdict(State.OK, "Matched default return statement")


class Walker:
    def __init__(self, observed: Observed, not_yet_counts_as_false: bool) -> None:
        self.observed = observed
        self.not_yet_counts_as_false = not_yet_counts_as_false

    def verdict(self, statement: Return, status: str) -> Verdict:
        message = statement.message if statement.message is not None else status
        return Verdict(statement.state, self.interpolated(message)[:128], statement.line)

    def interpolated(self, message: str) -> str:
        result, rest = "", message
        while found := re.search(r"#\{([^}]{1,128})\}", rest):
            metric = self.observed.metrics.get(found[1])
            result += rest[: found.start()] + (found[0] if metric is None else as_text(metric.value))
            rest = rest[found.end() :]
        return result + rest

    def holds(self, condition: Condition) -> bool:
        if isinstance(condition, And):
            return all(self.holds(part) for part in condition.parts)
        if isinstance(condition, Or):
            return any(self.holds(part) for part in condition.parts)
        try:
            return self.search(condition) if isinstance(condition, Search) else self.compare(condition)
        except AlwaysFalse:
            return False
        except Stop as stop:
            if self.not_yet_counts_as_false and isinstance(stop.outcome, NotYetComputable):
                return False
            raise

    def search(self, search: Search) -> bool:
        text = self.text(search.operand, self.read(search.operand))
        options = re2.Options()
        options.log_errors = False
        is_found = re2.search(search.pattern, text.encode("utf-8", "replace"), options) is not None
        return is_found == (search.word is SearchWord.REGEX)

    def compare(self, comparison: Comparison) -> bool:
        left, right = comparison.left, comparison.right
        a, b = self.read(left), self.read(right)
        if a is None or b is None:
            raise AlwaysFalse
        if isinstance(left, Text) or isinstance(right, Text):
            return ordered(self.text(left, a), comparison.operator, self.text(right, b))
        if isinstance(a, str) and isinstance(b, str):
            return ordered(a, comparison.operator, b)
        a, b = self.number(left, a), self.number(right, b)
        for operand, value in ((left, a), (right, b)):
            if math.isnan(value):
                self.stop(operand, Cause.NAN)
        return ordered(a, comparison.operator, b)

    def read(self, operand: Operand) -> Value | None:
        if isinstance(operand, Number | Text):
            return operand.value
        if isinstance(operand, MetricRead):
            return self.metric(operand.name)
        if isinstance(operand, Previous):
            sample = self.observed.previous.get(operand.metric.name)
            return self.stop(operand, Cause.NO_EARLIER_VALUE) if sample is None else sample.value
        return self.rate(operand) if isinstance(operand, Rate) else self.percentage(operand)

    def metric(self, name: str) -> Value:
        if name not in self.observed.metrics:
            raise Stop(Verdict(State.CRITICAL, f"Metric '{name}' is missing from the observation"[:128]))
        return self.observed.metrics[name].value

    def rate(self, operand: Rate) -> float:
        v1 = self.number(operand.metric, self.metric(operand.metric.name))
        sample = self.observed.previous.get(operand.metric.name)
        if sample is None:
            return self.stop(operand, Cause.NO_EARLIER_VALUE)
        v0 = sample.value
        if isinstance(v0, str):
            if not is_number(v0):
                return self.stop(operand, Cause.EARLIER_VALUE_NO_NUMBER)
            v0 = number_of(v0)
        if self.observed.at_ms - sample.at_ms <= 0:
            return self.stop(operand, Cause.NO_TIME_PASSED)
        if v1 < v0:
            return self.stop(operand, Cause.COUNTER_FELL)
        rate = (v1 - v0) * 1000 / (self.observed.at_ms - sample.at_ms)
        return self.stop(operand, Cause.NAN) if math.isnan(rate) else rate

    def percentage(self, operand: Percentage) -> float | None:
        raw = self.metric(operand.part.name), self.metric(operand.whole.name)
        part, whole = self.number(operand.part, raw[0]), self.number(operand.whole, raw[1])
        if whole == 0:
            return None
        if math.isnan(whole) and not math.isnan(part):
            raise Stop(NotYetComputable(operand.whole.name, "percentage", Cause.NAN))
        percents = part * 100 / whole
        if not math.isfinite(percents):
            percents = part / whole * 100
        return self.stop(operand, Cause.NAN) if math.isnan(percents) else percents

    def number(self, operand: Operand, value: Value) -> int | float:
        if not isinstance(value, str):
            return value
        if not is_number(value):
            raise Stop(Verdict(State.CRITICAL, f"Metric '{name_of(operand)}' is not a number"[:128]))
        return number_of(value)

    def text(self, operand: Operand, value: Value | None) -> str:
        if value is None:
            raise AlwaysFalse
        if isinstance(value, float) and math.isnan(value):
            self.stop(operand, Cause.NAN)
        return as_text(value)

    def stop(self, operand: Operand, cause: Cause) -> float:
        function = None if isinstance(operand, MetricRead) else type(operand).__name__.lower()
        raise Stop(NotYetComputable(name_of(operand), function, cause))


def name_of(operand: Operand) -> str:
    if isinstance(operand, MetricRead):
        return operand.name
    if isinstance(operand, Previous | Rate):
        return operand.metric.name
    assert isinstance(operand, Percentage)
    return operand.part.name


def ordered(a: Any, operator: Operator, b: Any) -> bool:
    is_so: dict[Operator, bool] = {
        Operator.EQUAL: a == b,
        Operator.NOT_EQUAL: a != b,
        Operator.AT_LEAST: a >= b,
        Operator.AT_MOST: a <= b,
        Operator.BELOW: a < b,
        Operator.ABOVE: a > b,
    }
    return is_so[operator]


def is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text) is not None


def number_of(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else float(text)


def as_text(value: Value) -> str:
    """ECMAScript's Number::toString, digit by digit."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    mantissa, _, exponent = f"{value!r}".lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    leading = len(digits) - len(digits.lstrip("0"))
    digits, point = digits.strip("0"), point - leading
    if not digits:
        return "0"
    return ("-" if value < 0 else "") + placed(digits, point)


def placed(digits: str, point: int) -> str:
    """The digits with the decimal point after the first `point` of them."""
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
