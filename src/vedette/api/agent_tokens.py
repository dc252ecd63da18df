"""Agent tokens (reference: agent tokens), and who uses them."""

from __future__ import annotations

from litestar import delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, conditions, repeatable, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.domain.resources import AGENT_TOKEN_ATTRIBUTES
from vedette.domain.token_attributes import ROTATION_ATTRIBUTES
from vedette.services.agent_tokens import AgentTokenService
from vedette.services.once import Once
from vedette.services.token_agents import TokenAgents
from vedette.services.token_rotation import TokenRotation
from vedette.services.token_store import TokenStore

_COLLECTION = "/v1.0/agent_tokens"
_ITEM = "/v1.0/agent_tokens/{key:str}"
_APP = "agent_tokens"
_COUNT: schemas.Schema = {"type": "integer", "minimum": 0}
_ROTATION: schemas.Schema = {
    "type": "object",
    "required": ["state", "from", "to", "ends_at", "agents"],
    "properties": {
        "state": {"type": "string", "const": "overlap"},
        "from": schemas.TEXT,
        "to": schemas.TEXT,
        "ends_at": schemas.MOMENT,
        "agents": {"type": "object", "required": ["old", "new"], "properties": {"old": _COUNT, "new": _COUNT}},
    },
}
_SHOWN = schemas.object_of(
    AGENT_TOKEN_ATTRIBUTES,
    {
        "id": schemas.TEXT,
        "token": schemas.TEXT,
        "last_used_at": schemas.MOMENT,
        "last_used_agent_id": schemas.TEXT,
        "last_used_ip": schemas.TEXT,
        "connection_count": _COUNT,
        "rotation": _ROTATION,
    },
)
_AGENT: schemas.Schema = {
    "type": "object",
    "required": ["id", "connected", "last_seen", "last_ip", "version"],
    "properties": {
        "id": schemas.TEXT,
        "connected": {"type": "boolean"},
        "last_seen": schemas.MOMENT,
        "last_ip": schemas.TEXT,
        "version": schemas.TEXT,
    },
}
_PAGED = ("limit", "marker")


def routes(store: TokenStore, once: Once) -> list[HTTPRouteHandler]:
    """What a change does to live connections follows from the changes feed, in this process as in others."""
    return [
        *_resource(AgentTokenService(store), once),
        *_life(TokenRotation(store), TokenAgents(store), once),
    ]


def _resource(service: AgentTokenService, once: Once) -> list[HTTPRouteHandler]:
    writes = {"needs": Capability.CREATE, "app": _APP, "takes": schemas.change_of(AGENT_TOKEN_ATTRIBUTES)}
    lists = {"needs": Capability.READ, "lists": _SHOWN, "query": _PAGED}

    @post(_COLLECTION, opt=writes | repeatable.OPTIONS, operation_id="create_agent_token")
    async def create(request: Call) -> Answer:
        body = bodies.json_object(request.visit.body)
        done = await repeatable.create(request, once, body, lambda asked: service.create(asked, body))
        return answers.created(request, "/agent_tokens", done)

    @get(_COLLECTION, opt=lists, operation_id="list_agent_tokens")
    async def index(request: Call) -> Answer:
        limit = answers.limit_of(request)
        found = await service.page(request.asked, answers.marker_of(request), limit)
        return answers.page(request, found.items, limit, found.next_marker)

    @get(_ITEM, opt={"needs": Capability.READ, "gives": _SHOWN, "tagged": True}, operation_id="get_agent_token")
    async def show(request: Call, key: FromPath[str]) -> Answer:
        return conditions.tagged(await service.show(request.asked, key))

    @put(_ITEM, opt=writes | conditions.OPTIONS, operation_id="update_agent_token")
    async def update(request: Call, key: FromPath[str]) -> Answer:
        body = bodies.json_object(request.visit.body)
        done = await service.update(request.asked, key, body, conditions.wanted(request))
        return answers.changed(request, "/agent_tokens", done)

    @delete(
        _ITEM,
        opt={"needs": Capability.DELETE, "app": _APP} | conditions.OPTIONS,
        operation_id="delete_agent_token",
    )
    async def remove(request: Call, key: FromPath[str]) -> None:
        await service.remove(request.asked, key, conditions.wanted(request))

    return [create, index, show, update, remove]


def _life(rotation: TokenRotation, agents: TokenAgents, once: Once) -> list[HTTPRouteHandler]:
    writes = {"needs": Capability.CREATE, "app": _APP}
    takes = schemas.change_of(ROTATION_ATTRIBUTES)

    @get(
        f"{_ITEM}/agents",
        opt={"needs": Capability.READ, "lists": _AGENT, "query": _PAGED},
        operation_id="list_agents_of_token",
    )
    async def using(request: Call, key: FromPath[str]) -> Answer:
        """Which agents use a token."""
        limit = answers.limit_of(request)
        found = await agents.page(request.asked, key, answers.marker_of(request), limit)
        return answers.page(request, found.items, limit, found.next_marker)

    @post(f"{_ITEM}/rotate", opt=writes | repeatable.OPTIONS | {"takes": takes}, operation_id="rotate_agent_token")
    async def rotate(request: Call, key: FromPath[str]) -> Answer:
        """Makes a new token; the old one works until the overlap ends."""
        body = bodies.optional_object(request.visit.body)
        done = await repeatable.create(request, once, body, lambda asked: rotation.rotate(asked, key, body))
        return answers.created(request, "/agent_tokens", done)

    @post(
        f"{_ITEM}/rotate/finish",
        status_code=204,
        opt=writes | {"faults": frozenset({400})},
        operation_id="finish_agent_token_rotation",
    )
    async def finish(request: Call, key: FromPath[str]) -> None:
        """Ends the overlap now."""
        await rotation.finish(request.asked, key)

    return [using, rotate, finish]
