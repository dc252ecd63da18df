"""Test a check, test an existing check (reference: checks)."""

from __future__ import annotations

from typing import Any

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.domain.resources import CHECK
from vedette.services.check_tests import CheckTests

_ENTITY = "/v1.0/entities/{entity_id:str}"
_OPTIONS: dict[str, Any] = {
    "needs": Capability.CREATE,
    "app": "checks",
    "rate": "test_check",
    "query": ("debug",),
    "faults": frozenset({400, 501}),
    "gives": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "timestamp": schemas.MOMENT,
                "monitoring_zone_id": {"type": ["string", "null"]},
                "available": {"type": "boolean"},
                "status": schemas.TEXT,
                "metrics": {"type": "object", "additionalProperties": schemas.METRIC},
                "debug_info": schemas.ANY_OBJECT,
            },
            "required": ["timestamp", "monitoring_zone_id", "available", "status", "metrics"],
        },
    },
}


def routes(tests: CheckTests) -> list[HTTPRouteHandler]:
    """Both operations."""

    @post(
        f"{_ENTITY}/test-check",
        status_code=200,
        opt=_OPTIONS | {"takes": schemas.creation_of(CHECK)},
        operation_id="test_check",
    )
    async def of_described(request: Call, entity_id: FromPath[str]) -> Answer:
        """Runs a check that is only described, once, from each of its zones."""
        body = bodies.json_object(request.visit.body)
        has_debug = answers.is_asked(request, "debug")
        return answers.encoded(await tests.of_described(request.asked, entity_id, body, has_debug=has_debug))

    @post(f"{_ENTITY}/checks/{{key:str}}/test", status_code=200, opt=_OPTIONS, operation_id="test_existing_check")
    async def of_stored(request: Call, entity_id: FromPath[str], key: FromPath[str]) -> Answer:
        """Runs a duplicate of a check that is there; the body does not matter."""
        has_debug = answers.is_asked(request, "debug")
        return answers.encoded(await tests.of_stored(request.asked, entity_id, key, has_debug=has_debug))

    return [of_described, of_stored]
