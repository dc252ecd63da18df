"""Alarm changelogs (reference: changelogs)."""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.history import StateChange
from vedette.domain.principals import Capability
from vedette.domain.timeline import uuid_of
from vedette.ports.history import Changelogs


def routes(changelogs: Changelogs) -> list[HTTPRouteHandler]:
    """What alarms went through."""

    @get(
        "/v1.0/changelogs/alarms",
        opt={"needs": Capability.READ, "lists": schemas.ANY_OBJECT, "query": (*schemas.SERIES["query"], "entityId")},
        operation_id="list_alarm_changelogs",
    )
    async def index(request: Call) -> Answer:
        entity_id = answers.text_of(request, "entityId", "the id of an entity")
        rows = await changelogs.list(request.asked.tenant_id, entity_id, answers.span_of(request))
        return answers.series(request, [(uuid_of(change.key), _shown(change)) for change in rows])

    return [index]


def _shown(change: StateChange) -> bytes:
    return msgspec.json.encode(
        {
            "id": uuid_of(change.key),
            "timestamp": change.at_ms,
            "entity_id": change.entity_id,
            "alarm_id": change.alarm_id,
            "check_id": change.check_id,
            "state": change.state,
            "previous_state": change.previous_state,
            "status": change.status,
            "reason": change.reason,
            "votes": change.votes,
            "analyzed_by_monitoring_zone_id": change.analyzed_by,
        }
    )
