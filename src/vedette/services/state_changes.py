"""What a decision brings about: a changelog entry, and deliveries to those who are to be told."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vedette.domain.history import Delivery, DeliveryState, StateChange, SuppressionLog
from vedette.domain.ids import NotificationId, PlanId
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.domain.timeline import new_key
from vedette.engine.confirm import Round
from vedette.engine.decide import Decision, Standing, evidence
from vedette.engine.electorate import Electorate
from vedette.engine.states import AlarmState
from vedette.engine.suppression import Subject, Suppression, covers, is_active
from vedette.engine.told import Telling, Tellings, after_telling, held_back, tellings
from vedette.ports.clock import Entropy
from vedette.ports.documents import Documents
from vedette.ports.history import Changelogs, Outbox, SuppressionLogs
from vedette.ports.unit import Write
from vedette.services.audience import Audience
from vedette.services.events import event_id, transaction_id, webhook_event
from vedette.services.known_suppressions import KnownSuppressions
from vedette.services.watched import WatchedAlarm, WatchedCheck


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """A decision and what it was made from, or a moment at which somebody may have to be told of an earlier one."""

    check: WatchedCheck
    alarm: WatchedAlarm
    at_ms: int  # the arrival of what was evaluated, or the moment
    observation: Observation  # the one evaluated, or that of the last change
    before: AlarmState
    after: AlarmState
    decision: Decision
    electorate: Electorate
    deciding: Round | None = None  # the confirm round that said which votes counted, if any


class Announced(msgspec.Struct, frozen=True):
    """The state to keep, and what goes into its transaction."""

    state: AlarmState
    writes: tuple[Write, ...] = ()
    has_deliveries: bool = False


class Histories(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is written down."""

    changelogs: Changelogs
    suppression_logs: SuppressionLogs
    outbox: Outbox


class Announcer:
    """Writes changes down and finds the receivers of those that are to be told."""

    def __init__(
        self, histories: Histories, documents: Documents, suppressions: KnownSuppressions, entropy: Entropy
    ) -> None:
        self._histories = histories
        self._audience = Audience(documents, suppressions)
        self._suppressions = suppressions
        self._entropy = entropy

    async def announce(self, occasion: Occasion) -> Announced:
        """The first decision of an alarm is a change too, but a first OK is told to nobody."""
        state = occasion.after
        told = tellings(state.told, occasion.alarm.plan_id, state.state)
        if not told and not occasion.decision.is_change and _is_settled(state):
            return Announced(state)
        writes: list[Write] = []
        if occasion.decision.is_change:
            key = _key_after(occasion.before.change_key, occasion.at_ms, self._entropy)
            state = msgspec.structs.replace(state, change_key=key)
            writes.append(self._histories.changelogs.add(_change(occasion, state)))
        suppressed = await self._suppressed(occasion)
        if suppressed and occasion.decision.is_change:
            writes += await self._recorded_only(occasion, state, suppressed)
        sorted_out = held_back(told, lambda plan_id: bool(self._matching(suppressed, occasion, plan_id)))
        deliveries = await self._deliveries(occasion, state, sorted_out.now) if sorted_out.now else []
        writes += [self._histories.outbox.add(delivery) for delivery in deliveries]
        return Announced(_after(occasion, state, sorted_out, deliveries), tuple(writes), bool(deliveries))

    async def _suppressed(self, occasion: Occasion) -> tuple[Suppression, ...]:
        """The tenant's suppressions that are active."""
        known = await self._suppressions.of(occasion.check.tenant_id)
        return tuple(one for one in known if is_active(one, occasion.at_ms)) if known else ()

    def _matching(self, active: tuple[Suppression, ...], occasion: Occasion, plan_id: str) -> tuple[str, ...]:
        if not active:
            return ()
        subject = Subject(occasion.check.entity_id, occasion.check.id, occasion.alarm.id)
        return tuple(one.id for one in active if covers(one, subject, plan_id))

    async def _recorded_only(
        self, occasion: Occasion, state: AlarmState, active: tuple[Suppression, ...]
    ) -> list[Write]:
        """What is kept of a change that suppressions match: nobody is told, but it can be seen who would have been."""
        plan_id, previous = occasion.alarm.plan_id, occasion.before.state
        ids = self._matching(active, occasion, plan_id)
        if not ids or (previous is State.UNKNOWN and state.state is State.OK):
            return []
        change = _change(occasion, state)
        log = _log(change, plan_id, ids, new_key(occasion.at_ms, self._entropy))
        writes = [self._histories.suppression_logs.add(log)]
        base = self._entry_key(occasion)
        for nth, receiver in enumerate(await self._audience.receivers(change.tenant_id, plan_id, change.state)):
            delivery = _delivery(change, Telling(plan_id, previous), receiver, b"", _nth(base, nth))
            message = f"Suppressed by {', '.join(ids)}"
            delivery = msgspec.structs.replace(delivery, delivery_state=DeliveryState.SUPPRESSED, message=message)
            writes.append(self._histories.outbox.add(delivery))
        return writes

    async def _deliveries(self, occasion: Occasion, state: AlarmState, told: tuple[Telling, ...]) -> list[Delivery]:
        change = _change(occasion, state)
        subjects = await self._audience.subjects(change, occasion.at_ms)
        if subjects is None:
            return []
        up = frozenset(occasion.electorate.up)
        deliveries: list[Delivery] = []
        for telling in told:
            payload = webhook_event(change, telling.previous, occasion.observation, state.ballots, up, subjects)
            base = self._entry_key(occasion)
            receivers = await self._audience.receivers(change.tenant_id, telling.plan_id, change.state)
            deliveries += [
                _delivery(change, telling, receiver, payload, _nth(base, nth)) for nth, receiver in enumerate(receivers)
            ]
        return deliveries

    def _entry_key(self, occasion: Occasion) -> bytes:
        """Of one telling in the notification history: after the alarm's earlier ones, for they go out in order."""
        last = max(occasion.before.change_key, occasion.before.told_key)
        return _key_after(last, occasion.at_ms, lambda count: self._entropy(count - 2) + bytes(2))


def _key_after(last: bytes, now_ms: int, entropy: Entropy) -> bytes:
    """A key at `now_ms`, but always after the last one."""
    key = new_key(now_ms, entropy)
    if key[:8] > last[:8]:
        return key
    return (int.from_bytes(last[:8]) + 1).to_bytes(8) + key[8:]


def _nth(base: bytes, number: int) -> bytes:
    """The key of the delivery to one of several receivers."""
    return base[:-2] + number.to_bytes(2)


def _is_settled(state: AlarmState) -> bool:
    """Whether `_after` would change nothing where nobody is to be told: so it is of nearly every observation."""
    return not state.is_held and (state.cause is None) is _is_well(state)


def _is_well(state: AlarmState) -> bool:
    return state.state in {State.OK, State.UNKNOWN}


def _after(occasion: Occasion, state: AlarmState, sorted_out: Tellings, deliveries: Sequence[Delivery]) -> AlarmState:
    """What brought a change is kept for as long as somebody may yet have to be told of it."""
    is_held = bool(sorted_out.held)
    is_over = _is_well(state) and not is_held
    return msgspec.structs.replace(
        state,
        told=after_telling(state.told, sorted_out.now, state.state) if sorted_out.now else state.told,
        told_key=max((delivery.key for delivery in deliveries), default=state.told_key),
        cause=None if is_over else state.cause or occasion.observation,
        is_held=is_held,
    )


def _change(occasion: Occasion, state: AlarmState) -> StateChange:
    """The last change of an alarm's state, now or, when only its plan or a suppression changed, some time ago."""
    observation = occasion.observation
    standing = Standing(state.state, state.ballots, occasion.at_ms, occasion.deciding)
    return StateChange(
        key=state.change_key,
        tenant_id=occasion.check.tenant_id,
        entity_id=occasion.check.entity_id,
        check_id=occasion.check.id,
        alarm_id=occasion.alarm.id,
        at_ms=occasion.at_ms if state.changed_ms is None else state.changed_ms,
        state=state.state,
        previous_state=occasion.before.state,
        status=state.status,
        reason=occasion.decision.reason,
        analyzed_by=observation.zone_id,
        votes=evidence(occasion.alarm.terms, standing, occasion.electorate),
    )


def _log(change: StateChange, plan_id: PlanId, ids: tuple[str, ...], key: bytes) -> SuppressionLog:
    return SuppressionLog(
        key=key,
        tenant_id=change.tenant_id,
        entity_id=change.entity_id,
        check_id=change.check_id,
        alarm_id=change.alarm_id,
        plan_id=plan_id,
        suppressions=ids,
        state=change.state,
        at_ms=change.at_ms,
        transaction_id=transaction_id(change),
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
