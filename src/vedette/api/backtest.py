"""What an alarm would have done."""

from __future__ import annotations

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.domain.resources import ALARM
from vedette.services.backtest import BackTests
from vedette.services.notification_history import AlarmOf

_CRITERIA = next(attribute for attribute in ALARM.attributes if attribute.name == "criteria").type.schema()
_TAKES: schemas.Schema = {
    "type": "object",
    "properties": {
        "criteria": {"anyOf": [_CRITERIA, {"type": "null"}], "description": "To be tried; absent: those that it had"},
        "from": schemas.MOMENT,
        "to": schemas.MOMENT | {"description": "Milliseconds since the epoch; absent: now"},
    },
    "required": ["from"],
}
_MOMENT_OR_NULL: schemas.Schema = {"type": ["integer", "null"]}
_COUNT: schemas.Schema = {"type": "integer", "minimum": 0}
_OBJECTS: schemas.Schema = {"type": "array", "items": schemas.ANY_OBJECT}
_SIDE: dict[str, schemas.Schema] = {
    "state": schemas.TEXT | {"description": "At `from`"},
    "timeline": _OBJECTS | {"description": "State changes, oldest first, 1,000 at most"},
    "notifications": _OBJECTS | {"description": "Who is told what, oldest first, 1,000 at most"},
    **dict.fromkeys(("changes", "notified", "suppressed"), _COUNT),
}
_WOULD: dict[str, schemas.Schema] = _SIDE | {
    "withheld": _OBJECTS | {"description": "Changes of which suppressions kept everybody from being told"},
    "durations": schemas.ANY_OBJECT | {"description": "Milliseconds in each state"},
}
_COMPARED: dict[str, schemas.Schema] = {
    **dict.fromkeys(("same", "additional", "spared"), _COUNT),
    "additional_notifications": _OBJECTS,
    "spared_notifications": _OBJECTS,
}
_MEMBERS: dict[str, schemas.Schema] = {
    "from": schemas.MOMENT,
    "to": schemas.MOMENT,
    "data_from": _MOMENT_OR_NULL | {"description": "When the first observation looked at arrived; null: there is none"},
    "configuration_from": schemas.MOMENT | {"description": "Before it, check and alarm are taken to have been as then"},
    "observations": _COUNT,
    "would": {"type": "object", "properties": _WOULD, "required": list(_WOULD)},
    "was": {"type": "object", "properties": _SIDE, "required": list(_SIDE)},
    "comparison": {"type": "object", "properties": _COMPARED, "required": list(_COMPARED)},
}
_GIVES: schemas.Schema = {"type": "object", "properties": _MEMBERS, "required": list(_MEMBERS)}


def routes(tests: BackTests) -> list[HTTPRouteHandler]:
    """One operation."""

    @post(
        "/v1.0/entities/{entity_id:str}/alarms/{alarm_id:str}/backtest",
        status_code=200,
        opt={"needs": Capability.CREATE, "app": "alarms", "rate": "test_alarm", "takes": _TAKES, "gives": _GIVES},
        operation_id="backtest_alarm",
    )
    async def run(request: Call, entity_id: FromPath[str], alarm_id: FromPath[str]) -> Answer:
        """What an alarm would have done in the past, under its own criteria or others."""
        alarm = AlarmOf(request.asked.tenant_id, entity_id, alarm_id)
        body = bodies.json_object(request.visit.body)
        return answers.encoded(await tests.run(request.asked, alarm, body))

    return [run]
