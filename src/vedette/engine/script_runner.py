"""Runs alarm scripts through the engine."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vedette.criteria import Criteria, compile_criteria
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId, ZoneId
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.engine.basis import Basis, Revision, basis, digest
from vedette.engine.electorate import Electorate, Zones, electorate
from vedette.engine.evaluation import Evaluated, adopt, evaluate
from vedette.engine.scripts import AGENT, Event, Expectation, Line, Report, Script
from vedette.engine.states import AlarmState
from vedette.engine.suppression import Subject, Suppression, matching
from vedette.engine.terms import AGENT_PLACE, Terms, consecutive_count, window_ms
from vedette.engine.told import Telling, after_telling, held_back, tellings

BEGIN_MS = 1_700_000_000_000
"""The moment that a script calls 0s."""

_agent_id = AgentId("host")
_subject = Subject("enOne", "chOne", "alOne")


def _suppression(listed: str) -> Suppression:
    """Of one plan, entity, check or alarm, for ever."""
    kept: dict[str, frozenset[str]] = dict.fromkeys(("np", "en", "ch", "al"), frozenset())
    kept[listed[:2]] = frozenset({f"enOne:{listed}" if listed.startswith(("ch", "al")) else listed})
    return Suppression(
        id=listed,
        start_ms=0,
        end_ms=1 << 62,
        plans=kept["np"],
        entities=kept["en"],
        checks=kept["ch"],
        alarms=kept["al"],
    )


class Failure(msgspec.Struct, frozen=True):
    """An expectation that did not hold."""

    line: int
    expected: str
    found: str


def run_script(script: Script) -> list[Failure]:
    """The expectations that did not hold, in order. Raises `CriteriaError`."""
    runner = _Runner(script)
    return [failure for line in script.lines for failure in runner.run(line)]


class _Runner:
    """An alarm and its surroundings, as a script lets them become."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._is_agent = script.check_type.startswith("agent.")
        self._criteria: Criteria = compile_criteria(script.criteria)
        self._zones = script.zones
        self._down: frozenset[str] = frozenset()
        self._target = ""
        self._check_revision = 1
        self._alarm_revision = 1
        self._enabled_at = 1  # the alarm's revision when it was last enabled
        self._is_enabled = True
        self._plan_id = script.plan_id
        self._suppressions: dict[str, Suppression] = {}
        self._state = AlarmState(alarm_id="alOne", tenant_id="acOne")
        self._last: Evaluated | None = None

    def run(self, line: Line) -> list[Failure]:
        told: list[tuple[Telling, State]] = []
        self._last = None
        for action in line.actions:
            if isinstance(action, Event):
                self._happen(action)
            elif self._is_enabled:
                told.extend(self._report(action, line.at_ms))
        if self._is_enabled:
            told.extend(self._tell(BEGIN_MS + line.at_ms))
        if line.expectation is None:
            return []
        return self._compare(line.number, line.expectation, told)

    def _report(self, report: Report, at_ms: int) -> list[tuple[Telling, State]]:
        terms = self._terms()
        before = adopt(terms, self._state, self._basis())
        self._last = evaluate(terms, self._criteria, before, self._observation(report, at_ms), self._electorate(terms))
        if self._last.decision is None:
            return []
        self._state = self._last.state
        return self._tell(BEGIN_MS + at_ms)

    def _tell(self, at_ms: int) -> list[tuple[Telling, State]]:
        """After a decision, and whenever a suppression or the alarm's plan may have changed."""
        state = self._state
        due = held_back(
            tellings(state.told, self._plan_id, state.state),
            lambda plan_id: bool(matching(self._suppressions.values(), _subject, plan_id, at_ms)),
        )
        told = after_telling(state.told, due.now, state.state)
        self._state = msgspec.structs.replace(state, told=told, is_held=bool(due.held))
        return [(telling, state.state) for telling in due.now]

    def _electorate(self, terms: Terms) -> Electorate:
        existing = frozenset(self._zones)
        return electorate(terms, Zones(existing, existing - self._down))

    def _basis(self) -> Basis:
        made_under = digest(self._criteria.text, self._target, self._script.period_ms)
        return basis(made_under, Revision(self._check_revision, 1), Revision(self._alarm_revision, self._enabled_at))

    def _terms(self) -> Terms:
        period_ms = self._script.period_ms
        count = consecutive_count(self._criteria.consecutive_count, self._script.check_type)
        return Terms(
            consistency=self._criteria.consistency,
            count=count,
            places=(AGENT_PLACE,) if self._is_agent else self._zones,
            agent_id=_agent_id if self._is_agent else None,
            is_agent=self._is_agent,
            check_revision=self._check_revision,
            window_ms=window_ms(count, period_ms, is_agent=self._is_agent),
            half_period_ms=period_ms / 2,
        )

    def _observation(self, report: Report, at_ms: int) -> Observation:
        stamped_ms = at_ms if report.stamped_ms is None else report.stamped_ms
        is_available = report.unavailable is None
        return Observation(
            tenant_id=TenantId("acOne"),
            entity_id=EntityId("enOne"),
            check_id=CheckId("chOne"),
            check_type=self._script.check_type,
            zone_id=None if report.place == AGENT else ZoneId(report.place),
            agent_id=_agent_id if report.place == AGENT else None,
            sender=report.sender or report.place,
            check_revision=self._check_revision if report.revision is None else report.revision,
            at_ms=BEGIN_MS + stamped_ms,
            arrival_ms=BEGIN_MS + at_ms,
            available=is_available,
            status=report.unavailable or "",
            metrics=report.metrics,
            is_blind=report.is_blind,
            buffers=report.buffers,
        )

    def _happen(self, event: Event) -> None:
        match event.verb:
            case "down":
                self._down |= frozenset(event.words)
            case "up":
                self._down -= frozenset(event.words)
            case "plan":
                self._plan_id = event.words[0]
                self._alarm_revision += 1
            case "criteria":
                self._criteria = compile_criteria(event.words[0])
                self._alarm_revision += 1
            case "disable" | "enable":
                self._alarm_revision += 1
                self._is_enabled = event.verb == "enable"
                self._enabled_at = self._alarm_revision
            case "suppress":
                self._suppressions[event.words[0]] = _suppression(event.words[0])
            case "lift":
                self._suppressions.pop(event.words[0], None)
            case _:
                self._change_check(event)

    def _change_check(self, event: Event) -> None:
        self._check_revision += 1
        if event.verb == "zones":
            self._zones = event.words
        elif event.verb == "change":
            self._target = f"{event.words[0]} {self._check_revision}"

    def _compare(self, number: int, expected: Expectation, told: Sequence[tuple[Telling, State]]) -> list[Failure]:
        found: list[tuple[str, object, object]] = [("state", expected.state.value, self._state.state.value)]
        if expected.because is not None:
            found.append(("because", expected.because, self._reason()))
        if expected.status is not None:
            found.append(("status", expected.status, self._state.status))
        if expected.tells is not None:
            wanted = sorted((plan or self._plan_id, state.value) for plan, state in expected.tells)
            found.append(("tells", wanted, sorted((telling.plan_id, state.value) for telling, state in told)))
        return [Failure(number, f"{what} {want}", f"{what} {got}") for what, want, got in found if want != got]

    def _reason(self) -> str:
        if self._last is None:
            return "nothing evaluated"
        return self._last.decision.reason.value if self._last.decision else str(self._last.skip)
