"""The HTTP application: routes, the gate and the door around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from litestar import Litestar, route
from litestar.config.app import AppConfig
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from vedette.api import openapi
from vedette.api.answer import Answer
from vedette.api.faults import HANDLERS
from vedette.api.visits import Call

if TYPE_CHECKING:
    from vedette.api.gate import Gate


def application(routes: Sequence[HTTPRouteHandler], gate: Gate | None) -> Litestar:
    """The framework's application. Its own log-in, OpenAPI and debug machinery stay off: ours know the contract.

    What is behind a gate is described at `/openapi.json`.
    """
    all_routes = [*routes, openapi.route(routes)] if gate else list(routes)
    return Litestar.from_config(
        AppConfig(
            route_handlers=[*_options(all_routes), *all_routes],  # in this order: else the framework makes its own
            middleware=[gate.around] if gate else [],
            request_class=Call,
            exception_handlers=HANDLERS,
            openapi_config=None,
            logging_config=None,
            debug=False,
        )
    )


def _options(routes: Sequence[HTTPRouteHandler]) -> Iterator[HTTPRouteHandler]:
    """What tells the methods of every address; the framework's own knows only the first one registered."""
    methods: dict[str, set[str]] = {}
    for handler in routes:
        for path in handler.paths:
            methods.setdefault(path, {"OPTIONS"}).update(method.upper() for method in handler.http_methods)
    return (_options_of(path, ", ".join(sorted(allowed))) for path, allowed in methods.items())


def _options_of(path: str, allowed: str) -> HTTPRouteHandler:
    @route(path, http_method=HttpMethod.OPTIONS)
    async def options() -> Answer:
        return Answer(b"", status_code=204, headers={"Allow": allowed})

    return options
