"""Conditions as Python expressions; the names in them are given by `generate`.

A comparison first reads its operands from left to right (a metric may be missing, a function may have no
value yet), then makes numbers of texts where it must, then looks for NaN; the first thing that stops it decides.
"""

from __future__ import annotations

import operator

from vedette.criteria.numerals import shortest
from vedette.criteria.patterns import compile_pattern
from vedette.criteria.tree import (
    And,
    Comparison,
    Condition,
    Literal,
    MetricRead,
    Number,
    Operand,
    Operator,
    Or,
    Percentage,
    Previous,
    Rate,
    Reading,
    Search,
    SearchWord,
    Text,
)

_comparers = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.AT_LEAST: operator.ge,
    Operator.AT_MOST: operator.le,
    Operator.BELOW: operator.lt,
    Operator.ABOVE: operator.gt,
}

_functions = {MetricRead: None, Previous: "previous", Rate: "rate", Percentage: "percentage"}


class ExpressionWriter:
    """Writes conditions, and collects the constants they speak of."""

    def __init__(self, *, no_result_is_false: bool) -> None:
        self.constants: list[object] = []
        self._no_result_is_false = no_result_is_false

    def constant(self, value: object) -> str:
        """The name by which the source speaks of a value."""
        self.constants.append(value)
        return f"c{len(self.constants) - 1}"

    def condition(self, condition: Condition) -> str:
        """A condition as an expression that is true or false."""
        match condition:
            case Or(parts):
                return " or ".join(f"({self.condition(part)})" for part in parts)
            case And(parts):
                return " and ".join(f"({self.condition(part)})" for part in parts)
            case Comparison(left, compares, right):
                source = self._comparison(left, compares, right)
            case Search():
                source = self._search(condition)
        return f"attempt(lambda: {source})" if self._no_result_is_false else source

    def _comparison(self, left: Operand, compares: Operator, right: Operand) -> str:
        if not isinstance(left, Literal) and not isinstance(right, Literal):
            return self._open_comparison(left, compares, right)
        if isinstance(left, Number | Reading) and isinstance(right, Number | Reading):
            return self._numeric_comparison(left, compares, right)
        return self._if_defined(f"{self._text(left)} {compares.value} {self._text(right)}", left, right)

    def _search(self, search: Search) -> str:
        pattern = compile_pattern(search.pattern)
        finds = search.word is SearchWord.REGEX
        text = self._text(search.operand)
        if pattern.plain is not None:
            source = f"{self.constant(pattern.plain)} {'in' if finds else 'not in'} {text}"
        else:
            answer = "is not None" if finds else "is None"
            source = f"{self.constant(pattern.search)}({text}.encode('utf-8', 'replace')) {answer}"
        return self._if_defined(source, search.operand)

    def _open_comparison(self, left: Reading, compares: Operator, right: Reading) -> str:
        """Two operands whose types only their values tell."""
        reads = f"{self._read(left)}, {self._read(right)}"
        names = ", ".join(self.constant((_metric_name(side), _functions[type(side)])) for side in (left, right))
        return f"compare({self.constant(_comparers[compares])}, {reads}, {names})"

    def _numeric_comparison(self, left: Number | Reading, compares: Operator, right: Number | Reading) -> str:
        """At least one of the operands is a literal; the other one is bound to `a`."""
        source = f"{self._number(left)} {compares.value} {self._number(right)}"
        side = right if isinstance(left, Number) else left
        if not isinstance(side, MetricRead | Previous):
            return self._if_defined(source, side)
        refuse = f"nan({self.constant(_metric_name(side))}, {_functions[type(side)]!r})"
        # IEEE 754 makes every comparison with NaN false but `!=`, so only that outcome needs the question.
        if compares is Operator.NOT_EQUAL:
            return f"{source} and (a == a or {refuse})"
        return f"({source} or (a != a and {refuse}))"

    def _if_defined(self, source: str, *operands: Operand) -> str:
        """The comparison, false when its percentage is one of 0."""
        for operand in operands:
            if isinstance(operand, Percentage):
                return f"(p := {self._read(operand)}) is not None and {source}"
        return source

    def _read(self, operand: Reading) -> str:
        """The value of an operand, whatever its type."""
        match operand:
            case MetricRead(name):
                return f"metrics[{self.constant(name)}].value"
            case Previous(metric):
                return f"earlier(observed, {self.constant(metric.name)})"
            case Rate(metric):
                return f"rate(observed, {self.constant(metric.name)})"
            case Percentage(part, whole):
                return f"percentage(observed, {self.constant(part.name)}, {self.constant(whole.name)})"

    def _number(self, operand: Number | Reading) -> str:
        match operand:
            case Number(value):
                return self.constant(value)
            case Percentage():
                return "p"
            case Rate():
                return self._read(operand)
            case MetricRead() | Previous():
                name = self.constant(_metric_name(operand))
                return f"(number(a, {name}) if (a := {self._read(operand)}).__class__ is str else a)"

    def _text(self, operand: Operand) -> str:
        match operand:
            case Text(value) | Number(value):
                return self.constant(shortest(value))
            case Percentage():
                return "shortest(p)"
            case Rate():
                return f"shortest({self._read(operand)})"
            case MetricRead() | Previous():
                name = f"{self.constant(_metric_name(operand))}, {_functions[type(operand)]!r}"
                return f"(a if (a := {self._read(operand)}).__class__ is str else text(a, {name}))"


def _metric_name(operand: Reading) -> str:
    match operand:
        case MetricRead(name) | Previous(MetricRead(name)) | Rate(MetricRead(name)) | Percentage(MetricRead(name)):
            return name
