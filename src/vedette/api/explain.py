"""Why an alarm is, or was, as it is."""

from __future__ import annotations

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.services.explain import Explainer
from vedette.services.notification_history import AlarmOf

_TEXT_OR_NULL: schemas.Schema = {"type": ["string", "null"]}
_MOMENT_OR_NULL: schemas.Schema = {"type": ["integer", "null"]}
_OBJECTS: schemas.Schema = {"type": "array", "items": schemas.ANY_OBJECT}
_MEMBERS: dict[str, schemas.Schema] = {
    "timestamp": schemas.MOMENT,
    **dict.fromkeys(
        ("entity_id", "check_id", "alarm_id", "state", "status", "previous_state", "because"), schemas.TEXT
    ),
    **dict.fromkeys(("label", "analyzed_by_monitoring_zone_id", "criteria", "reason"), _TEXT_OR_NULL),
    "changed_at": _MOMENT_OR_NULL,
    "change": {"type": ["object", "null"], "description": "The changelog entry of the last change"},
    "arithmetic": {"type": ["object", "null"], "description": "How many must agree, of how many, and how many do"},
    "zones": _OBJECTS | {"description": "The vote of each place of the check, and why it does not count"},
    "observations": _OBJECTS | {"description": "The latest, newest first: counted or not, and what came of each"},
    "statement": {"type": ["object", "null"], "description": "What returned last: line, text and the values it read"},
    "suppressions": _OBJECTS,
    "plan": {"type": ["object", "null"]},
    "told": schemas.ANY_OBJECT | {"description": "The state last told to each plan; OK where absent"},
    "is_held_back": {"type": "boolean", "description": "Somebody is to be told, and a suppression matches"},
    "notifications": _OBJECTS | {"description": "The latest deliveries, newest first, with their attempts"},
    "replay": schemas.ANY_OBJECT | {"description": "What it was made from, and whether that led to what was recorded"},
}
_GIVES: schemas.Schema = {"type": "object", "properties": _MEMBERS, "required": list(_MEMBERS)}


def routes(explainer: Explainer) -> list[HTTPRouteHandler]:
    """One operation."""

    @get(
        "/v1.0/entities/{entity_id:str}/alarms/{alarm_id:str}/explain",
        opt={"needs": Capability.READ, "gives": _GIVES, "query": ("at",)},
        operation_id="explain_alarm",
    )
    async def explain(request: Call, entity_id: FromPath[str], alarm_id: FromPath[str]) -> Answer:
        """Why an alarm is, or was, as it is."""
        alarm = AlarmOf(request.asked.tenant_id, entity_id, alarm_id)
        at_ms = answers.milliseconds(request, "at")
        return answers.encoded(await explainer.explain(alarm, at_ms, request.asked.now_ms))

    return [explain]
