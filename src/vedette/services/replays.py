"""An alarm's past run through the engine again, in slices so short that nobody else waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from vedette.criteria import Criteria
from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, ProcessTurned, ZoneTurned
from vedette.domain.history import DeliveryState, StateChange
from vedette.domain.ids import AgentId
from vedette.domain.observations import Entry, Logged, Observation
from vedette.domain.states import State
from vedette.domain.timeline import key_at
from vedette.engine.presence import Presence
from vedette.engine.replay import Replay, Start, after_turn
from vedette.engine.replayed import Past, Step
from vedette.engine.silence import limit_ms
from vedette.engine.states import AlarmState, Ballot
from vedette.engine.terms import Terms
from vedette.engine.zone_spells import ZoneSpells
from vedette.ports.documents import Documents
from vedette.ports.history import Changelogs, Outbox, Span
from vedette.ports.past import PastObservations, Revisions
from vedette.ports.silence import EvaluationMemory
from vedette.services.past_configuration import Objects, PastConfiguration, PastConfigurations

_PAGE = 500
_SLICE = 100  # entries between two turns for everybody else: a few milliseconds
_DAY_MS = 24 * 3_600_000
_KEPT_MS = 32 * _DAY_MS  # nothing older is in the log
_HISTORY_MS = _DAY_MS  # how far back `previous` and `rate` read
_LONGEST_WINDOW_MS = 5 * 3_600_000
_NEAR_MS = 6 * 3_600_000
_LATEST_TOLD = 50
_STRETCH_MS = 600_000  # that silence is looked at in: a tick every 5 s


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of the past."""

    past: PastObservations
    revisions: Revisions
    documents: Documents
    changelogs: Changelogs
    outbox: Outbox
    memory: EvaluationMemory


class Running(msgspec.Struct, kw_only=True):
    """A replay that stands at its beginning."""

    replay: Replay
    configuration: PastConfiguration
    from_ms: int  # where it begins: long enough before what is asked for that votes and runs are what they were
    data_from_ms: int | None = None  # when the first observation after that arrived, once there was one
    observations: int = 0  # how many it has taken


class Replays:
    """Each reads what it needs of the past, and then the log, page by page."""

    def __init__(self, stores: Stores, confirm_after_ms: int) -> None:
        self._stores = stores
        self._configurations = PastConfigurations(stores.documents, stores.revisions, confirm_after_ms)

    async def begin(self, objects: Objects, from_ms: int, criteria: Criteria | None = None) -> Running:
        """A replay whose steps from `from_ms` on count, under the alarm's own criteria or others."""
        earliest_ms = from_ms - _HISTORY_MS - _LONGEST_WINDOW_MS
        configuration = await self._configurations.since(objects, earliest_ms, criteria)
        begin_ms = from_ms - _lookback_ms(configuration.past)
        state = AlarmState(alarm_id=objects.alarm.id, tenant_id=objects.tenant_id)
        if criteria is None:
            change = await self.last_change(objects, begin_ms)
            if change is not None:
                begin_ms, state = _from_change(change, begin_ms, configuration.past)
                state = msgspec.structs.replace(state, told=await self._told(objects, begin_ms))
        start = Start(
            at_ms=begin_ms,
            state=state,
            zones=await self._zones(begin_ms),
            presence=await self._presence(objects, configuration.past, begin_ms),
        )
        return Running(replay=Replay(configuration.past, start), configuration=configuration, from_ms=begin_ms)

    async def steps(self, running: Running, check_id: str, to_ms: int) -> AsyncIterator[Step]:
        """What came of everything before `to_ms`; others get their turn every few milliseconds."""
        replay = running.replay
        async for entries in self._entries(running, check_id, to_ms):
            for number, entry in enumerate(entries, 1):
                if isinstance(entry, Observation):
                    running.observations += 1
                    running.data_from_ms = running.data_from_ms or entry.arrival_ms
                for step in replay.take(entry):
                    yield step
                if number % _SLICE == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)
        for step in replay.go_to(to_ms):
            yield step

    async def last_change(self, objects: Objects, before_ms: int) -> StateChange | None:
        """The alarm's last change before a moment, as the changelog has it."""
        span = Span(first=key_at(0), last=key_at(before_ms), marker=None, limit=1, reverse=True)
        found = await self._stores.changelogs.of_alarm(objects.tenant_id, objects.entity.id, objects.alarm.id, span)
        return found[0] if found else None

    async def _told(self, objects: Objects, before_ms: int) -> dict[str, State]:
        """The state last told to each plan, as far back as the history goes; OK is left out."""
        span = Span(first=key_at(0), last=key_at(before_ms), marker=None, limit=_LATEST_TOLD, reverse=True)
        history = await self._stores.outbox.history(objects.tenant_id, objects.alarm.id, None, span)
        told: dict[str, State] = {}
        for delivery in history:
            if delivery.delivery_state is not DeliveryState.SUPPRESSED:
                told.setdefault(delivery.plan_id, delivery.state)
        return {plan_id: state for plan_id, state in told.items() if state is not State.OK}

    async def _zones(self, before_ms: int) -> ZoneSpells:
        """How zones stood at a moment, as far as somebody has said so."""
        spells = ZoneSpells()
        for day_ms in range(before_ms - _KEPT_MS, before_ms, _DAY_MS):
            async for entries in self._pages("", day_ms, min(day_ms + _DAY_MS, before_ms)):
                for entry in entries:
                    if isinstance(entry, ZoneTurned | ProcessTurned):
                        spells = after_turn(spells, entry)
        return spells

    async def _presence(self, objects: Objects, past: Past, at_ms: int) -> Presence | None:
        """What is known of the bound agent now, where it was so at a moment."""
        agent_id = _agent_of(past)
        found = None if agent_id is None else await self._stores.memory.presence(objects.tenant_id, agent_id)
        if found is None or max(found.moments) <= at_ms:
            return found
        return Presence(tenant_id=found.tenant_id, agent_id=found.agent_id, is_fast=found.is_fast)

    async def _entries(self, running: Running, check_id: str, to_ms: int) -> AsyncIterator[Sequence[Entry]]:
        """For an agent's check also what silence is judged by."""
        agent_id = _agent_of(running.configuration.past)
        if agent_id is None:
            async for entries in self._pages(check_id, running.from_ms, to_ms):
                yield entries
            return
        for begin_ms in range(running.from_ms, to_ms, _STRETCH_MS):
            end_ms = min(begin_ms + _STRETCH_MS, to_ms)
            found = [*await self._stores.past.of_agents(begin_ms, end_ms)]
            found += [one async for page in self._logged(check_id, begin_ms, end_ms) for one in page]
            found.sort(key=_seq)
            yield [one.entry for one in found if _is_heard(one.entry, running.replay.state.tenant_id, agent_id)]

    async def _pages(self, check_id: str, from_ms: int, to_ms: int) -> AsyncIterator[Sequence[Entry]]:
        async for page in self._logged(check_id, from_ms, to_ms):
            yield [logged.entry for logged in page]

    async def _logged(self, check_id: str, from_ms: int, to_ms: int) -> AsyncIterator[Sequence[Logged]]:
        after = 0
        while True:
            page = await self._stores.past.between(check_id, from_ms, to_ms, after, _PAGE)
            yield page
            if len(page) < _PAGE:
                return
            after = page[-1].seq


def _lookback_ms(past: Past) -> int:
    """After so long, votes and runs hold nothing of what was before."""
    alarms = [setting.alarm for setting in past.settings if setting.alarm is not None]
    if any(alarm.criteria.reads_history for alarm in alarms):
        return _HISTORY_MS
    return max((_settled_ms(alarm.terms) for alarm in alarms), default=0)


def _settled_ms(terms: Terms) -> int:
    return max(2 * terms.window_ms, 4 * limit_ms(terms, is_fast=False) if terms.is_agent else 0)


def _agent_of(past: Past) -> AgentId | None:
    """The agent that an agent's check was last bound to; None for remote checks."""
    alarms = [setting.alarm for setting in past.settings if setting.alarm is not None]
    return next((alarm.terms.agent_id for alarm in reversed(alarms) if alarm.terms.is_agent), None)


def _is_heard(entry: Entry, tenant_id: str, agent_id: AgentId) -> bool:
    """Agents of other tenants may have the same name."""
    if isinstance(entry, AgentConnected | AgentClosed | AgentFetched):
        return (entry.tenant_id, entry.agent_id) == (tenant_id, agent_id)
    return not isinstance(entry, Observation) or entry.agent_id == agent_id


def _seq(logged: Logged) -> int:
    return logged.seq


def _from_change(change: StateChange, begin_ms: int, past: Past) -> tuple[int, AlarmState]:
    """Where to begin after a change, and from what: where it is near, right after it, with the votes it was made of."""
    state = AlarmState(
        alarm_id=change.alarm_id,
        tenant_id=change.tenant_id,
        state=change.state,
        status=change.status,
        changed_ms=change.at_ms,
        previous=change.previous_state,
        analyzed_by=change.analyzed_by,
    )
    settings = [setting for setting in past.settings if setting.since_ms <= change.at_ms]
    alarm = settings[-1].alarm if settings else None
    if alarm is None or begin_ms - change.at_ms > _NEAR_MS:
        return begin_ms, state
    kept = {place: _ballot(vote) for place, vote in change.votes.items()}
    return change.at_ms + 1, msgspec.structs.replace(state, basis=alarm.basis.text, ballots=kept)


def _ballot(vote: Mapping[str, Any]) -> Ballot:
    """As the evidence of a change tells it."""
    return Ballot(
        run=tuple(State(state) for state in vote.get("run", ())),
        vote=None if vote["state"] is None else State(vote["state"]),
        vote_status=vote["status"],
        status=vote["status"],
        evaluated_ms=vote["timestamp"],
        counted_ms=vote["timestamp"],
        arrived_ms=vote["timestamp"] or 0,
    )
