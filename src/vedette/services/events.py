"""The event a webhook gets (reference: notification types, webhook).

`previous_state` is an addition: the state last told to that plan. Nobody's secrets are in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from vedette.domain.documents import Document
from vedette.domain.history import StateChange
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.domain.timeline import uuid_of
from vedette.engine.ballots import time_of
from vedette.engine.states import Ballot
from vedette.services.shown_suppressions import Standing, members

_entity_members = ("id", "label", "ip_addresses", "metadata", "managed", "uri", "agent_id", "created_at", "updated_at")
_check_members = (
    "id",
    "label",
    "type",
    "details",
    "monitoring_zones_poll",
    "timeout",
    "period",
    "target_alias",
    "target_hostname",
    "target_resolver",
    "disabled",
    "metadata",
    "confd_name",
    "confd_hash",
    "active_suppressions",
    "scheduled_suppressions",
    "created_at",
    "updated_at",
)
_alarm_members = (
    "id",
    "label",
    "check_id",
    "entity_id",
    "criteria",
    "disabled",
    "notification_plan_id",
    "metadata",
    "confd_name",
    "confd_hash",
    "active_suppressions",
    "scheduled_suppressions",
    "created_at",
    "updated_at",
)
_none: Mapping[str, Any] = MappingProxyType({})


class Subjects(msgspec.Struct, frozen=True, kw_only=True):
    """The objects an event is about."""

    entity: Document
    check: Document
    alarm: Document
    suppressions: Standing = Standing()


def event_id(change: StateChange) -> str:
    """`account:entity:alarm:check:milliseconds:STATE`; the same in every attempt and for every receiver."""
    ids = (change.tenant_id, change.entity_id, change.alarm_id, change.check_id, str(change.at_ms), change.state)
    return ":".join(ids)


def transaction_id(change: StateChange) -> str:
    """Ties the event, its deliveries and the notification history together."""
    return change.key[8:].hex()


def webhook_event(
    change: StateChange,
    previous_told: State,
    observation: Observation,
    ballots: Mapping[str, Ballot],
    up: frozenset[str],
    subjects: Subjects,
) -> bytes:
    """The documented JSON. `observation` is the one whose evaluation brought the change, `up` the places up."""
    event = {
        "event_id": event_id(change),
        "log_entry_id": uuid_of(change.key),
        "details": {
            "target": observation.target,
            "timestamp": time_of(observation),
            "metrics": {
                name: {"type": metric.type, "data": metric.value, "unit": metric.unit}
                for name, metric in observation.metrics.items()
            },
            "state": change.state,
            "status": change.status,
            "txn_id": transaction_id(change),
            "collector_address_v4": None,
            "collector_address_v6": None,
            "observations": [_seen(place, ballot, up) for place, ballot in sorted(ballots.items())],
        },
        "entity": _shown(subjects.entity, _entity_members),
        "check": _shown(subjects.check, _check_members, members(subjects.suppressions, subjects.check)),
        "alarm": _shown(subjects.alarm, _alarm_members, members(subjects.suppressions, subjects.alarm)),
        "tenant_id": change.tenant_id,
        "previous_state": previous_told,
    }
    return msgspec.json.encode(event)


def _seen(place: str, ballot: Ballot, up: frozenset[str]) -> dict[str, Any]:
    """What one place last said; an agent has no zone."""
    return {
        "monitoring_zone_id": place or None,
        "state": ballot.run[-1] if ballot.run else ballot.vote,
        "status": ballot.status,
        "timestamp": ballot.evaluated_ms,
        "collectorState": "UP" if place in up else "DOWN",
    }


def _shown(document: Document, names: tuple[str, ...], computed: Mapping[str, Any] = _none) -> dict[str, Any]:
    public: dict[str, Any] = msgspec.json.decode(document.public)
    return {name: computed.get(name, public.get(name)) for name in names}
