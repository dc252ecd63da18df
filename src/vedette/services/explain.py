"""Why an alarm is, or was, as it is: what was observed, what counted, how the vote went, who was told."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.domain.documents import Kind
from vedette.domain.faults import invalid, not_found
from vedette.domain.history import Attempt, Delivery, StateChange
from vedette.domain.ids import TenantId
from vedette.domain.states import State
from vedette.domain.timeline import key_at, uuid_of
from vedette.engine.decide import Standing, decide
from vedette.engine.replayed import Configured, Step
from vedette.engine.states import AlarmState
from vedette.engine.suppression import covers, is_active
from vedette.ports.documents import Documents
from vedette.ports.history import Outbox, Span
from vedette.ports.observations import AlarmStates
from vedette.services import reasons
from vedette.services.documents import DocumentService
from vedette.services.explained import observation
from vedette.services.notification_history import AlarmOf
from vedette.services.past_configuration import Objects, PastConfiguration
from vedette.services.replays import Replays, Running
from vedette.services.turns import Turns

MOST_OBSERVATIONS = 100
MOST_WAITING = 9
"""Of a tenant's explanations; each is the replay of hours or of a day."""
_MOST_TOLD = 20
_DAYS_MS = 30 * 24 * 3_600_000


class Explainer:
    """Reads; nothing is changed by an explanation."""

    def __init__(
        self, alarms: DocumentService, documents: Documents, states: AlarmStates, outbox: Outbox, replays: Replays
    ) -> None:
        self._alarms = alarms
        self._documents = documents
        self._states = states
        self._outbox = outbox
        self._replays = replays
        self._turns = Turns("explanation", MOST_WAITING)

    async def explain(self, alarm: AlarmOf, at_ms: int | None, now_ms: int) -> dict[str, Any]:
        """The alarm at a moment, by default now. One of a tenant's at a time.

        Raises `badRequest` for a moment that nothing is kept of, `rateLimitReached` where too many are waiting.
        """
        is_now = at_ms is None
        at_ms = now_ms if at_ms is None else at_ms
        if not now_ms - _DAYS_MS <= at_ms <= now_ms:
            raise invalid("at", "Expected a time within the last 30 days, not in the future")
        objects = await objects_of(self._alarms, self._documents, alarm)
        async with self._turns.turn(objects.tenant_id):
            return await self._explained(objects, at_ms, is_now=is_now)

    async def _explained(self, objects: Objects, at_ms: int, *, is_now: bool) -> dict[str, Any]:
        running = await self._replays.begin(objects, at_ms)
        latest: deque[Step] = deque(maxlen=MOST_OBSERVATIONS)
        async for step in self._replays.steps(running, objects.check.id, at_ms + 1):
            if step.observation is not None:
                latest.append(step)
        change = await self._replays.last_change(objects, at_ms + 1)
        state = running.replay.state
        if is_now:  # what is stored, not what a replay makes of it
            state = await self._states.find(state.alarm_id) or state
        shown = _alarm(objects, at_ms) | _state(state, change)
        shown |= _decision(running, state, at_ms)
        shown["observations"] = [observation(step, at_ms) for step in reversed(latest)]
        shown["statement"] = _statement(shown["observations"], state.state)
        shown["suppressions"] = _suppressions(running, at_ms)
        shown["plan"] = _plan(running.configuration, running.replay.alarm, at_ms)
        shown["told"] = state.told
        shown["is_held_back"] = state.is_held
        shown["notifications"] = await self._notifications(objects, at_ms)
        shown["replay"] = _replay(running, change)
        return shown

    async def _notifications(self, objects: Objects, at_ms: int) -> list[dict[str, Any]]:
        """The latest that were on their way by then, newest first, as they stand now."""
        span = Span(first=key_at(0), last=key_at(at_ms + 1), marker=None, limit=_MOST_TOLD, reverse=True)
        deliveries = await self._outbox.history(objects.tenant_id, objects.alarm.id, None, span)
        tried: dict[bytes, list[Attempt]] = {}
        for attempt in await self._outbox.attempts([delivery.key for delivery in deliveries]):
            tried.setdefault(attempt.delivery_key, []).append(attempt)
        return [_delivery(delivery, tried.get(delivery.key, ())) for delivery in deliveries]


async def objects_of(alarms: DocumentService, documents: Documents, alarm: AlarmOf) -> Objects:
    """An alarm with its check and entity. Raises `notFoundError`, or `parentNotFoundError` when its entity is none."""
    tenant_id: TenantId = alarm.tenant_id
    found = await alarms.find(tenant_id, alarm.id, alarm.entity_id)
    entity = await documents.find(tenant_id, Kind.ENTITY, alarm.entity_id)
    check = await documents.find(tenant_id, Kind.CHECK, found.check_id or "")
    if entity is None or check is None:  # deleted since
        raise not_found("Alarm", alarm.id)
    return Objects(entity=entity, check=check, alarm=found)


def _alarm(objects: Objects, at_ms: int) -> dict[str, Any]:
    public: dict[str, Any] = msgspec.json.decode(objects.alarm.public)
    return {
        "timestamp": at_ms,
        "entity_id": objects.entity.id,
        "check_id": objects.check.id,
        "alarm_id": objects.alarm.id,
        "label": public["label"],
    }


def _state(state: AlarmState, change: StateChange | None) -> dict[str, Any]:
    return {
        "state": state.state,
        "status": state.status,
        "previous_state": state.previous,
        "changed_at": state.changed_ms,
        "analyzed_by_monitoring_zone_id": state.analyzed_by,
        "change": None if change is None else _change(change),
    }


def _change(change: StateChange) -> dict[str, Any]:
    return {
        "id": uuid_of(change.key),
        "timestamp": change.at_ms,
        "state": change.state,
        "previous_state": change.previous_state,
        "status": change.status,
        "reason": change.reason,
        "votes": change.votes,
    }


def _statement(seen: Sequence[dict[str, Any]], state: State) -> dict[str, Any] | None:
    """Of the newest observation that speaks for the state, else of the newest that any statement was run for."""
    ran = [one for one in seen if one["statement"] is not None]
    speaking = [one for one in ran if one["result"]["state"] == state]
    return next((one["statement"] for one in (*speaking, *ran)), None)


def _decision(running: Running, state: AlarmState, at_ms: int) -> dict[str, Any]:
    """The vote as it stands; nothing of it while the alarm is not evaluated."""
    alarm, electorate = running.replay.alarm, running.replay.electorate
    if alarm is None or electorate is None:
        why = "It is not evaluated: the alarm or its check is disabled, or was not there."
        return {"criteria": None, "reason": None, "because": why, "arithmetic": None, "zones": []}
    terms = alarm.terms
    standing = Standing(state.state, state.ballots, at_ms, running.replay.deciding)
    decision = decide(terms, standing, electorate)
    cast = reasons.votes(terms, standing, electorate)
    sums = reasons.arithmetic(terms, electorate, cast)
    return {
        "criteria": alarm.criteria.text or None,
        "reason": decision.reason,
        "because": reasons.sentence(state.state, decision, terms, sums),
        "arithmetic": sums,
        "zones": [_vote(vote, terms.count, at_ms) for vote in cast],
    }


def _vote(vote: reasons.Vote, count: int, at_ms: int) -> dict[str, Any]:
    ballot = vote.ballot
    evaluated_ms = None if ballot is None else ballot.evaluated_ms
    return {
        "monitoring_zone_id": vote.place or None,
        "up": vote.is_up,
        "vote": None if ballot is None else ballot.vote,
        "status": None if ballot is None else ballot.vote_status,
        "run": [] if ballot is None else list(ballot.run),
        "run_length": count,
        "timestamp": evaluated_ms,
        "age": None if evaluated_ms is None else max(at_ms - evaluated_ms, 0),
        "fresh": vote.is_fresh,
        "counted": vote.counts,
        "not_counted_because": vote.why_not,
    }


def _suppressions(running: Running, at_ms: int) -> list[dict[str, Any]]:
    """Those about the alarm and its plan that there were, and whether one of their windows was open."""
    past, alarm = running.configuration.past, running.replay.alarm
    plan_id = "" if alarm is None else alarm.plan_id
    found = [one.suppression for one in past.suppressions if one.since_ms <= at_ms < one.until_ms]
    return [
        {"id": one.id, "active": is_active(one, at_ms), "start_time": one.start_ms, "end_time": one.end_ms}
        for one in found
        if covers(one, past.subject, plan_id)
    ]


def _plan(configuration: PastConfiguration, alarm: Configured | None, at_ms: int) -> dict[str, Any] | None:
    if alarm is None:
        return None
    states = (State.OK, State.WARNING, State.CRITICAL)
    receivers = {state.value: configuration.plans.receivers(alarm.plan_id, state, at_ms) for state in states}
    return {"id": alarm.plan_id, "receivers": receivers}


def _delivery(delivery: Delivery, attempts: Sequence[Attempt]) -> dict[str, Any]:
    return {
        "id": uuid_of(delivery.key),
        "timestamp": delivery.at_ms,
        "notification_plan_id": delivery.plan_id,
        "notification_id": delivery.notification_id,
        "state": delivery.state,
        "previous_state": delivery.previous_state,
        "status": delivery.status,
        "delivery": delivery.delivery_state,
        "message": delivery.message,
        "next_attempt_at": delivery.next_at_ms if delivery.delivery_state == "pending" else None,
        "attempts": [
            {
                "number": one.number,
                "started_at": one.started_ms,
                "finished_at": one.finished_ms,
                "success": one.success,
                "message": one.message,
            }
            for one in attempts
        ],
    }


def _replay(running: Running, change: StateChange | None) -> dict[str, Any]:
    """What it was made from, and whether it came to what was recorded."""
    recorded = State.UNKNOWN if change is None else change.state
    return {
        "from": running.from_ms,
        "data_from": running.data_from_ms,
        "configuration_from": running.configuration.known_from_ms,
        "state": running.replay.state.state,
        "recorded_state": recorded,
        "agrees": running.replay.state.state is recorded,
    }
