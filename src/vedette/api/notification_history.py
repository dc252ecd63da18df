"""The notification history of an alarm (reference: alarm notification history)."""

from __future__ import annotations

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.services.notification_history import AlarmOf, NotificationHistory

_HISTORY = "/v1.0/entities/{entity_id:str}/alarms/{alarm_id:str}/notification_history"


def routes(history: NotificationHistory) -> list[HTTPRouteHandler]:
    """The three addresses: checks, entries of a check, one entry."""

    @get(_HISTORY, opt={"needs": Capability.READ, "gives": _CHECKS}, operation_id="list_notification_history_checks")
    async def checks(request: Call, entity_id: FromPath[str], alarm_id: FromPath[str]) -> Answer:
        """The checks because of which somebody was told."""
        return answers.encoded({"check_ids": await history.check_ids(request.asked.tenant_id, entity_id, alarm_id)})

    @get(
        f"{_HISTORY}/{{check_id:str}}",
        opt={"needs": Capability.READ, **schemas.SERIES, "lists": _ENTRY},
        operation_id="list_notification_history",
    )
    async def index(
        request: Call, entity_id: FromPath[str], alarm_id: FromPath[str], check_id: FromPath[str]
    ) -> Answer:
        """Who was told of the alarm, attempt by attempt."""
        alarm = AlarmOf(request.asked.tenant_id, entity_id, alarm_id)
        return answers.series(request, await history.page(alarm, check_id, answers.span_of(request)))

    @get(
        f"{_HISTORY}/{{check_id:str}}/{{key:str}}",
        opt={"needs": Capability.READ, "gives": _ENTRY},
        operation_id="get_notification_history",
    )
    async def show(
        request: Call, entity_id: FromPath[str], alarm_id: FromPath[str], check_id: FromPath[str], key: FromPath[str]
    ) -> Answer:
        """One entry of the history."""
        alarm = AlarmOf(request.asked.tenant_id, entity_id, alarm_id)
        return answers.one(await history.show(alarm, check_id, key))

    return [checks, index, show]


_CHECKS: schemas.Schema = {
    "type": "object",
    "properties": {"check_ids": {"type": "array", "items": schemas.TEXT}},
    "required": ["check_ids"],
}
_RESULT: schemas.Schema = {
    "type": "object",
    "properties": {
        "notification_id": schemas.TEXT,
        "notification_type": {"type": ["string", "null"]},
        "notification_details": {"type": ["object", "null"]},
        "in_progress": {"type": "boolean"},
        "message": schemas.TEXT,
        "success": {"type": "boolean"},
        "attempts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"message": schemas.TEXT, "from": schemas.TEXT},
                "required": ["message", "from"],
            },
        },
    },
}
_RESULT["required"] = list(_RESULT["properties"])
_ENTRY_TEXTS = ("id", "notification_plan_id", "transaction_id", "status", "state", "previous_state")
_ENTRY: schemas.Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(_ENTRY_TEXTS, schemas.TEXT),
        "timestamp": schemas.MOMENT,
        "notification_results": {"type": "array", "items": _RESULT},
    },
    "required": [*_ENTRY_TEXTS, "timestamp", "notification_results"],
}
