"""Silence of agents: timers that say when to look, and looking.

A check's timer is a row, and no silence of the check is one before the row says so. What comes meanwhile moves nothing:
when the time is up the true deadline is worked out, and the timer set to it. So an observation costs no write. They are
looked at when a tick of the log is evaluated: what was to be heard by then has been read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import AgentId, CheckId, TenantId
from vedette.domain.observations import Observation
from vedette.engine.silence import Quiet, limit_ms
from vedette.engine.terms import AGENT_PLACE
from vedette.ports.documents import Documents
from vedette.ports.observations import Observations
from vedette.ports.silence import SilenceTimer, SilenceTimers
from vedette.ports.unit import Write
from vedette.services.agent_schedule import body_of
from vedette.services.around import Around
from vedette.services.watched import WatchedAlarm, WatchedCheck, WatchedChecks

_most_at_once = 5_000
_most_changes = 1_000
_turn = 10
_most_remembered = 300_000


class Stores(Protocol):
    """What silence is found in."""

    @property
    def documents(self) -> Documents: ...
    @property
    def observations(self) -> Observations: ...
    @property
    def silence_timers(self) -> SilenceTimers: ...


class Judge(Protocol):
    """Whoever decides about one alarm."""

    async def silence(self, check: WatchedCheck, alarm: WatchedAlarm, quiet: Quiet, now_ms: int) -> int | None:
        """When to look again; None: not before something changes."""
        ...


class Silences:
    """Like `Around`, ahead of the store by the batch under way."""

    def __init__(self, stores: Stores, watched: WatchedChecks, around: Around) -> None:
        self._documents = stores.documents
        self._observations = stores.observations
        self._timers = stores.silence_timers
        self._watched = watched
        self._around = around
        self._timed: dict[str, AgentId] = {}  # checks known to have a timer that is set, and for whom
        self._heard: dict[str, int] = {}  # when their last observation arrived
        self._writes: dict[str, Write] = {}

    def forget(self) -> None:
        """The batch was not committed, or another process was first."""
        self._timed.clear()
        self._heard.clear()
        self._writes.clear()

    def writes(self) -> list[Write]:
        return list(self._writes.values())

    def committed(self) -> None:
        self._writes.clear()
        if len(self._heard) > _most_remembered:
            self.forget()

    async def reported(self, check: WatchedCheck, observation: Observation) -> None:
        """An observation of the check was read, whatever it is worth."""
        if observation.agent_id is None or observation.agent_id != _bound(check):
            return
        self._heard[check.id] = observation.arrival_ms
        if self._timed.get(check.id) == observation.agent_id:
            return
        known = await self._timers.find(check.id)
        if known is None or known.due_ms is None or known.agent_id != observation.agent_id:
            shortest_ms = min(limit_ms(alarm.terms, is_fast=True) for alarm in check.alarms)
            timer = SilenceTimer(
                check_id=check.id,
                tenant_id=check.tenant_id,
                agent_id=observation.agent_id,
                reported_ms=observation.arrival_ms,
                due_ms=observation.arrival_ms + shortest_ms,
            )
            self._writes[check.id] = self._timers.start(timer)
        self._timed[check.id] = observation.agent_id

    async def look(self, judge: Judge, now_ms: int, seq: int) -> None:
        """At a tick, the entry `seq` of the log: at what is due, and at what was changed since the tick before."""
        at = (now_ms, seq)
        due = await self._timers.due(now_ms, _most_at_once)
        for number, timer in enumerate(due, 1):
            await self._visit(judge, timer, timer, at)
            if number % _turn == 0:
                await asyncio.sleep(0)  # SQLite is read on the event loop: others get their turn among many checks
        looked_at = {timer.check_id for timer in due}
        async for check in self._changed():
            check_id = CheckId(check.id)
            if check_id not in looked_at:
                known = await self._timers.find(check_id)
                found = known or await self._never_timed(check, seq)
                if found is not None:
                    await self._visit(judge, found, known, at)

    async def _visit(self, judge: Judge, timer: SilenceTimer, known: SilenceTimer | None, at: tuple[int, int]) -> None:
        """`known` is the timer as it is in the store, if it is."""
        if timer.check_id in self._writes:  # it was started in this very batch
            return
        now_ms, seq = at
        check = await self._watched.find(timer.tenant_id, timer.check_id)
        reported_ms, due_ms = timer.reported_ms, None
        if check is not None and timer.agent_id == _bound(check):
            reported_ms = await self._reported_ms(timer, seq)
            due_ms = await self._due_ms(judge, check, timer.agent_id, reported_ms, now_ms)
        after = msgspec.structs.replace(timer, reported_ms=reported_ms, due_ms=due_ms)
        if known is None:
            self._writes[timer.check_id] = self._timers.start(after)
        elif known != after:
            self._writes[timer.check_id] = self._timers.move(known, after)
        if due_ms is None:
            self._timed.pop(timer.check_id, None)
            self._heard.pop(timer.check_id, None)
        else:
            self._timed[timer.check_id] = timer.agent_id

    async def _due_ms(
        self, judge: Judge, check: WatchedCheck, agent_id: AgentId, reported_ms: int, now_ms: int
    ) -> int | None:
        presence = await self._around.presence(check.tenant_id, agent_id, now_ms)
        ticks = self._around.surroundings.ticks
        due = []
        for alarm in check.alarms:
            quiet = Quiet(
                reported_ms=reported_ms,
                changed_ms=alarm.changed_ms,
                stretch_ms=ticks.stretch_ms,
                set_back_ms=ticks.set_back_ms,
                presence=presence,
            )
            due.append(await judge.silence(check, alarm, quiet, now_ms))
        return min((due_ms for due_ms in due if due_ms is not None), default=None)

    async def _reported_ms(self, timer: SilenceTimer, seq: int) -> int:
        heard = self._heard.get(timer.check_id)
        if heard is None:
            last = await self._last(timer.check_id, seq)
            heard = last.arrival_ms if last is not None and last.agent_id == timer.agent_id else timer.reported_ms
            self._heard[timer.check_id] = heard
        return heard

    async def _never_timed(self, check: Document, seq: int) -> SilenceTimer | None:
        """A check that was reported while it had no alarm."""
        last = await self._last(check.id, seq)
        if last is None or last.agent_id is None:
            return None
        return SilenceTimer(
            check_id=CheckId(check.id),
            tenant_id=check.tenant_id,
            agent_id=last.agent_id,
            reported_ms=last.arrival_ms,
            due_ms=None,
        )

    async def _last(self, check_id: str, seq: int) -> Observation | None:
        return await self._observations.latest(check_id, AGENT_PLACE, seq)

    async def _changed(self) -> AsyncIterator[Document]:
        """The agents' checks that changes are about that no tick has looked at yet."""
        around = self._around
        seq = around.surroundings.changes_seq
        changes = await self._documents.changes(seq, _most_changes) if seq else []
        newest = changes[-1].seq if changes else seq or await self._documents.last_change()
        around.surroundings = msgspec.structs.replace(around.surroundings, changes_seq=newest)
        seen: set[str] = set()
        for change in changes:
            for check in await self._checks_of(change):
                if check.id not in seen and body_of(check).is_agents:
                    seen.add(check.id)
                    yield check

    async def _checks_of(self, change: Change) -> Iterable[Document]:
        tenant_id = change.tenant_id
        if change.kind == Kind.ENTITY:
            return await self._documents.of_entities(tenant_id, Kind.CHECK, [change.id])
        check_id: str | None = change.id if change.kind == Kind.CHECK else None
        if change.kind == Kind.ALARM:
            alarm = await self._documents.find(tenant_id, Kind.ALARM, change.id)
            check_id = None if alarm is None else alarm.check_id
        return await self._checks(tenant_id, check_id)

    async def _checks(self, tenant_id: TenantId, check_id: str | None) -> list[Document]:
        check = None if check_id is None else await self._documents.find(tenant_id, Kind.CHECK, check_id)
        return [] if check is None else [check]


def _bound(check: WatchedCheck) -> AgentId | None:
    """The agent whose silence the check's alarms are about."""
    return check.alarms[0].terms.agent_id if check.alarms else None
