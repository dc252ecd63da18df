"""Evaluation: from the observation log to alarm states, the changelog and the outbox.

A batch is one transaction: states by compare-and-set, changelog entries, deliveries, and the cursor. So a crash at any
moment loses no evaluation and makes none twice, and no state changes without its deliveries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import structlog

from vedette.domain.happenings import ProcessTurned, Tick
from vedette.domain.ids import TenantId
from vedette.domain.observations import Logged, Observation
from vedette.engine import confirm
from vedette.engine.confirm import Round
from vedette.engine.states import AlarmState
from vedette.ports.clock import Clock, Entropy
from vedette.ports.documents import Documents
from vedette.ports.history import Changelogs, Outbox, SuppressionLogs
from vedette.ports.observations import AlarmStates, Observations
from vedette.ports.past import PastObservations
from vedette.ports.silence import EvaluationMemory, SilenceTimers
from vedette.ports.unit import Commit, Conflict, StoreUnavailable
from vedette.services.around import Around
from vedette.services.confirming import Rounds, RoundsInBatch
from vedette.services.evaluation_batch import Batch
from vedette.services.known_suppressions import KnownSuppressions
from vedette.services.lags import Lags
from vedette.services.operator_alarms import OperatorAlarms
from vedette.services.retelling import Retelling
from vedette.services.silences import Silences
from vedette.services.state_changes import Announcer, Histories
from vedette.services.watched import WatchedChecks

CURSOR = "evaluate"

_batch = 256
_most_states = 200_000
_tries = 5

_log = structlog.get_logger(__name__)


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What evaluation reads and writes."""

    observations: Observations
    past: PastObservations
    alarm_states: AlarmStates
    memory: EvaluationMemory
    silence_timers: SilenceTimers
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
        entropy: Entropy,
        wake: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`wake` is called when there is something to dispatch."""
        self._stores = stores
        self._watched = watched
        self._around = Around(stores.memory, stores.silence_timers)
        self._silences = Silences(stores, watched, self._around)
        self._lags = Lags(watched)
        self.operator = OperatorAlarms()
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
        self._rounds: Rounds | None = None

    def confirm(self, rounds: Rounds) -> None:
        """Lets confirm rounds begin, and goes on with those under way; without it there are none."""
        self._rounds = rounds

    async def step(self) -> bool:
        """Evaluates one batch, and tells what need no longer be held back; False when there was nothing to do.

        Raises `StoreUnavailable`: nothing has happened then, or nothing but the batch.
        """
        try:
            return await self._step()
        except StoreUnavailable:  # these two were ahead of the store
            self._around.forget()
            self._silences.forget()
            raise

    async def _step(self) -> bool:
        if self._cursor is None:
            self._cursor = await self._stores.observations.cursor(CURSOR)
        await self._around.load()
        if self._rounds is not None:
            await self._rounds.load()
        read_ms = self._rounds.steady_ms() if self._rounds is not None else 0
        limit = _batch if self._failures < 2 else 1
        logged = await self._stores.observations.after(self._cursor, limit)
        # After the log was read, so that every observation meets the configuration it was made under or a later one.
        await self._watched.refresh()
        taken = up_to_tick(logged)
        if taken:
            await self._evaluate(taken, self._cursor)
        # What arrived before a round's time was up is evaluated first; a conflict may have left nothing to go on from.
        has_read_all = len(taken) == len(logged) < limit and self._cursor is not None
        if has_read_all and self._rounds is not None:
            await self._end_rounds(self._rounds, read_ms)
        return await self._retell() or bool(logged)

    async def _end_rounds(self, rounds: Rounds, steady_ms: int) -> None:
        """Decides without those that have not answered in time, and forgets rounds that keep no other from beginning.

        `steady_ms`: all that came before has been evaluated. Another process that was first has done the same.
        """
        due = rounds.due(steady_ms)
        if not due:
            return
        batch = self._new_batch({})
        for kept in due:
            if not kept.round.has_ended:
                await self._end_round(batch, kept.round)
        removed = [kept for kept in due if kept.round.has_ended]
        try:
            await self._stores.commit(*batch.writes(), *(rounds.store.remove(kept) for kept in removed))
        except Conflict as conflict:
            _log.info("confirm_conflict", guard=conflict.guard)
            self._forget()
            return
        rounds.drop(removed)
        self._keep(batch)

    async def _end_round(self, batch: Batch, latest: Round) -> None:
        batch.rounds.change(confirm.ended(latest))
        check = await self._watched.find(latest.tenant_id, latest.check_id)
        if check is not None:
            await batch.end(check, latest)

    async def _retell(self) -> bool:
        """Tells of changes that nobody has been told of and that no suppression matches any more."""
        await self._around.load()  # a conflict may have come before
        due = await self._retelling.due(self._clock())
        batch = self._new_batch({})
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

    async def _retell_one(self, batch: Batch, state: AlarmState, at_ms: int) -> None:
        if state.cause is None:
            return
        check = await self._watched.find(TenantId(state.tenant_id), state.cause.check_id)
        alarm = next((one for one in check.alarms if one.id == state.alarm_id), None) if check is not None else None
        if check is not None and alarm is not None:
            # Not at a moment before the change: another process's clock may be ahead of ours, into a window.
            await batch.retell(check, alarm, state, max(at_ms, state.cause.arrival_ms))

    async def _evaluate(self, logged: Sequence[Logged], cursor: int) -> None:
        batch = self._new_batch(self._states)
        is_hopeless = self._failures >= _tries
        if is_hopeless:
            _log.error("entry_skipped", seq=logged[0].seq, kind=type(logged[0].entry).__name__)
        try:
            for one in logged:
                await self._take(batch, one, is_hopeless=is_hopeless)
            await self._stores.commit(
                *batch.writes(),
                *self._silences.writes(),  # compare with what was read, before the next ones hasten it
                *self._around.writes(),
                *([self._stores.observations.append(batch.turned)] if batch.turned else []),
                self._stores.observations.advance(CURSOR, cursor, logged[-1].seq),
            )
        except Conflict as conflict:
            self._start_over(conflict)
            return
        self._failures = 0
        self._cursor = logged[-1].seq
        self._around.committed()
        self._silences.committed()
        self._keep(batch)
        last = logged[-1].entry
        self.operator.decided(batch.is_too_small, last.arrival_ms if isinstance(last, Observation) else last.at_ms)
        if isinstance(last, Tick):
            self.operator.look(self._around.surroundings, last.at_ms)

    async def _take(self, batch: Batch, one: Logged, *, is_hopeless: bool) -> None:
        """The next entry; of one that never goes through, how zones and agents stand is taken all the same."""
        entry = one.entry
        if isinstance(entry, Observation):
            if not is_hopeless:
                await self._observe(batch, entry)
            return
        heeded = self._around.surroundings.zones.heeded
        left = await self._around.take(entry)
        if isinstance(entry, Tick):
            batch.turned += _turned(entry.at_ms, heeded, self._around.surroundings.zones.heeded)
        batch.forget_electorates()
        if is_hopeless:
            return
        if left:
            await self._elect(batch, left, entry.at_ms)
        if isinstance(entry, Tick):
            await self._silences.look(batch, entry.at_ms, one.seq)
            self._around.surroundings = await self._lags.look(self._around.surroundings, entry.at_ms)

    async def _elect(self, batch: Batch, left: frozenset[str], at_ms: int) -> None:
        """Fewer zones are up, or there: alarms have other electorates."""
        async for check in self._watched.polled_from(left):
            for alarm in check.alarms:
                await batch.elect(check, alarm, at_ms)

    async def _observe(self, batch: Batch, observation: Observation) -> None:
        check = await self._watched.find(observation.tenant_id, observation.check_id)
        if check is not None:
            overdue = batch.rounds.heard(observation)
            if overdue is not None:
                await batch.end(check, overdue)
            for alarm in check.alarms:
                await batch.observe(check, alarm, observation)
            await self._silences.reported(check, observation)
            self._lags.heard(check, observation)

    def _new_batch(self, known: dict[str, AlarmState]) -> Batch:
        return Batch(known, self._stores, self._announcer, self._around.zones, RoundsInBatch(self._rounds))

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
        self._around.forget()
        self._silences.forget()
        self._watched.forget()
        self._suppressions.forget_all()
        self._retelling.start_over()
        if self._rounds is not None:
            self._rounds.forget()
        self._cursor = None

    def _keep(self, batch: Batch) -> None:
        if self._rounds is not None:
            self._rounds.keep(batch.rounds)
        for tenant_id, at_ms in batch.newly_held.items():
            self._retelling.held(tenant_id, at_ms)
        for state in batch.states.values():
            self._states.pop(state.alarm_id, None)
            self._states[state.alarm_id] = msgspec.structs.replace(state, revision=state.revision + 1)
        while len(self._states) > _most_states:
            del self._states[next(iter(self._states))]
        if batch.has_deliveries:
            self._wake()


def _turned(at_ms: int, before: frozenset[str], after: frozenset[str]) -> list[ProcessTurned]:
    """For those who read of zones in the log later: ticks are too many for them."""
    return [ProcessTurned(at_ms, process, process in after) for process in sorted(before ^ after)]


def up_to_tick(logged: Sequence[Logged]) -> Sequence[Logged]:
    """What is evaluated at once: a tick is the last entry, for it looks at timers as the store has them."""
    for number, one in enumerate(logged, 1):
        if isinstance(one.entry, Tick):
            return logged[:number]
    return logged
