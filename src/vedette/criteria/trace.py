"""What made criteria answer as they did: the statement that returned, and what it read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from vedette.criteria import reading
from vedette.criteria.outcome import Observed
from vedette.criteria.parser import parse
from vedette.criteria.printer import print_operand, print_statement
from vedette.criteria.tree import (
    And,
    Comparison,
    Condition,
    If,
    MetricRead,
    Operand,
    Or,
    Percentage,
    Previous,
    Rate,
    Reading,
    Search,
    Statement,
)
from vedette.domain.metrics import Value


class Read(msgspec.Struct, frozen=True):
    """An operand as it would be written, and its value; None where there was none."""

    operand: str
    value: Value | None


class Trace(msgspec.Struct, frozen=True):
    """A statement in its normal form, and the values of what it reads, in order."""

    line: int | None  # of the word `return`; None: no statement returned
    text: str
    reads: tuple[Read, ...]


def trace(text: str, line: int | None, observed: Observed) -> Trace:
    """The statement whose `return` is on a line, with the values of an observation.

    Where no `if` returned, the values of all that is read show why. `text` are criteria that parse.
    """
    statements = _statements(text)
    returned = next((one for one in statements if line is not None and _line(one) == line), None)
    looked_at = [returned] if isinstance(returned, If) else statements
    readings = dict.fromkeys(one for statement in looked_at for one in _readings(statement))
    reads = tuple(Read(print_operand(one), _value(one, observed)) for one in readings)
    return Trace(line, "" if returned is None else print_statement(returned), reads)


@lru_cache(maxsize=64)
def _statements(text: str) -> tuple[Statement, ...]:
    """Of criteria that are asked about for one observation after another."""
    return parse(text).statements


def _line(statement: Statement) -> int:
    return statement.then.line if isinstance(statement, If) else statement.line


def _readings(statement: Statement) -> Iterator[Reading]:
    if isinstance(statement, If):
        yield from _readings_of(statement.condition)


def _readings_of(condition: Condition) -> Iterator[Reading]:
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _readings_of(part)
        case Comparison(left, _, right):
            yield from _reading(left)
            yield from _reading(right)
        case Search(operand):
            yield from _reading(operand)


def _reading(operand: Operand) -> Iterator[Reading]:
    """What an operand reads, a function after its metrics."""
    match operand:
        case MetricRead():
            yield operand
        case Previous(metric) | Rate(metric):
            yield from (metric, operand)
        case Percentage(part, whole):
            yield from (part, whole, operand)


def _value(operand: Reading, observed: Observed) -> Value | None:
    try:
        match operand:
            case MetricRead(name):
                return observed.metrics[name].value
            case Previous(metric):
                return reading.earlier(observed, metric.name)
            case Rate(metric):
                return reading.rate(observed, metric.name)
            case Percentage(part, whole):
                return reading.percentage(observed, part.name, whole.name)
    except (KeyError, reading.NotANumber, reading.NoResult):
        return None
