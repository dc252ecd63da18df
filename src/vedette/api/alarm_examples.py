"""Alarm examples (reference: alarm examples)."""

from __future__ import annotations

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.services.alarm_examples import AlarmExampleService
from vedette.services.catalogue import Catalogue

_ITEM = "/v1.0/alarm_examples/{key:str}"
_MEMBERS = ("id", "label", "description", "check_type", "criteria")
_FIELD_MEMBERS = ("name", "description", "type")
_SHOWN: schemas.Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(_MEMBERS, schemas.TEXT),
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": dict.fromkeys(_FIELD_MEMBERS, schemas.TEXT),
                "required": list(_FIELD_MEMBERS),
            },
        },
    },
    "required": [*_MEMBERS, "fields"],
}
_VALUES: schemas.Schema = {"type": "object", "properties": {"values": schemas.ANY_OBJECT}}
_BOUND: schemas.Schema = {
    "type": "object",
    "properties": {"bound_criteria": schemas.TEXT},
    "required": ["bound_criteria"],
}


def routes(catalogue: Catalogue, service: AlarmExampleService) -> list[HTTPRouteHandler]:
    """List, get, evaluate."""

    @get("/v1.0/alarm_examples", opt={"needs": Capability.READ, "lists": _SHOWN}, operation_id="list_alarm_examples")
    async def index(request: Call) -> Answer:
        """All of them."""
        return answers.page(request, catalogue.all(), None, None)

    @get(_ITEM, opt={"needs": Capability.READ, "gives": _SHOWN}, operation_id="get_alarm_example")
    async def show(key: FromPath[str]) -> Answer:
        """One of them."""
        return answers.one(catalogue.show(key))

    @post(
        _ITEM,
        status_code=200,
        opt={"needs": Capability.CREATE, "app": "alarm_examples", "takes": _VALUES, "gives": _BOUND},
        operation_id="evaluate_alarm_example",
    )
    async def evaluate(request: Call, key: FromPath[str]) -> Answer:
        """The criteria of an example with its fields filled in."""
        body = bodies.optional_object(request.visit.body)
        return answers.encoded({"bound_criteria": await service.evaluate(request.asked, key, body)})

    return [index, show, evaluate]
