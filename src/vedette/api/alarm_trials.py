"""Test an alarm (reference: test an alarm)."""

from __future__ import annotations

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.faults import invalid
from vedette.domain.principals import Capability
from vedette.domain.resources import ALARM
from vedette.services.alarm_trials import MOST_OBSERVATIONS, AlarmTrials

_CRITERIA = next(attribute for attribute in ALARM.attributes if attribute.name == "criteria").type.schema()
_TAKES: schemas.Schema = {
    "type": "object",
    "properties": {
        "criteria": _CRITERIA,
        "check_data": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_OBSERVATIONS,
            "items": {
                "type": "object",
                "properties": {
                    "timestamp": schemas.MOMENT,
                    "monitoring_zone_id": schemas.TEXT,
                    "available": {"type": "boolean"},
                    "status": schemas.TEXT,
                    "metrics": {"type": "object", "additionalProperties": schemas.METRIC},
                },
            },
        },
    },
    "required": ["check_data"],
}
_GIVES: schemas.Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"timestamp": schemas.MOMENT, "state": schemas.TEXT, "status": schemas.TEXT},
        "required": ["timestamp", "state", "status"],
    },
}


def routes(trials: AlarmTrials) -> list[HTTPRouteHandler]:
    """One operation."""

    @post(
        "/v1.0/entities/{entity_id:str}/test-alarm",
        status_code=200,
        opt={"needs": Capability.CREATE, "app": "alarms", "rate": "test_alarm", "takes": _TAKES, "gives": _GIVES,
             "query": ("mode",)},
        operation_id="test_alarm",
    )  # fmt: skip
    async def run(request: Call, entity_id: FromPath[str]) -> Answer:
        """Evaluates criteria over observations, and tells the states they lead to."""
        mode = request.query_params.get("mode")
        if mode not in {None, "", "full"}:
            raise invalid("mode", "Expected full, or none")
        body = bodies.json_object(request.visit.body)
        return answers.encoded(await trials.run(request.asked, entity_id, body, is_full=mode == "full"))

    return [run]
