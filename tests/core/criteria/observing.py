"""Short ways to write an observation and to ask criteria about it."""

from __future__ import annotations

from collections.abc import Mapping

from vedette.criteria import Observed, Outcome, Sample, Verdict, compile_criteria
from vedette.domain.metrics import Metric, Value
from vedette.domain.states import State

Values = Mapping[str, Value]


def observed(values: Values, previous: Values | None = None, elapsed_ms: int = 60_000) -> Observed:
    """An available observation; the earlier values are all `elapsed_ms` older."""
    at_ms = 1_700_000_000_000
    return Observed(
        available=True,
        status="code=200,rt=0.257s",
        metrics={name: Metric("s" if isinstance(value, str) else "D", value) for name, value in values.items()},
        at_ms=at_ms,
        previous={name: Sample(at_ms - elapsed_ms, value) for name, value in (previous or {}).items()},
    )


def outcome_of(condition: str, seen: Observed, *, not_yet_counts_as_false: bool = False) -> Outcome:
    """What an `if` with this condition answers: WARNING where it holds, OK where it does not."""
    criteria = compile_criteria(f"if ({condition}) {{ return new AlarmStatus(WARNING, 'holds') }} return OK")
    return criteria.evaluate(seen, not_yet_counts_as_false=not_yet_counts_as_false)


def holds(condition: str, values: Values | None = None, previous: Values | None = None) -> bool:
    """Whether the condition holds; fails the test where there is neither yes nor no."""
    outcome = outcome_of(condition, observed(values or {}, previous))
    assert isinstance(outcome, Verdict)
    assert outcome.state in {State.WARNING, State.OK}, outcome.status
    return outcome.state is State.WARNING
