"""The HTTP application: routes, the gate and the door around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.handlers import HTTPRouteHandler

from vedette.api import openapi
from vedette.api.faults import HANDLERS
from vedette.api.visits import Call

if TYPE_CHECKING:
    from vedette.api.gate import Gate


def application(routes: Sequence[HTTPRouteHandler], gate: Gate | None) -> Litestar:
    """The framework's application. Its own log-in, OpenAPI and debug machinery stay off: ours know the contract.

    What is behind a gate is described at `/openapi.json`.
    """
    return Litestar.from_config(
        AppConfig(
            route_handlers=[*routes, openapi.route(routes)] if gate else list(routes),
            middleware=[gate] if gate else [],
            request_class=Call,
            exception_handlers=HANDLERS,
            openapi_config=None,
            logging_config=None,
            debug=False,
        )
    )
