"""What was sent to whom because of an alarm, attempt by attempt (reference: alarm notification history).

An entry is one telling: a state of an alarm, told to one plan. It has a result for each of the plan's notifications.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from vedette.domain.documents import Kind
from vedette.domain.faults import not_found
from vedette.domain.history import Attempt, Delivery, DeliveryState, entry_of
from vedette.domain.ids import TenantId
from vedette.domain.timeline import KEY_BYTES, key_of, uuid_of
from vedette.ports.documents import Documents, Filter
from vedette.ports.history import Outbox, Span
from vedette.services.documents import DocumentService

_NOUN = "AlarmNotificationHistory"
_SENDER = "vedette"
_IDS_AT_ONCE = 500


class NotificationHistory:
    """Of an alarm that is there; what was about a deleted one goes with time."""

    def __init__(self, alarms: DocumentService, outbox: Outbox, documents: Documents) -> None:
        self._alarms = alarms
        self._outbox = outbox
        self._documents = documents

    async def check_ids(self, tenant_id: TenantId, entity_id: str, alarm_id: str) -> list[str]:
        """The checks because of which somebody was told."""
        await self._alarms.find(tenant_id, alarm_id, entity_id)
        return await self._outbox.history_checks(tenant_id, alarm_id)

    async def page(self, alarm: AlarmOf, check_id: str, span: Span) -> list[tuple[str, bytes]]:
        """(id, JSON object) of each entry, in the order asked for."""
        await self._alarms.find(alarm.tenant_id, alarm.id, alarm.entity_id)
        deliveries = await self._outbox.history(alarm.tenant_id, alarm.id, check_id, span)
        return await self._shown(alarm.tenant_id, deliveries)

    async def show(self, alarm: AlarmOf, check_id: str, uuid: str) -> bytes:
        """One entry. Raises `notFoundError`."""
        await self._alarms.find(alarm.tenant_id, alarm.id, alarm.entity_id)
        key = key_of(uuid)
        if key is not None and len(key) == KEY_BYTES:
            span = Span(first=entry_of(key), last=key[:-2] + b"\xff\xff", marker=None, limit=1)
            found = await self._shown(
                alarm.tenant_id, await self._outbox.history(alarm.tenant_id, alarm.id, check_id, span)
            )
            if found and found[0][0] == uuid.lower():
                return found[0][1]
        raise not_found(_NOUN, uuid)

    async def _shown(self, tenant_id: TenantId, deliveries: Sequence[Delivery]) -> list[tuple[str, bytes]]:
        attempts: dict[bytes, list[Attempt]] = {}
        for attempt in await self._outbox.attempts([delivery.key for delivery in deliveries]):
            attempts.setdefault(attempt.delivery_key, []).append(attempt)
        receivers = await self._receivers(tenant_id, sorted({delivery.notification_id for delivery in deliveries}))
        return [
            _entry(key, sorted(entry, key=lambda delivery: delivery.key), attempts, receivers)
            for key, entry in groupby(deliveries, key=lambda delivery: entry_of(delivery.key))
        ]

    async def _receivers(self, tenant_id: TenantId, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The notifications as they are today, without secrets; those that were deleted are left out."""
        found: dict[str, dict[str, Any]] = {}
        for begin in range(0, len(ids), _IDS_AT_ONCE):
            where = Filter(ids=tuple(ids[begin : begin + _IDS_AT_ONCE]))
            rows = await self._documents.list(tenant_id, Kind.NOTIFICATION, where, None, _IDS_AT_ONCE)
            found |= {row.id: msgspec.json.decode(row.public) for row in rows}
        return found


class AlarmOf(msgspec.Struct, frozen=True):
    """An alarm as an address names it."""

    tenant_id: TenantId
    entity_id: str
    id: str


def _entry(
    key: bytes,
    deliveries: Sequence[Delivery],
    attempts: dict[bytes, list[Attempt]],
    receivers: dict[str, dict[str, Any]],
) -> tuple[str, bytes]:
    first = deliveries[0]
    shown = {
        "id": uuid_of(key),
        "timestamp": first.at_ms,
        "notification_plan_id": first.plan_id,
        "transaction_id": first.transaction_id,
        "status": first.status,
        "state": first.state,
        "previous_state": first.previous_state,
        "notification_results": [
            _result(one, attempts.get(one.key, []), receivers.get(one.notification_id, {})) for one in deliveries
        ],
    }
    return uuid_of(key), msgspec.json.encode(shown)


def _result(delivery: Delivery, attempts: Sequence[Attempt], receiver: dict[str, Any]) -> dict[str, Any]:
    return {
        "notification_id": delivery.notification_id,
        "notification_type": receiver.get("type"),
        "notification_details": receiver.get("details"),
        "in_progress": delivery.delivery_state is DeliveryState.PENDING,
        "message": delivery.message,
        "success": delivery.delivery_state is DeliveryState.DELIVERED,
        "attempts": [{"message": one.message, "from": _SENDER} for one in attempts if one.finished_ms is not None],
    }
