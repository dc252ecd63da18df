"""The alarms that some entries of the log are about, as they become: decided one by one, written together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vedette.domain.happenings import ProcessTurned
from vedette.domain.ids import TenantId, ZoneId
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.engine import confirm
from vedette.engine.confirm import Round
from vedette.engine.decide import Decision, Reason, Standing
from vedette.engine.electorate import Electorate, Zones, electorate
from vedette.engine.evaluation import adopt, decided, evaluate, redecide
from vedette.engine.silence import ELECTORATE, Quiet, deadline_ms, is_told, silenced
from vedette.engine.states import AlarmState
from vedette.engine.terms import AGENT_PLACE
from vedette.ports.observations import AlarmStates
from vedette.ports.past import PastObservations
from vedette.ports.unit import Write
from vedette.services.confirming import RoundsInBatch
from vedette.services.speakers import speaker
from vedette.services.state_changes import Announced, Announcer, Occasion
from vedette.services.watched import WatchedAlarm, WatchedCheck


class Stores(Protocol):
    """What is read of alarms."""

    @property
    def alarm_states(self) -> AlarmStates: ...
    @property
    def past(self) -> PastObservations: ...


class Batch:
    """The alarms that some observations are about, as they become."""

    def __init__(
        self,
        known: dict[str, AlarmState],
        stores: Stores,
        announcer: Announcer,
        zones: Callable[[tuple[str, ...]], Zones],
        rounds: RoundsInBatch,
    ) -> None:
        """`zones` gives a check's zones as they stand."""
        self.states: dict[str, AlarmState] = {}
        self.newly_held: dict[TenantId, int] = {}  # since when, the earliest of a tenant's alarms
        self.has_deliveries = False
        self.turned: list[ProcessTurned] = []  # to be written into the log
        self.is_too_small: dict[str, bool] = {}  # alarms that were decided about -> whether too few zones were up
        self._known = known
        self._store = stores.alarm_states
        self._past = stores.past
        self.rounds = rounds
        self._announcer = announcer
        self._zones = zones
        self._electorates: dict[str, Electorate] = {}
        self._writes: list[Write] = []

    async def observe(self, check: WatchedCheck, alarm: WatchedAlarm, observation: Observation) -> None:
        before = adopt(alarm.terms, await self._state(check, alarm), alarm.basis)
        voters = self._electorate(alarm)
        confirming = self.rounds.confirming(check)
        evaluated = evaluate(alarm.terms, alarm.criteria, before, observation, voters, confirming)
        if evaluated.begun is not None:
            self.rounds.change(evaluated.begun)
        if evaluated.decision is None:
            if self.rounds.is_last_answer(observation) and confirm.takes_part(alarm.terms, alarm.criteria):
                await self._redecide(check, alarm, observation.arrival_ms)
            return
        self._note(alarm, evaluated.decision)
        occasion = Occasion(
            check=check,
            alarm=alarm,
            at_ms=observation.arrival_ms,
            observation=observation,
            before=before,
            after=evaluated.state,
            decision=evaluated.decision,
            electorate=voters,
            deciding=evaluated.deciding,
        )
        await self._announce(occasion)

    async def end(self, check: WatchedCheck, overdue: Round) -> None:
        """A confirm round's time is up, and those that have not answered are not waited for."""
        for alarm in check.alarms:
            if confirm.takes_part(alarm.terms, alarm.criteria):
                await self._redecide(check, alarm, overdue.until_ms)

    async def elect(self, check: WatchedCheck, alarm: WatchedAlarm, at_ms: int) -> None:
        """Another electorate decides by the votes there are."""
        state = await self._state(check, alarm)
        if not state.ballots:
            return
        await self._redecide(check, alarm, at_ms, self.rounds.deciding(check, alarm, state.state, at_ms))

    def forget_electorates(self) -> None:
        """Zones may have turned."""
        self._electorates.clear()

    async def _redecide(
        self, check: WatchedCheck, alarm: WatchedAlarm, at_ms: int, deciding: Round | None = None
    ) -> None:
        """Decides where no observation was evaluated: a confirm round is over, or the electorate is another one."""
        before = adopt(alarm.terms, await self._state(check, alarm), alarm.basis)
        voters = self._electorate(alarm)
        decision = redecide(alarm.terms, before, voters, at_ms, deciding)
        self._note(alarm, decision)
        if not decision.is_change:
            return
        ballot = before.ballots[decision.place]
        observation = await speaker(self._past, check.id, decision.place, ballot)
        if observation is None:  # it is no longer kept
            observation = _stand_in(check, alarm, decision.place, ballot.evaluated_ms or at_ms, ballot.status)
        standing = Standing(before.state, before.ballots, at_ms, deciding)
        occasion = Occasion(
            check=check,
            alarm=alarm,
            at_ms=at_ms,
            observation=observation,
            before=before,
            after=decided(before, standing, decision, observation),
            decision=decision,
            electorate=voters,
            deciding=deciding,
        )
        await self._announce(occasion)

    async def silence(self, check: WatchedCheck, alarm: WatchedAlarm, quiet: Quiet, now_ms: int) -> int | None:
        """See `silences.Judge`."""
        before = adopt(alarm.terms, await self._state(check, alarm), alarm.basis)
        due_ms = deadline_ms(alarm.terms, quiet, now_ms)
        if due_ms is None or is_told(before):
            return None
        if due_ms > now_ms:
            return due_ms
        found = silenced(alarm.terms, before, quiet, now_ms)
        ballot = found.standing.ballots[AGENT_PLACE]
        observation = _stand_in(check, alarm, AGENT_PLACE, now_ms, ballot.status)
        occasion = Occasion(
            check=check,
            alarm=alarm,
            at_ms=now_ms,
            observation=observation,
            before=before,
            after=decided(before, found.standing, found.decision, observation),
            decision=found.decision,
            electorate=ELECTORATE,
        )
        await self._announce(occasion)
        return None

    def _note(self, alarm: WatchedAlarm, decision: Decision) -> None:
        self.is_too_small[alarm.id] = decision.reason is Reason.ELECTORATE_TOO_SMALL

    async def _announce(self, occasion: Occasion) -> None:
        announced = await self._announcer.announce(occasion)
        self._take(announced)
        if announced.state.is_held and not occasion.before.is_held:
            self.newly_held.setdefault(occasion.check.tenant_id, occasion.at_ms)

    async def retell(self, check: WatchedCheck, alarm: WatchedAlarm, state: AlarmState, at_ms: int) -> None:
        """Nothing was observed, but nobody may have been told of the state yet."""
        state = self.states.get(alarm.id) or state
        if state.cause is None or state.state is State.UNKNOWN:
            return
        occasion = Occasion(
            check=check,
            alarm=alarm,
            at_ms=at_ms,
            observation=state.cause,
            before=state,
            after=state,
            decision=Decision(state.state, Reason.UNCHANGED),
            electorate=self._electorate(alarm),
        )
        announced = await self._announcer.announce(occasion)
        if announced.state != state:
            self._take(announced)

    def _take(self, announced: Announced) -> None:
        self.states[announced.state.alarm_id] = announced.state
        self._writes.extend(announced.writes)
        self.has_deliveries = self.has_deliveries or announced.has_deliveries

    def writes(self) -> list[Write]:
        """States first: a lost compare-and-set is found before anything else is done."""
        puts = [self._store.put(state, state.revision) for state in self.states.values()]
        return [*puts, *self.rounds.writes(), *self._writes]

    async def _state(self, check: WatchedCheck, alarm: WatchedAlarm) -> AlarmState:
        state = self.states.get(alarm.id) or self._known.get(alarm.id) or await self._store.find(alarm.id)
        return state or AlarmState(alarm_id=alarm.id, tenant_id=check.tenant_id)

    def _electorate(self, alarm: WatchedAlarm) -> Electorate:
        found = self._electorates.get(alarm.id)
        if found is None:
            found = self._electorates[alarm.id] = electorate(alarm.terms, self._zones(alarm.terms.places))
        return found


def _stand_in(check: WatchedCheck, alarm: WatchedAlarm, place: str, at_ms: int, status: str) -> Observation:
    """What people are shown of a change that no observation is left of, or that none brought; it is no point."""
    return Observation(
        tenant_id=check.tenant_id,
        entity_id=check.entity_id,
        check_id=check.id,
        check_type=check.type,
        zone_id=ZoneId(place) if place else None,
        agent_id=alarm.terms.agent_id,
        sender="",
        check_revision=alarm.terms.check_revision,
        at_ms=at_ms,
        arrival_ms=at_ms,
        available=False,
        status=status,
        metrics={},
    )
