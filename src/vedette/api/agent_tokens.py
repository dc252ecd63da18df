"""Agent tokens (reference: agent tokens)."""

from __future__ import annotations

from collections.abc import Callable

from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler

from vedette.api import answers, bodies
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.domain.tokens import AgentToken
from vedette.services.agent_tokens import AgentTokenService

_COLLECTION = "/v1.0/agent_tokens"
_ITEM = "/v1.0/agent_tokens/{key:str}"
_APP = "agent_tokens"


def routes(service: AgentTokenService, revoked: Callable[[AgentToken], object]) -> list[HTTPRouteHandler]:
    """`revoked` closes the live connections of a token that is gone."""

    @post(_COLLECTION, opt={"needs": Capability.CREATE, "app": _APP}, operation_id="create_agent_token")
    async def create(request: Call) -> Response[bytes]:
        return answers.created(
            request, "/agent_tokens", await service.create(request.asked, bodies.json_object(request.visit.body))
        )

    @get(_COLLECTION, opt={"needs": Capability.READ}, operation_id="list_agent_tokens")
    async def index(request: Call) -> Response[bytes]:
        limit = answers.limit_of(request)
        found = await service.page(request.asked, answers.marker_of(request), limit)
        return answers.page(request, found.items, limit, found.next_marker)

    @get(_ITEM, opt={"needs": Capability.READ}, operation_id="get_agent_token")
    async def show(request: Call, key: str) -> Response[bytes]:
        return answers.one(await service.show(request.asked, key))

    @put(_ITEM, opt={"needs": Capability.CREATE, "app": _APP}, operation_id="update_agent_token")
    async def update(request: Call, key: str) -> Response[bytes]:
        done = await service.update(request.asked, key, bodies.json_object(request.visit.body))
        return answers.changed(request, "/agent_tokens", done)

    @delete(_ITEM, opt={"needs": Capability.DELETE, "app": _APP}, operation_id="delete_agent_token")
    async def remove(request: Call, key: str) -> None:
        revoked(await service.remove(request.asked, key))

    return [create, index, show, update, remove]
