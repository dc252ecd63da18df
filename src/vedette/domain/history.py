"""What happened: state changes, deliveries and their attempts, audits.

Reference: changelogs, notification history, audits.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from vedette.domain.ids import AlarmId, CheckId, EntityId, NotificationId, PlanId, TenantId, ZoneId
from vedette.domain.states import State


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the changelog: an alarm went from one state to another, and why."""

    key: bytes  # 16 bytes, see `timeline`
    tenant_id: TenantId
    entity_id: EntityId
    check_id: CheckId
    alarm_id: AlarmId
    at_ms: int
    state: State
    previous_state: State
    status: str
    reason: str
    analyzed_by: ZoneId | None  # the zone evaluated last; None for silence and for agents
    votes: dict[str, Any] = {}  # the evidence: place -> {state, status, at_ms, ...}


class SuppressionLog(msgspec.Struct, frozen=True, kw_only=True):
    """A change of which nobody of a plan was told, because suppressions matched."""

    key: bytes  # 16 bytes, see `timeline`
    tenant_id: TenantId
    entity_id: EntityId
    check_id: CheckId
    alarm_id: AlarmId
    plan_id: PlanId
    suppressions: tuple[str, ...]  # their ids
    state: State
    at_ms: int  # of the state change
    transaction_id: str


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # given up, kept for replay
    SUPPRESSED = "suppressed"  # never to be sent


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One notification of one state change on its way to one receiver: a row of the outbox.

    Written in the transaction of the state change. Deliveries of one alarm to one notification go out in order. Those
    of one telling, to each receiver of a plan, have keys that differ in their last two bytes only: see `entry_of`.
    """

    key: bytes  # 16 bytes, ordered as the state changes were
    tenant_id: TenantId
    entity_id: EntityId
    check_id: CheckId
    alarm_id: AlarmId
    plan_id: PlanId
    notification_id: NotificationId
    event_id: str  # the same in every attempt and duplicate
    state: State
    previous_state: State  # the state last told to that plan
    status: str
    transaction_id: str
    at_ms: int  # of the state change
    payload: bytes  # the event as JSON, without the receiver's secrets
    delivery_state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_at_ms: int = 0  # when the next attempt is due; a claimed row's is the end of its lease
    message: str = ""  # of the last attempt


def entry_of(key: bytes) -> bytes:
    """The key of the entry in the notification history that a delivery belongs to."""
    return key[:-2] + bytes(2)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to send a delivery; the row exists before anything is sent."""

    delivery_key: bytes
    number: int  # from 1
    started_ms: int
    finished_ms: int | None = None
    success: bool | None = None
    message: str = ""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One write request against the API, as recorded: every secret already redacted."""

    key: bytes
    tenant_id: TenantId
    at_ms: int
    body: bytes  # the JSON object as served, without `id`


class Change(msgspec.Struct, frozen=True):
    """A change of configuration: what other parts of the process, and other processes, follow by cursor."""

    seq: int
    tenant_id: TenantId
    kind: str  # a `Kind` value, or `agent_token`
    id: str
