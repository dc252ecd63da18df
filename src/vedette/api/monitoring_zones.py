"""Monitoring zones (reference: monitoring zones)."""

from __future__ import annotations

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from vedette.api import answers
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.services.zones import Zones


def routes(zones: Zones) -> list[HTTPRouteHandler]:
    @get("/v1.0/monitoring_zones", opt={"needs": Capability.READ}, operation_id="list_monitoring_zones")
    async def index(request: Call) -> Response[bytes]:
        limit = answers.limit_of(request)
        items, more = zones.page(answers.marker_of(request), limit)
        return answers.page(request, items, limit, more)

    @get("/v1.0/monitoring_zones/{key:str}", opt={"needs": Capability.READ}, operation_id="get_monitoring_zone")
    async def show(request: Call, key: str) -> Response[bytes]:
        return answers.one(zones.show(key))

    return [index, show]
