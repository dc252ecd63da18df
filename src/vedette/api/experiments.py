"""`__experiments` and `usage`: addresses that only clients know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from vedette.api import answers, bodies, schemas
from vedette.api.answer import Answer
from vedette.api.metrics import plot_of
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.services.multiplots import MOST_METRICS, Multiplots
from vedette.services.usage import Usage

_PARAMETER = re.compile(r"{([a-z_]+):str}")
_VERSION = "/v1.0"
_WANTED = ("entity_id", "check_id", "metric")
_MULTIPLOT: schemas.Schema = {
    "type": "object",
    "properties": {
        "metrics": {
            "type": "array",
            "maxItems": MOST_METRICS,
            "items": {
                "type": "object",
                "properties": dict.fromkeys(_WANTED, schemas.TEXT),
                "required": list(_WANTED),
            },
        }
    },
    "required": ["metrics"],
}


def routes(multiplots: Multiplots, usage: Usage) -> list[HTTPRouteHandler]:
    """What is not a list of the API's own operations."""

    @post(
        "/v1.0/__experiments/multiplot",
        status_code=200,
        opt={"needs": Capability.READ, "app": "rollups", "takes": _MULTIPLOT, "gives": schemas.ANY_OBJECT,
             "query": ("from", "to", "points", "resolution", "select")},
        operation_id="plot_metrics",
    )  # fmt: skip
    async def multiplot(request: Call) -> Answer:
        """Points of several metrics."""
        body = bodies.json_object(request.visit.body)
        return answers.encoded({"metrics": await multiplots.run(request.asked, body, plot_of(request))})

    @get("/v1.0/usage", opt={"needs": Capability.READ, "gives": schemas.ANY_OBJECT}, operation_id="get_usage")
    async def used(request: Call) -> Answer:
        """How many objects of each kind there are."""
        return answers.encoded(await usage.show(request.asked))

    return [multiplot, used]


def json_home(routes: Sequence[HTTPRouteHandler]) -> HTTPRouteHandler:
    """All operations, for programs that look for what they may do (draft-nottingham-json-home)."""

    @get(
        "/v1.0/__experiments/json_home",
        opt={"needs": Capability.READ, "gives": schemas.ANY_OBJECT},
        operation_id="get_json_home",
    )
    async def home(request: Call) -> Answer:
        """Every address with the methods it takes."""
        base = f"{request.visit.base_url}{_VERSION}"
        return answers.encoded({"resources": {base + path: one for path, one in _resources([*routes, home], base)}})

    return home


def _resources(routes: Iterable[HTTPRouteHandler], base: str) -> list[tuple[str, dict[str, Any]]]:
    methods: dict[str, set[str]] = {}
    for handler in routes:
        for path in handler.paths:
            if path.startswith(_VERSION + "/"):
                methods.setdefault(path.removeprefix(_VERSION), set()).update(handler.http_methods)
    return [_resource(path, allowed, base) for path, allowed in sorted(methods.items())]


def _resource(path: str, allowed: set[str], base: str) -> tuple[str, dict[str, Any]]:
    template = "/{tenantId}" + _PARAMETER.sub(r"{\1}", path)
    names = ["tenantId", *_PARAMETER.findall(path)]
    return template, {
        "href-template": _VERSION + template,
        "href-vars": {name: f"{base}/params/{name}" for name in names},
        "hints": {"allow": sorted(allowed - {"HEAD", "OPTIONS"}), "representations": ["application/json"]},
    }
