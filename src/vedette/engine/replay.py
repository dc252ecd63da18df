"""An alarm's past, evaluated again: the same functions over the same entries of the log, and nobody is told.

What evaluation does as things happen is done here for a stretch of the past: the configuration and the suppressions of
each moment, zones as they stood, observations in the order of the log, confirm rounds, silences. So *explain* shows
what was decided, and a *back-test* what other criteria would have.

One thing is made up for. Which collectors could be asked to confirm is in no log: those that say how long their probes
take, for both came together.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import msgspec

from vedette.domain.happenings import (
    AgentClosed,
    AgentConnected,
    AgentFetched,
    Happening,
    ProcessTurned,
    Tick,
    ZoneTurned,
)
from vedette.domain.observations import Entry, Observation
from vedette.domain.states import State
from vedette.engine import confirm
from vedette.engine.confirm import Confirming, Round
from vedette.engine.decide import Decision, Standing, evidence
from vedette.engine.electorate import Electorate, Zones, electorate
from vedette.engine.evaluation import adopt, decided, evaluate, redecide
from vedette.engine.presence import Presence
from vedette.engine.replayed import NEVER, Change, Configured, Lasting, Past, Step, Told, Withheld
from vedette.engine.silence import ELECTORATE, Quiet, deadline_ms, is_told, silenced
from vedette.engine.states import AlarmState
from vedette.engine.suppression import Subject, Suppression, covers, is_active, next_edge
from vedette.engine.terms import Terms
from vedette.engine.ticks import Ticks
from vedette.engine.told import after_telling, held_back, tellings
from vedette.engine.zone_spells import ZoneSpells


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """How things stood where a replay begins."""

    at_ms: int
    state: AlarmState
    zones: ZoneSpells = ZoneSpells()  # a zone that nobody spoke of was up
    presence: Presence | None = None  # of the agent, for its checks
    reported_ms: int | None = None  # when it last reported the check


class Replay:
    """One alarm on its way through the past. Pure: the same entries give the same steps."""

    def __init__(self, past: Past, start: Start) -> None:
        self._past = past
        self.state = start.state
        self.now_ms = start.at_ms
        self._zones = start.zones
        self._ticks = Ticks()
        self._presence = start.presence
        self._reported_ms = start.reported_ms
        self._round: Round | None = None
        self._can: frozenset[str] = frozenset()  # zones whose collectors can be asked to confirm
        self._seen: dict[str, Observation] = {}  # the last evaluated from each place
        self._settings = list(past.settings)[::-1]
        self._alarm: Configured | None = None
        self._electorate: Electorate | None = None
        self._suppressions = _about(past, start.state)
        self._active: dict[int, Suppression] = {}
        self._moments: list[tuple[int, int]] = []  # a heap: (when, which suppression begins or ends then)
        self._configure()
        for number in range(len(self._suppressions)):
            self._look_at(number)

    @property
    def alarm(self) -> Configured | None:
        """The alarm as it is configured at the moment reached; None where it is not evaluated."""
        return self._alarm

    @property
    def electorate(self) -> Electorate | None:
        """Who may vote at the moment reached, None for an alarm that is not evaluated."""
        if self._electorate is None and self._alarm is not None:
            self._electorate = electorate(self._alarm.terms, self._zones_of(self._alarm.terms))
        return self._electorate

    @property
    def deciding(self) -> Round | None:
        """The confirm round that says which votes count at the moment reached."""
        alarm = self._alarm
        if alarm is None or not confirm.takes_part(alarm.terms, alarm.criteria):
            return None
        return confirm.deciding(self._round, self.state.state, self.now_ms)

    def matching(self, plan_id: str) -> tuple[str, ...]:
        """The suppressions that match the alarm and a plan at the moment reached."""
        return tuple(sorted(one.id for one in self._active.values() if covers(one, self._past.subject, plan_id)))

    def take(self, entry: Entry) -> Iterator[Step]:
        """The next entry of the log, after what happened by itself before it arrived."""
        yield from self.go_to(entry.arrival_ms if isinstance(entry, Observation) else entry.at_ms)
        if isinstance(entry, Observation):
            yield self._observe(entry)
        else:
            yield from self._happen(entry)

    def go_to(self, at_ms: int) -> Iterator[Step]:
        """Time goes by: other settings come into force, suppressions begin and end, a round's time is up."""
        while (next_ms := self._next_moment()) <= at_ms:
            self.now_ms = max(self.now_ms, next_ms)
            self._configure()
            while self._moments and self._moments[0][0] <= self.now_ms:
                self._look_at(heapq.heappop(self._moments)[1])
            step = self._end_round() or self._told(self._step())
            if step.change is not None or step.told:
                yield step
        self.now_ms = max(self.now_ms, at_ms)

    def _step(self) -> Step:
        return Step(at_ms=self.now_ms, before=self.state, alarm=self._alarm)

    def _observe(self, observation: Observation) -> Step:
        step, alarm, voters = self._step(), self._alarm, self.electorate
        step = msgspec.structs.replace(step, observation=observation)
        if observation.agent_id is not None:
            self._reported_ms = observation.arrival_ms
        elif observation.took_ms is not None:
            self._can |= {observation.place}
        was_open = self._round is not None and confirm.is_open(self._round, observation.arrival_ms)
        if self._round is not None:
            self._round = confirm.answered(self._round, observation)
        if alarm is None or voters is None:
            return step
        before = adopt(alarm.terms, self.state, alarm.basis)
        confirming = Confirming(alarm.pace, self._round, self._can)
        evaluated = evaluate(alarm.terms, alarm.criteria, before, observation, voters, confirming)
        self._round = evaluated.begun or self._round
        step = msgspec.structs.replace(step, before=before, evaluated=evaluated)
        if evaluated.decision is None:
            is_over = was_open and self._round is not None and self._round.has_ended
            return self._redecided(step) if is_over and confirm.takes_part(alarm.terms, alarm.criteria) else step
        self._seen[observation.place] = observation
        self.state = evaluated.state
        return self._told(self._changed(step, before, evaluated.decision, evaluated.deciding))

    def _happen(self, happening: Happening) -> Iterator[Step]:
        before = self._zones
        match happening:
            case ZoneTurned() | ProcessTurned():
                self._zones = after_turn(before, happening)
            case AgentConnected():
                self._ticks = self._ticks.spoke(happening.process_id, happening.at_ms)
            case Tick():
                self._ticks = self._ticks.after(happening)
        if isinstance(happening, AgentConnected | AgentClosed | AgentFetched):
            self._take_of_agent(happening)
        alarm = self._alarm
        if alarm is None:
            return
        if not alarm.terms.is_agent and self._zones is not before:
            self._electorate = None
            if not self._zones.left_since(before).isdisjoint(alarm.terms.places):
                yield self._redecided(self._step(), self.deciding)
        if isinstance(happening, Tick) and alarm.terms.is_agent:
            yield from self._listen(alarm)

    def _take_of_agent(self, happening: AgentConnected | AgentClosed | AgentFetched) -> None:
        known = self._presence or Presence(tenant_id=happening.tenant_id, agent_id=happening.agent_id)
        self._presence = known.after(happening, self._ticks)

    def _listen(self, alarm: Configured) -> Iterator[Step]:
        """Whether the agent's silence is one."""
        ticks, heard_ms = self._ticks, self._reported_ms
        if heard_ms is None or 0 <= self.now_ms - heard_ms < alarm.terms.window_ms:
            return  # no limit is shorter, and nearly every tick ends here
        quiet = Quiet(
            reported_ms=heard_ms,
            changed_ms=alarm.changed_ms,
            stretch_ms=ticks.stretch_ms,
            presence=None if self._presence is None else self._presence.at(self.now_ms, ticks),
        )
        before = adopt(alarm.terms, self.state, alarm.basis)
        due_ms = deadline_ms(alarm.terms, quiet, self.now_ms)
        if due_ms is None or due_ms > self.now_ms or is_told(before):
            return
        found = silenced(alarm.terms, before, quiet, self.now_ms)
        step = msgspec.structs.replace(self._step(), before=before)
        self.state = self._after(before, found.standing, found.decision)
        self._electorate = ELECTORATE
        yield self._told(self._changed(step, before, found.decision, None))

    def _end_round(self) -> Step | None:
        """Those that have not answered in time are not waited for."""
        alarm, latest = self._alarm, self._round
        if latest is None or not confirm.is_due(latest, self.now_ms):
            return None
        self._round = confirm.ended(latest)
        if alarm is None or not confirm.takes_part(alarm.terms, alarm.criteria):
            return None
        return self._redecided(self._step())

    def _redecided(self, step: Step, deciding: Round | None = None) -> Step:
        """Decides where no observation was evaluated: a round is over, or the electorate is another one."""
        alarm, voters = self._alarm, self.electorate
        if alarm is None or voters is None or not self.state.ballots:
            return self._told(step)
        before = adopt(alarm.terms, self.state, alarm.basis)
        decision = redecide(alarm.terms, before, voters, self.now_ms, deciding)
        if decision.is_change:
            self.state = self._after(before, Standing(before.state, before.ballots, self.now_ms, deciding), decision)
        return self._told(self._changed(step, before, decision, deciding))

    def _after(self, before: AlarmState, standing: Standing, decision: Decision) -> AlarmState:
        """The state after a decision that no observation of the moment brought."""
        seen = self._seen.get(decision.place)
        if seen is not None:
            return decided(before, standing, decision, seen)
        return msgspec.structs.replace(
            before,
            state=decision.state,
            status=decision.status if decision.is_change else before.status,
            changed_ms=standing.now_ms if decision.is_change else before.changed_ms,
            previous=before.state if decision.is_change else before.previous,
            analyzed_by=decision.place or None if decision.is_change else before.analyzed_by,
            ballots=dict(standing.ballots),
        )

    def _changed(self, step: Step, before: AlarmState, decision: Decision, deciding: Round | None) -> Step:
        alarm, voters, state = self._alarm, self.electorate, self.state
        if not decision.is_change or alarm is None or voters is None:
            return step
        standing = Standing(state.state, state.ballots, self.now_ms, deciding)
        change = Change(
            state=state.state,
            previous=before.state,
            status=state.status,
            reason=decision.reason,
            analyzed_by=state.analyzed_by,
            votes=evidence(alarm.terms, standing, voters),
        )
        return msgspec.structs.replace(step, change=change)

    def _told(self, step: Step) -> Step:
        """Who is told after a decision, and whenever a suppression or the alarm's plan may have changed."""
        state, alarm = self.state, self._alarm
        if alarm is None:
            return step
        due = tellings(state.told, alarm.plan_id, state.state)
        if due:
            sorted_out = held_back(due, lambda plan_id: bool(self.matching(plan_id)))
            told = after_telling(state.told, sorted_out.now, state.state)
            self.state = msgspec.structs.replace(state, told=told, is_held=bool(sorted_out.held))
            now = tuple(
                Told(
                    plan_id=one.plan_id,
                    state=state.state,
                    previous=one.previous,
                    status=state.status,
                    changed_ms=self.now_ms if state.changed_ms is None else state.changed_ms,
                )
                for one in sorted_out.now
            )
            step = msgspec.structs.replace(step, told=now)
        elif state.is_held:
            self.state = msgspec.structs.replace(state, is_held=False)
        return self._withheld(step, alarm)

    def _withheld(self, step: Step, alarm: Configured) -> Step:
        change = step.change
        if change is None or (change.previous is State.UNKNOWN and change.state is State.OK):
            return step
        ids = self.matching(alarm.plan_id)
        if not ids:
            return step
        withheld = Withheld(plan_id=alarm.plan_id, state=change.state, status=change.status, suppressions=ids)
        return msgspec.structs.replace(step, withheld=withheld)

    def _configure(self) -> None:
        while self._settings and self._settings[-1].since_ms <= self.now_ms:
            self._alarm = self._settings.pop().alarm
            self._electorate = None

    def _look_at(self, number: int) -> None:
        """Whether a suppression is active now, and when that may change."""
        one, now_ms = self._suppressions[number], self.now_ms
        self._active.pop(number, None)
        if one.since_ms <= now_ms < one.until_ms and is_active(one.suppression, now_ms):
            self._active[number] = one.suppression
        changes = (one.since_ms, one.until_ms, next_edge(one.suppression, now_ms))
        next_ms = min((at_ms for at_ms in changes if at_ms is not None and at_ms > now_ms), default=NEVER)
        if next_ms < NEVER and now_ms < one.until_ms:
            heapq.heappush(self._moments, (next_ms, number))

    def _next_moment(self) -> int:
        """When something happens by itself next."""
        setting_ms = self._settings[-1].since_ms if self._settings else NEVER
        round_ms = self._round.until_ms if self._round is not None and not self._round.has_ended else NEVER
        return min(setting_ms, round_ms, self._moments[0][0] if self._moments else NEVER)

    def _zones_of(self, terms: Terms) -> Zones:
        """As they stand; one that nobody spoke of is up."""
        said = self._zones.zones(terms.places)
        unspoken = frozenset(place for place in terms.places if place not in self._zones.stands)
        return Zones(said.existing, said.up | unspoken, said.since)


def after_turn(spells: ZoneSpells, turned: ZoneTurned | ProcessTurned) -> ZoneSpells:
    """A process that speaks lives until it is said not to."""
    if isinstance(turned, ProcessTurned):
        return spells.turned(turned)
    return spells.after(turned, spells.heeded | {turned.process_id})


def _about(past: Past, start: AlarmState) -> tuple[Lasting, ...]:
    """The suppressions that the alarm ever met."""
    plans = {one.alarm.plan_id for one in past.settings if one.alarm is not None} | set(start.told)
    return tuple(one for one in past.suppressions if _is_about(one.suppression, past.subject, plans))


def _is_about(suppression: Suppression, subject: Subject, plans: Iterable[str]) -> bool:
    return any(covers(suppression, subject, plan_id) for plan_id in plans)
