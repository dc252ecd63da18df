"""Criteria ready to run, compiled once per text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from vedette.criteria.generate import Run, generate
from vedette.criteria.outcome import Observed, Outcome, Verdict, cut
from vedette.criteria.parser import parse
from vedette.criteria.reading import NoResult, NotANumber
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
    Program,
    Rate,
    Return,
    Search,
)
from vedette.domain.states import Consistency, State


@dataclass(frozen=True, eq=False)
class Criteria:
    """Parsed and compiled criteria; immutable, shared, equal when their texts are."""

    text: str
    consistency: Consistency  # QUORUM unless set
    consecutive_count: int | None  # None: not set, and the check type decides (1; remote.ping 3)
    metric_names: frozenset[str]  # all that any reachable comparison reads
    history_names: frozenset[str]  # those of them that previous() or rate() reads
    warnings: tuple[str, ...]  # one for each statement that is never reached
    _program: Program
    _run: Run

    @property
    def reads_history(self) -> bool:
        """Whether they use previous() or rate()."""
        return bool(self.history_names)

    def evaluate(self, observed: Observed, *, not_yet_counts_as_false: bool = False) -> Outcome:
        """The state of one observation (rules 1 to 8 of *Meaning*).

        With `not_yet_counts_as_false` a comparison that is not yet computable is false, and a Verdict
        is sure: so `test-alarm` gives an answer for a single observation.
        """
        if not observed.available:
            return Verdict(State.CRITICAL, cut(observed.status))
        run = self._forgiving_run if not_yet_counts_as_false else self._run
        try:
            return run(observed)
        except KeyError as missing:
            return Verdict(State.CRITICAL, cut(f"Metric '{missing.args[0]}' is missing from the observation"))
        except NotANumber as problem:
            return Verdict(State.CRITICAL, cut(f"Metric '{problem.metric}' is not a number"))
        except NoResult as problem:
            return problem.outcome

    @cached_property
    def _forgiving_run(self) -> Run:
        return _availability if not self.text else generate(self._program, no_result_is_false=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Criteria) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def compile_criteria(text: str | None) -> Criteria:
    """Compile criteria; the last 4,096 texts are kept compiled. Raises CriteriaError.

    Without a text (None or "") availability decides, and the status is the observation's own.
    """
    return _compile(text or "")


@lru_cache(maxsize=4096)
def _compile(text: str) -> Criteria:
    program = parse(text)
    operands = [operand for condition in _reachable_conditions(program) for operand in _operands(condition)]
    return Criteria(
        text=text,
        consistency=program.consistency or Consistency.QUORUM,
        consecutive_count=program.consecutive_count,
        metric_names=frozenset(name for operand in operands for name in _names(operand)),
        history_names=frozenset(o.metric.name for o in operands if isinstance(o, Previous | Rate)),
        warnings=tuple(_unreachable(program)),
        _program=program,
        _run=generate(program) if text else _availability,
    )


def _availability(observed: Observed) -> Outcome:
    return Verdict(State.OK, cut(observed.status))


def _unreachable(program: Program) -> Iterator[str]:
    decides: int | None = None
    for statement in program.statements:
        line = statement.then.line if isinstance(statement, If) else statement.line
        if decides is not None:
            yield f"The return on line {line} is never reached: the return on line {decides} decides before it"
        elif isinstance(statement, Return):
            decides = line


def _reachable_conditions(program: Program) -> Iterator[Condition]:
    for statement in program.statements:
        if isinstance(statement, Return):
            return
        yield statement.condition


def _operands(condition: Condition) -> Iterator[Operand]:
    match condition:
        case Comparison(left, _, right):
            yield from (left, right)
        case Search(operand):
            yield operand
        case And(parts) | Or(parts):
            for part in parts:
                yield from _operands(part)


def _names(operand: Operand) -> tuple[str, ...]:
    match operand:
        case MetricRead(name) | Previous(MetricRead(name)) | Rate(MetricRead(name)):
            return (name,)
        case Percentage(part, whole):
            return (part.name, whole.name)
        case _:
            return ()
