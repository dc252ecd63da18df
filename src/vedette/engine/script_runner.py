"""Runs alarm scripts through the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from vedette.criteria import Criteria, compile_criteria
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId, ZoneId
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.engine import confirm
from vedette.engine.basis import Basis, Revision, basis, digest
from vedette.engine.confirm import Confirming, Pace, Round
from vedette.engine.decide import Standing, evidence
from vedette.engine.electorate import Electorate, electorate
from vedette.engine.evaluation import Evaluated, adopt, decided, evaluate, redecide
from vedette.engine.script_server import AGENTS, BEGIN_MS, CLOCKS, PROCESSES, SPELLS, ScriptServer
from vedette.engine.scripts import AGENT, Event, Expectation, Line, Report, Script
from vedette.engine.silence import deadline_ms, is_told, silenced, unheard
from vedette.engine.states import AlarmState
from vedette.engine.suppression import Subject, Suppression, matching
from vedette.engine.terms import AGENT_PLACE, Terms, consecutive_count, window_ms
from vedette.engine.told import Telling, after_telling, held_back, tellings

__all__ = ["BEGIN_MS", "Failure", "Judged", "judged", "run_script"]

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


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A line with an expectation: what of it did not hold, and how the alarm stood."""

    line: int
    failures: tuple[Failure, ...]
    state: State
    reason: str
    status: str
    votes: dict[str, Any]  # as a changelog entry keeps them


def run_script(script: Script) -> list[Failure]:
    """The expectations that did not hold, in order. Raises `CriteriaError`."""
    return [failure for one in judged(script) for failure in one.failures]


def judged(script: Script) -> Iterator[Judged]:
    """Every line with an expectation, in order. Raises `CriteriaError`."""
    runner = _Runner(script)
    for line in script.lines:
        failures = runner.run(line)
        if line.expectation is not None:
            yield runner.judged(line, failures)


class _Runner:
    """An alarm and its surroundings, as a script lets them become."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._is_agent = script.check_type.startswith("agent.")
        self._criteria: Criteria = compile_criteria(script.criteria)
        self._zones = script.zones
        self._server = ScriptServer(_agent_id)
        self._target = ""
        self._check_revision = 1
        self._alarm_revision = 1
        self._enabled_at = 1  # the alarm's revision when it was last enabled
        self._is_enabled = True
        self._plan_id = script.plan_id
        self._suppressions: dict[str, Suppression] = {}
        self._state = AlarmState(alarm_id="alOne", tenant_id="acOne")
        self._last: Evaluated | None = None
        self._round: Round | None = None
        self._asked: tuple[str, ...] = ()  # in the line
        self._seen: dict[str, Observation] = {}  # the last from each place

    def run(self, line: Line) -> list[Failure]:
        self._last, self._asked = None, ()
        told = [*self._ticks(line.at_ms), *self._end_round(self._server.now(line.at_ms))]
        for action in line.actions:
            if isinstance(action, Event):
                self._happen(action, line.at_ms)
            else:
                told.extend(self._report(action, line.at_ms))
        if self._is_enabled:
            told.extend(self._tell(self._server.now(line.at_ms)))
        if line.expectation is None:
            return []
        return self._compare(line.number, line.expectation, told)

    def judged(self, line: Line, failures: Sequence[Failure]) -> Judged:
        """How the alarm stands after a line."""
        terms, state = self._terms(), self._state
        standing = Standing(state.state, state.ballots, self._server.now(line.at_ms))
        return Judged(
            line=line.number,
            failures=tuple(failures),
            state=state.state,
            reason=self._reason(),
            status=state.status,
            votes=evidence(terms, standing, self._electorate(terms)),
        )

    def _ticks(self, at_ms: int) -> list[tuple[Telling, State]]:
        """Those up to a moment."""
        told: list[tuple[Telling, State]] = []
        while self._server.has_ticks(at_ms):
            if self._is_agent and self._is_enabled and self._server.is_ticking:
                told += self._judge_silence(self._server.ticked_ms)
        return told

    def _judge_silence(self, at_ms: int) -> list[tuple[Telling, State]]:
        terms, now_ms, quiet = self._terms(), self._server.now(at_ms), self._server.quiet(at_ms)
        before = adopt(terms, self._state, self._basis())
        due_ms = deadline_ms(terms, quiet, now_ms)
        if due_ms is None:
            self._last = Evaluated(self._state, unheard(before))
        if due_ms is None or due_ms > now_ms or is_told(before):
            return []
        found = silenced(terms, before, quiet, now_ms)
        self._state = decided(before, found.standing, found.decision, self._seen[AGENT_PLACE])
        self._last = Evaluated(self._state, found.decision)
        return self._tell(now_ms)

    def _report(self, report: Report, at_ms: int) -> list[tuple[Telling, State]]:
        terms, observation = self._terms(), self._observation(report, at_ms)
        if observation.agent_id is not None:
            self._server.reported_ms = observation.arrival_ms
        self._seen[observation.place] = observation
        if not self._is_enabled:
            return []
        before = adopt(terms, self._state, self._basis())
        was_open = self._round is not None and confirm.is_open(self._round, observation.arrival_ms)
        if self._round is not None:
            self._round = confirm.answered(self._round, observation)
        voters = self._electorate(terms)
        self._last = evaluate(terms, self._criteria, before, observation, voters, self._confirming())
        if self._last.begun is not None:
            self._round, self._asked = self._last.begun, self._last.begun.asked
        if self._last.decision is not None:
            self._state = self._last.state
        elif was_open and self._round is not None and self._round.has_ended and self._takes_part:
            self._redecide(observation.arrival_ms)
        return self._tell(observation.arrival_ms)

    def _confirming(self) -> Confirming:
        after_ms = self._script.confirm_after_ms
        if after_ms is None:
            return confirm.NOTHING
        can = frozenset(self._zones).difference(self._script.stock)
        return Confirming(Pace(after_ms, self._script.timeout_ms, self._script.period_ms), self._round, can)

    def _end_round(self, now_ms: int) -> list[tuple[Telling, State]]:
        last = self._round
        if last is None or not confirm.is_due(last, now_ms):
            return []
        self._round = confirm.ended(last)
        if not self._is_enabled:
            return []
        if self._takes_part:
            self._redecide(last.until_ms)
        return self._tell(last.until_ms)

    @property
    def _takes_part(self) -> bool:
        return confirm.takes_part(self._terms(), self._criteria)

    def _redecide(self, now_ms: int, deciding: Round | None = None) -> None:
        terms = self._terms()
        before = adopt(terms, self._state, self._basis())
        decision = redecide(terms, before, self._electorate(terms), now_ms, deciding)
        if decision.is_change:
            standing = Standing(before.state, before.ballots, now_ms, deciding)
            self._state = decided(before, standing, decision, self._seen[decision.place])
        self._last = Evaluated(self._state, decision)

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
        return electorate(terms, self._server.zones(self._zones))

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
            arrival_ms=self._server.now(at_ms),
            available=is_available,
            status=report.unavailable or "",
            metrics=report.metrics,
            is_blind=report.is_blind,
            buffers=report.buffers,
            took_ms=report.took_ms,
            round_id=self._round.id if report.confirms and self._round is not None else "",
        )

    def _happen(self, event: Event, at_ms: int) -> None:
        if event.verb in SPELLS:
            self._server.turn(event, at_ms)
            self._elect(self._server.now(at_ms))
        elif event.verb in AGENTS:
            self._server.tell_of_agent(event, at_ms)
        elif event.verb in PROCESSES:
            self._server.change_process(event)
        elif event.verb in CLOCKS:
            self._server.set_clock(event)
        elif event.verb in {"suppress", "lift"}:
            self._suppress(event)
        else:
            self._server.changed_ms = self._server.now(at_ms)
            self._change_alarm(event)

    def _elect(self, now_ms: int) -> None:
        """The electorate has changed."""
        if self._is_enabled:
            deciding = confirm.deciding(self._round, self._state.state, now_ms) if self._takes_part else None
            self._redecide(now_ms, deciding)

    def _suppress(self, event: Event) -> None:
        if event.verb == "suppress":
            self._suppressions[event.words[0]] = _suppression(event.words[0])
        else:
            self._suppressions.pop(event.words[0], None)

    def _change_alarm(self, event: Event) -> None:
        match event.verb:
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
        if expected.asks is not None:
            found.append(("asks", expected.asks, self._asked))
        return [Failure(number, f"{what} {want}", f"{what} {got}") for what, want, got in found if want != got]

    def _reason(self) -> str:
        if self._last is None:
            return "nothing evaluated"
        return self._last.decision.reason.value if self._last.decision else str(self._last.skip)
