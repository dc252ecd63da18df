"""Rules twice: as criteria, and as the functions that somebody would write by hand with the same RE2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import re2

from vedette.criteria import Observed, Sample, Verdict
from vedette.domain.metrics import Metric, Value
from vedette.domain.states import State

_default = "Matched default return statement"
_failing = re2.compile("^[45]")


@dataclass(frozen=True)
class Rule:
    """`seen` is an observation that reaches the last return: what most observations do."""

    what: str
    criteria: str
    by_hand: Callable[[Observed], Verdict]
    seen: Observed


def _seen(previous: dict[str, Sample] | None = None, **values: Value) -> Observed:
    metrics = {name: Metric("s" if isinstance(value, str) else "D", value) for name, value in values.items()}
    return Observed(True, "", metrics, 60_000, previous or {})


def _number(value: Value) -> float:
    return float(value) if isinstance(value, str) else value


HTTP = """
if (metric['code'] regex '^[45]') { return new AlarmStatus(CRITICAL, 'HTTP #{code}'); }
if (metric['duration'] > 2500) { return new AlarmStatus(WARNING, 'took #{duration} ms'); }
return new AlarmStatus(OK);
"""


def _http(observed: Observed) -> Verdict:
    metrics = observed.metrics
    code = metrics["code"].value
    if _failing.search(str(code).encode()) is not None:
        return Verdict(State.CRITICAL, f"HTTP {code}"[:128])
    duration = metrics["duration"].value
    if _number(duration) > 2500:
        return Verdict(State.WARNING, f"took {duration} ms"[:128])
    return Verdict(State.OK, _default)


LIMITS = """
if (percentage(metric['used'], metric['total']) > 95) { return new AlarmStatus(CRITICAL, '#{used} used'); }
if (metric['load'] > 8 && metric['tasks'] > 100 || metric['load'] > 16) { return new AlarmStatus(WARNING, '#{load}'); }
return new AlarmStatus(OK, 'load #{load}');
"""


def _limits(observed: Observed) -> Verdict:
    metrics = observed.metrics
    used, total = _number(metrics["used"].value), _number(metrics["total"].value)
    if total != 0 and used * 100 / total > 95:
        return Verdict(State.CRITICAL, f"{used:g} used"[:128])
    load = _number(metrics["load"].value)
    if (load > 8 and _number(metrics["tasks"].value) > 100) or load > 16:
        return Verdict(State.WARNING, f"{load:g}"[:128])
    return Verdict(State.OK, f"load {load:g}"[:128])


RATE = """
if (rate(metric['rx']) > 5242880 || previous(metric['serial']) != metric['serial']) {
  return new AlarmStatus(CRITICAL);
}
return new AlarmStatus(OK);
"""


def _rate(observed: Observed) -> Verdict:
    metrics, rx = observed.metrics, observed.previous["rx"]
    elapsed_ms, more = observed.at_ms - rx.at_ms, _number(metrics["rx"].value) - _number(rx.value)
    if elapsed_ms <= 0 or more < 0:
        raise ValueError("not yet computable")
    if more * 1000 / elapsed_ms > 5242880:
        return Verdict(State.CRITICAL, _default)
    if observed.previous["serial"].value != metrics["serial"].value:
        return Verdict(State.CRITICAL, _default)
    return Verdict(State.OK, _default)


RULES = (
    Rule("an expression, a limit", HTTP, _http, _seen(code="200", duration=120)),
    Rule("a percentage, limits, a message", LIMITS, _limits, _seen(used=512, total=1024, load=0.5, tasks=90)),
    Rule(
        "a rate, an earlier value",
        RATE,
        _rate,
        _seen({"rx": Sample(0, 10**9), "serial": Sample(0, "a")}, rx=10**9 + 600, serial="a"),
    ),
)
