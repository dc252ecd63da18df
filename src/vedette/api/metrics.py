"""Metrics of a check and their points (reference: metrics operations)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.faults import bad_request, invalid
from vedette.domain.principals import Capability
from vedette.services.metrics import FULL, RESOLUTIONS, STATISTICS, MetricService, Plot

_QUERY = ("from", "to", "points", "resolution", "select")
_METRICS = "/v1.0/entities/{entity_id:str}/checks/{check_id:str}/metrics"


def routes(service: MetricService) -> list[HTTPRouteHandler]:
    """The metrics of a check, and their points."""

    @get(_METRICS, opt={"needs": Capability.READ, "lists": schemas.ANY_OBJECT}, operation_id="list_metrics")
    async def index(request: Call, entity_id: FromPath[str], check_id: FromPath[str]) -> Answer:
        names = await service.names(request.asked.tenant_id, entity_id, check_id)
        return answers.page(request, names, None, None)

    @get(
        f"{_METRICS}/{{name:str}}/plot",
        opt={"needs": Capability.READ, "lists": schemas.ANY_OBJECT, "query": _QUERY},
        operation_id="plot_metric",
    )
    async def plot(request: Call, entity_id: FromPath[str], check_id: FromPath[str], name: FromPath[str]) -> Answer:
        asked = plot_of(request)
        points = await service.plot(request.asked.tenant_id, entity_id, check_id, name, asked)
        items = [msgspec.json.encode(point) for point in points]
        by_points = "points" in request.query_params
        return answers.page(request, items, None, None, {"resolution": asked.resolution} if by_points else {})

    return [index, plot]


def plot_of(request: Call) -> Plot:
    """Either `points` or `resolution`; `from` and `to` are required."""
    return Plot(
        from_ms=_moment(request, "from"),
        to_ms=_moment(request, "to"),
        resolution=_resolution(request.query_params.get("points"), request.query_params.get("resolution")),
        select=_selected(answers.texts_of(request, "select", "statistics")),
    )


def _moment(request: Call, name: str) -> int:
    moment = answers.milliseconds(request, name)
    if moment is None:
        raise invalid(name, f"Missing required key ({name})")
    return moment


def _resolution(points: str | None, resolution: str | None) -> str:
    if (points is None) == (resolution is None):
        raise bad_request("Validation error for key 'resolution'", "Expected either points or resolution")
    if resolution is not None:
        if resolution.upper() not in RESOLUTIONS:
            raise invalid("resolution", "Expected one of: " + ", ".join(RESOLUTIONS))
        return resolution.upper()
    if points is None or not re.fullmatch("[0-9]{1,9}", points):
        raise invalid("points", "Expected a number of points")
    return FULL


def _selected(given: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in given if name not in STATISTICS]
    if unknown:
        raise invalid("select", _STATISTICS)
    return tuple(dict.fromkeys(given)) or ("average",)


_STATISTICS = "Expected any of: " + ", ".join(STATISTICS)
