"""One observation of an explanation: what was seen, what the criteria made of it, and what it came to."""

from __future__ import annotations

from typing import Any

from vedette.criteria import NotYetComputable, Outcome, Verdict
from vedette.criteria.trace import Trace, trace
from vedette.domain.metrics import Value
from vedette.engine.ballots import time_of
from vedette.engine.replayed import Step
from vedette.services import reasons

_LONGEST_TEXT = 256  # of a metric's text: what was seen, not a copy of the target's page


def observation(step: Step, at_ms: int) -> dict[str, Any]:
    """As shown; `at_ms` is the moment that is explained."""
    seen, evaluated = step.observation, step.evaluated
    if seen is None:
        raise ValueError("a step without an observation")
    skip = evaluated.skip if evaluated is not None else None
    decision = evaluated.decision if evaluated is not None else None
    outcome, found = _outcome(step)
    return {
        "timestamp": time_of(seen),
        "arrived_at": seen.arrival_ms,
        "age": max(at_ms - time_of(seen), 0),
        "monitoring_zone_id": seen.zone_id,
        "agent_id": seen.agent_id,
        "available": seen.available,
        "status": seen.status,
        "target": seen.target,
        "counted": decision is not None,
        "not_counted_as": skip,
        "not_counted_because": _why_not(step),
        "result": _result(outcome),
        "statement": _statement(found),
        "reason": decision.reason if decision is not None else None,
        "alarm_state": decision.state if decision is not None else step.before.state,
    }


def _why_not(step: Step) -> str | None:
    if step.evaluated is None:
        return "the alarm was not evaluated then"
    return None if step.evaluated.skip is None else reasons.skipped(step.evaluated.skip)


def _outcome(step: Step) -> tuple[Outcome | None, Trace | None]:
    observed, alarm = step.observed, step.alarm
    if step.evaluated is None or step.evaluated.decision is None or observed is None or alarm is None:
        return None, None
    outcome = alarm.criteria.evaluate(observed)
    if not observed.available or not alarm.criteria.text:
        return outcome, None  # availability decides, and no statement was read
    return outcome, trace(alarm.criteria.text, outcome.line if isinstance(outcome, Verdict) else None, observed)


def _result(outcome: Outcome | None) -> dict[str, Any] | None:
    match outcome:
        case Verdict(state, status):
            return {"state": state, "status": status}
        case NotYetComputable(metric, function, cause):
            name = metric if function is None else f"{function}({metric})"
            return {"state": None, "status": f"{name} cannot be computed yet: {cause}"}
    return None


def _shown(value: Value | None) -> Value | None:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else value


def _statement(found: Trace | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "line": found.line,
        "text": found.text or None,
        "values": {one.operand: _shown(one.value) for one in found.reads},
    }
