"""Traceroutes (reference: perform a traceroute)."""

from __future__ import annotations

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.attributes import object_schema
from vedette.domain.principals import Capability
from vedette.services.traceroutes import ATTRIBUTES, Traceroutes

_HOP: schemas.Schema = {
    "type": "object",
    "properties": {
        "number": {"type": "integer", "minimum": 1},
        "ip": schemas.TEXT,
        "hostname": {"type": ["string", "null"]},
        "rtts": {"type": "array", "items": {"type": "number"}},
    },
    "required": ["number", "ip", "hostname", "rtts"],
}
_GIVES: schemas.Schema = {
    "type": "object",
    "properties": {"result": {"type": "array", "items": _HOP}},
    "required": ["result"],
}


def routes(traceroutes: Traceroutes) -> list[HTTPRouteHandler]:
    """One operation."""

    @post(
        "/v1.0/monitoring_zones/{key:str}/traceroute",
        status_code=200,
        opt={"needs": Capability.CREATE, "app": "traceroute", "rate": "traceroute", "takes": object_schema(ATTRIBUTES),
             "gives": _GIVES, "faults": frozenset({501})},
        operation_id="perform_traceroute",
    )  # fmt: skip
    async def run(request: Call, key: FromPath[str]) -> Answer:
        """The way from a monitoring zone to a host."""
        body = bodies.json_object(request.visit.body)
        return answers.encoded({"result": await traceroutes.run(request.asked, key, body)})

    return [run]
