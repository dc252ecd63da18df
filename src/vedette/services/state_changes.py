"""What a decision brings about: a changelog entry, and deliveries to those who are to be told."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.domain.documents import Kind
from vedette.domain.history import Delivery, StateChange
from vedette.domain.ids import NotificationId, PlanId, TenantId
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.domain.timeline import new_key
from vedette.engine.decide import Decision, Standing, evidence
from vedette.engine.electorate import Electorate
from vedette.engine.states import AlarmState
from vedette.engine.told import Telling, after_telling, tellings
from vedette.ports.clock import Entropy
from vedette.ports.documents import Documents
from vedette.ports.history import Changelogs, Outbox
from vedette.ports.unit import Write
from vedette.services.events import Subjects, event_id, transaction_id, webhook_event
from vedette.services.notifications import BUILT_IN_NOTIFICATIONS
from vedette.services.plans import BUILT_IN_PLANS
from vedette.services.watched import WatchedAlarm, WatchedCheck


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """A decision and what it was made from."""

    check: WatchedCheck
    alarm: WatchedAlarm
    observation: Observation  # the one evaluated
    before: AlarmState
    after: AlarmState
    decision: Decision
    electorate: Electorate


class Announced(msgspec.Struct, frozen=True):
    """The state to keep, and what goes into its transaction."""

    state: AlarmState
    writes: tuple[Write, ...] = ()
    has_deliveries: bool = False


class Announcer:
    """Writes changes down and finds the receivers of those that are to be told."""

    def __init__(self, changelogs: Changelogs, outbox: Outbox, documents: Documents, entropy: Entropy) -> None:
        self._changelogs = changelogs
        self._outbox = outbox
        self._documents = documents
        self._entropy = entropy

    async def announce(self, occasion: Occasion) -> Announced:
        """The first decision of an alarm is a change too, but a first OK is told to nobody."""
        state = occasion.after
        writes: list[Write] = []
        if occasion.decision.is_change:
            key = self._key_after(occasion.before.change_key, occasion.observation.arrival_ms)
            state = msgspec.structs.replace(state, change_key=key)
            writes.append(self._changelogs.add(_change(occasion, state)))
        told = tellings(state.told, occasion.alarm.plan_id, state.state)
        if not told:
            return Announced(state, tuple(writes))
        deliveries = await self._deliveries(occasion, state, told)
        writes.extend(self._outbox.add(delivery) for delivery in deliveries)
        state = msgspec.structs.replace(state, told=after_telling(state.told, told, state.state))
        return Announced(state, tuple(writes), bool(deliveries))

    async def _deliveries(self, occasion: Occasion, state: AlarmState, told: tuple[Telling, ...]) -> list[Delivery]:
        change = _change(occasion, state)
        subjects = await self._subjects(change)
        if subjects is None:
            return []
        up = frozenset(occasion.electorate.up)
        deliveries: list[Delivery] = []
        for telling in told:
            payload = webhook_event(change, telling.previous, occasion.observation, state.ballots, up, subjects)
            for receiver in await self._receivers(change.tenant_id, telling.plan_id, change.state):
                key = self._key_after(occasion.before.change_key, occasion.observation.arrival_ms)
                deliveries.append(_delivery(change, telling, receiver, payload, key))
        return deliveries

    async def _subjects(self, change: StateChange) -> Subjects | None:
        """None when one of them was deleted meanwhile."""
        tenant_id = change.tenant_id
        entity = await self._documents.find(tenant_id, Kind.ENTITY, change.entity_id)
        check = await self._documents.find(tenant_id, Kind.CHECK, change.check_id)
        alarm = await self._documents.find(tenant_id, Kind.ALARM, change.alarm_id)
        if entity is None or check is None or alarm is None:
            return None
        return Subjects(entity=entity, check=check, alarm=alarm)

    async def _receivers(self, tenant_id: TenantId, plan_id: str, state: State) -> list[NotificationId]:
        """The plan's notifications for a state, each once. The built-in ones have no technical contacts to go to."""
        if plan_id in BUILT_IN_PLANS:
            return []
        plan = await self._documents.find(tenant_id, Kind.PLAN, plan_id)
        if plan is None:
            return []
        public: dict[str, Any] = msgspec.json.decode(plan.public)
        listed = dict.fromkeys(public.get(f"{state.lower()}_state") or ())
        return [NotificationId(key) for key in listed if key not in BUILT_IN_NOTIFICATIONS]

    def _key_after(self, last: bytes, now_ms: int) -> bytes:
        """A key at `now_ms`, but always after the last change of the alarm: they are to be told in order."""
        key = new_key(now_ms, self._entropy)
        if key[:8] > last[:8]:
            return key
        return (int.from_bytes(last[:8]) + 1).to_bytes(8) + key[8:]


def _change(occasion: Occasion, state: AlarmState) -> StateChange:
    """The last change of an alarm's state, now or, when only its plan changed, some time ago."""
    observation = occasion.observation
    standing = Standing(state.state, state.ballots, observation.arrival_ms)
    return StateChange(
        key=state.change_key,
        tenant_id=occasion.check.tenant_id,
        entity_id=occasion.check.entity_id,
        check_id=occasion.check.id,
        alarm_id=occasion.alarm.id,
        at_ms=observation.arrival_ms if state.changed_ms is None else state.changed_ms,
        state=state.state,
        previous_state=occasion.before.state,
        status=state.status,
        reason=occasion.decision.reason,
        analyzed_by=observation.zone_id,
        votes=evidence(occasion.alarm.terms, standing, occasion.electorate),
    )


def _delivery(change: StateChange, telling: Telling, receiver: NotificationId, payload: bytes, key: bytes) -> Delivery:
    return Delivery(
        key=key,
        tenant_id=change.tenant_id,
        entity_id=change.entity_id,
        check_id=change.check_id,
        alarm_id=change.alarm_id,
        plan_id=PlanId(telling.plan_id),
        notification_id=receiver,
        event_id=event_id(change),
        state=change.state,
        previous_state=telling.previous,
        status=change.status,
        transaction_id=transaction_id(change),
        at_ms=change.at_ms,
        payload=payload,
    )
