"""The syntax tree of criteria: frozen, comparable, free of layout (lines do not count in `==`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vedette.domain.states import Consistency, State


class Operator(StrEnum):
    """What compares two operands."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    AT_LEAST = ">="
    AT_MOST = "<="
    BELOW = "<"
    ABOVE = ">"

    @property
    def orders(self) -> bool:
        """Whether it asks which operand is greater."""
        return self in _ordering


class SearchWord(StrEnum):
    """Whether a pattern must be found or must not be found."""

    REGEX = "regex"
    NREGEX = "nregex"


_ordering = frozenset({Operator.AT_LEAST, Operator.AT_MOST, Operator.BELOW, Operator.ABOVE})


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric literal; one beyond the range of a double is an infinity."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal, its escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class MetricRead:
    """`metric['name']`: the value in the observation."""

    name: str


@dataclass(frozen=True, slots=True)
class Previous:
    """`previous(metric)`: the latest earlier value of the metric."""

    metric: MetricRead


@dataclass(frozen=True, slots=True)
class Rate:
    """`rate(metric)`: units a second since the latest earlier value."""

    metric: MetricRead


@dataclass(frozen=True, slots=True)
class Percentage:
    """`percentage(part, whole)`: part / whole * 100."""

    part: MetricRead
    whole: MetricRead


Literal = Number | Text
Reading = MetricRead | Previous | Rate | Percentage
"""An operand whose value depends on the observation."""

Operand = Literal | Reading


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and what compares them; no Text stands beside an operator that orders."""

    left: Operand
    operator: Operator
    right: Operand


@dataclass(frozen=True, slots=True)
class Search:
    """`operand regex "pattern"`, or nregex; the pattern is one that RE2 takes."""

    operand: Operand
    word: SearchWord
    pattern: str


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions of which all must hold, read from left to right until one does not."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more conditions of which one must hold, read from left to right until one does."""

    parts: tuple[Condition, ...]


Condition = Comparison | Search | And | Or


@dataclass(frozen=True, slots=True)
class Return:
    """`return`: the state, the status if one was written, and the 1-based line of the word."""

    state: State
    message: str | None = None
    line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class If:
    """`if (condition) { return ... }`."""

    condition: Condition
    then: Return


Statement = If | Return


@dataclass(frozen=True, slots=True)
class Program:
    """All of the criteria: the settings that were written (None: not set) and the statements."""

    consistency: Consistency | None = None
    consecutive_count: int | None = None
    statements: tuple[Statement, ...] = ()
