"""Evaluation: from the observation log to alarm states, the changelog and the outbox.

A batch is one transaction: states by compare-and-set, changelog entries, deliveries, and the cursor. So a crash at any
moment loses no evaluation and makes none twice, and no state changes without its deliveries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import structlog

from vedette.domain.ids import TenantId
from vedette.domain.observations import Logged, Observation
from vedette.domain.states import State
from vedette.engine.decide import Decision, Reason
from vedette.engine.electorate import Electorate, Zones, electorate
from vedette.engine.evaluation import adopt, evaluate
from vedette.engine.states import AlarmState
from vedette.ports.clock import Clock, Entropy
from vedette.ports.documents import Documents
from vedette.ports.history import Changelogs, Outbox, SuppressionLogs
from vedette.ports.observations import AlarmStates, Observations
from vedette.ports.unit import Commit, Conflict, Write
from vedette.services.known_suppressions import KnownSuppressions
from vedette.services.retelling import Retelling
from vedette.services.state_changes import Announced, Announcer, Histories, Occasion
from vedette.services.watched import WatchedAlarm, WatchedCheck, WatchedChecks

CURSOR = "evaluate"

_batch = 256
_most_states = 200_000
_tries = 5

_log = structlog.get_logger(__name__)


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What evaluation reads and writes."""

    observations: Observations
    alarm_states: AlarmStates
    changelogs: Changelogs
    suppression_logs: SuppressionLogs
    outbox: Outbox
    documents: Documents
    commit: Commit


class Evaluator:
    """Reads the log after its cursor, batch by batch, and tells between batches what was held back."""

    def __init__(
        self,
        stores: Stores,
        watched: WatchedChecks,
        zones: Callable[[], Zones],
        entropy: Entropy,
        wake: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`zones` gives the monitoring zones as they stand; `wake` is called when there is something to dispatch."""
        self._stores = stores
        self._watched = watched
        self._zones = zones
        self._suppressions = KnownSuppressions(stores.documents)
        self._retelling = Retelling(stores.alarm_states, self._suppressions)
        watched.tell(self._suppressions.follow)
        watched.tell(self._retelling.follow)
        histories = Histories(
            changelogs=stores.changelogs, suppression_logs=stores.suppression_logs, outbox=stores.outbox
        )
        self._announcer = Announcer(histories, stores.documents, self._suppressions, entropy)
        self._wake = wake
        self._clock = clock
        self._states: dict[str, AlarmState] = {}
        self._cursor: int | None = None
        self._failures = 0

    async def step(self) -> bool:
        """Evaluates one batch, and tells what need no longer be held back; False when there was nothing to do.

        Raises `StoreUnavailable`: nothing has happened then, or nothing but the batch.
        """
        if self._cursor is None:
            self._cursor = await self._stores.observations.cursor(CURSOR)
        logged = await self._stores.observations.after(self._cursor, _batch if self._failures < 2 else 1)
        # After the log was read, so that every observation meets the configuration it was made under or a later one.
        await self._watched.refresh()
        if logged:
            await self._evaluate(logged, self._cursor)
        return await self._retell() or bool(logged)

    async def _retell(self) -> bool:
        """Tells of changes that nobody has been told of and that no suppression matches any more."""
        due = await self._retelling.due(self._clock())
        batch = _Batch({}, self._stores.alarm_states, self._announcer, self._zones())
        for state in due.states:
            await self._retell_one(batch, state, due.at_ms)
        if batch.states:
            try:
                await self._stores.commit(*batch.writes())
            except Conflict as conflict:  # another process was first, or an alarm was deleted meanwhile
                _log.info("retelling_conflict", guard=conflict.guard)
                self._forget()
                return True
        self._retelling.done(due)
        self._keep(batch)
        return bool(batch.states)

    async def _retell_one(self, batch: _Batch, state: AlarmState, at_ms: int) -> None:
        if state.cause is None:
            return
        check = await self._watched.find(TenantId(state.tenant_id), state.cause.check_id)
        alarm = next((one for one in check.alarms if one.id == state.alarm_id), None) if check is not None else None
        if check is not None and alarm is not None:
            # Not at a moment before the change: another process's clock may be ahead of ours, into a window.
            await batch.retell(check, alarm, state, max(at_ms, state.cause.arrival_ms))

    async def _evaluate(self, logged: Sequence[Logged], cursor: int) -> None:
        batch = _Batch(self._states, self._stores.alarm_states, self._announcer, self._zones())
        try:
            if self._failures < _tries:
                for entry in logged:
                    await self._observe(batch, entry.observation)
            else:
                _log.error("observation_skipped", seq=logged[0].seq, check_id=logged[0].observation.check_id)
            await self._stores.commit(
                *batch.writes(), self._stores.observations.advance(CURSOR, cursor, logged[-1].seq)
            )
        except Conflict as conflict:
            self._start_over(conflict)
            return
        self._failures = 0
        self._cursor = logged[-1].seq
        self._keep(batch)

    async def _observe(self, batch: _Batch, observation: Observation) -> None:
        check = await self._watched.find(observation.tenant_id, observation.check_id)
        if check is not None:
            for alarm in check.alarms:
                await batch.observe(check, alarm, observation)

    def _start_over(self, conflict: Conflict) -> None:
        """Another process was first, or an alarm was deleted meanwhile: read again, and do the batch again.

        When that does not help, observations go one at a time, and one that never goes through is left behind.
        """
        self._forget()
        if conflict.guard != "cursor":
            self._failures += 1
            _log.info("evaluation_conflict", guard=conflict.guard, failures=self._failures)

    def _forget(self) -> None:
        self._states.clear()
        self._watched.forget()
        self._suppressions.forget_all()
        self._retelling.start_over()
        self._cursor = None

    def _keep(self, batch: _Batch) -> None:
        for tenant_id, at_ms in batch.newly_held.items():
            self._retelling.held(tenant_id, at_ms)
        for state in batch.states.values():
            self._states.pop(state.alarm_id, None)
            self._states[state.alarm_id] = msgspec.structs.replace(state, revision=state.revision + 1)
        while len(self._states) > _most_states:
            del self._states[next(iter(self._states))]
        if batch.has_deliveries:
            self._wake()


class _Batch:
    """The alarms that some observations are about, as they become."""

    def __init__(self, known: dict[str, AlarmState], store: AlarmStates, announcer: Announcer, zones: Zones) -> None:
        self.states: dict[str, AlarmState] = {}
        self.newly_held: dict[TenantId, int] = {}  # since when, the earliest of a tenant's alarms
        self.has_deliveries = False
        self._known = known
        self._store = store
        self._announcer = announcer
        self._zones = zones
        self._electorates: dict[str, Electorate] = {}
        self._writes: list[Write] = []

    async def observe(self, check: WatchedCheck, alarm: WatchedAlarm, observation: Observation) -> None:
        before = adopt(alarm.terms, await self._state(check, alarm), alarm.basis)
        voters = self._electorate(alarm)
        evaluated = evaluate(alarm.terms, alarm.criteria, before, observation, voters)
        if evaluated.decision is None:
            return
        occasion = Occasion(
            check=check,
            alarm=alarm,
            at_ms=observation.arrival_ms,
            observation=observation,
            before=before,
            after=evaluated.state,
            decision=evaluated.decision,
            electorate=voters,
        )
        self._take(await self._announcer.announce(occasion))
        if self.states[alarm.id].is_held and not before.is_held:
            self.newly_held.setdefault(check.tenant_id, observation.arrival_ms)

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
        return [*puts, *self._writes]

    async def _state(self, check: WatchedCheck, alarm: WatchedAlarm) -> AlarmState:
        state = self.states.get(alarm.id) or self._known.get(alarm.id) or await self._store.find(alarm.id)
        return state or AlarmState(alarm_id=alarm.id, tenant_id=check.tenant_id)

    def _electorate(self, alarm: WatchedAlarm) -> Electorate:
        found = self._electorates.get(alarm.id)
        if found is None:
            found = self._electorates[alarm.id] = electorate(alarm.terms, self._zones)
        return found
