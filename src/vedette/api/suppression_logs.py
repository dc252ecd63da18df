"""Suppression logs (reference: suppression logs)."""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.history import SuppressionLog
from vedette.domain.principals import Capability
from vedette.domain.timeline import uuid_of
from vedette.ports.history import SuppressionLogs


def routes(logs: SuppressionLogs) -> list[HTTPRouteHandler]:
    """A time series."""

    @get(
        "/v1.0/suppression_logs",
        opt={"needs": Capability.READ, **schemas.SERIES, "lists": _SHOWN},
        operation_id="list_suppression_logs",
    )
    async def index(request: Call) -> Answer:
        """Changes of which nobody was told."""
        rows = await logs.list(request.asked.tenant_id, answers.span_of(request))
        return answers.series(request, [(uuid_of(log.key), _shown(log)) for log in rows])

    return [index]


_TEXTS = ("id", "entity_id", "alarm_id", "check_id", "notification_plan_id", "state", "transaction_id")
_SHOWN: schemas.Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(_TEXTS, schemas.TEXT),
        "suppressions": {"type": "array", "items": schemas.TEXT},
        "timestamp": schemas.MOMENT,
    },
    "required": [*_TEXTS, "suppressions", "timestamp"],
}


def _shown(log: SuppressionLog) -> bytes:
    return msgspec.json.encode(
        {
            "id": uuid_of(log.key),
            "entity_id": log.entity_id,
            "alarm_id": log.alarm_id,
            "check_id": log.check_id,
            "notification_plan_id": log.plan_id,
            "suppressions": log.suppressions,
            "state": log.state,
            "timestamp": log.at_ms,
            "transaction_id": log.transaction_id,
        }
    )
