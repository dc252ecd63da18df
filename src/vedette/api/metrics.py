"""Metrics of a check and their points (reference: metrics operations)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.faults import bad_request, invalid
from vedette.domain.principals import Capability
from vedette.rollups.resolutions import Resolution
from vedette.services.metrics import STATISTICS, MetricService, Plot, Plotted

_QUERY = ("from", "to", "points", "resolution", "select")
_encode = msgspec.json.Encoder().encode
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
        plotted = await service.plot(request.asked.tenant_id, entity_id, check_id, name, asked)
        items = list(map(_encode, plotted.points))
        return answers.page(request, items, None, None, _more(asked, plotted))

    return [index, plot]


def _more(asked: Plot, plotted: Plotted) -> dict[str, Any]:
    """What the metadata says beyond a list's: the resolution that was chosen, and which times are missing."""
    more: dict[str, Any] = {"resolution": plotted.resolution} if asked.resolution is None else {}
    if plotted.missing:
        more["missing"] = [{"from": gap.from_ms, "to": gap.to_ms} for gap in plotted.missing]
    return more


def plot_of(request: Call) -> Plot:
    """Either `points` or `resolution`; `from` and `to` are required."""
    from_ms, to_ms = _moment(request, "from"), _moment(request, "to")
    points, resolution = request.query_params.get("points"), request.query_params.get("resolution")
    if (points is None) == (resolution is None):
        raise bad_request("Validation error for key 'resolution'", "Expected either points or resolution")
    return Plot(
        from_ms=from_ms,
        to_ms=to_ms,
        resolution=None if resolution is None else _resolution(resolution),
        points=0 if points is None else _points(points),
        select=_selected(answers.texts_of(request, "select", "statistics")),
    )


def _moment(request: Call, name: str) -> int:
    moment = answers.milliseconds(request, name)
    if moment is None:
        raise invalid(name, f"Missing required key ({name})")
    return moment


def _resolution(given: str) -> Resolution:
    try:
        return Resolution(given.upper())
    except ValueError:
        raise invalid("resolution", "Expected one of: " + ", ".join(Resolution)) from None


def _points(given: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", given):
        raise invalid("points", "Expected a number of points")
    return int(given)


def _selected(given: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in given if name not in STATISTICS]
    if unknown:
        raise invalid("select", _STATISTICS)
    return tuple(dict.fromkeys(given)) or ("average",)


_STATISTICS = "Expected any of: " + ", ".join(STATISTICS)
