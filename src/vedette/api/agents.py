"""Agents, their connections, and what is asked of them (reference: agents, agent host information, agent targets)."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.ports.unit import Commit
from vedette.services.agent_listing import AgentListing
from vedette.services.agent_questions import AgentQuestions
from vedette.services.audits import Auditor

_AGENT = "/v1.0/agents/{key:str}"
_ENTITY = "/v1.0/entities/{entity_id:str}/agent"
_READ = {"needs": Capability.READ}
_PAGED = ("limit", "marker")
_ASKED: dict[str, Any] = {**_READ, "faults": frozenset({400, 501})}
_SHOWN: schemas.Schema = {
    "type": "object",
    "properties": {"id": schemas.TEXT, "last_connected": schemas.MOMENT},
    "required": ["id", "last_connected"],
}
_TEXTS = ("id", "guid", "agent_id", "endpoint", "process_version", "bundle_version", "agent_ip", "agent_port")
CONNECTION: schemas.Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(_TEXTS, schemas.TEXT),
        "features": {"type": "array", "items": schemas.TEXT},
        "connected_at": schemas.MOMENT,
    },
    "required": [*_TEXTS, "features", "connected_at"],
}
_INFO: schemas.Schema = {
    "type": "object",
    "properties": {"timestamp": schemas.MOMENT, "error": {"type": ["string", "null"]}, "info": {}},
    "required": ["timestamp", "error", "info"],
}
_TARGET: schemas.Schema = {
    "type": "object",
    "properties": {"id": schemas.TEXT, "label": schemas.TEXT},
    "required": ["id", "label"],
}


def listing_routes(listing: AgentListing) -> list[HTTPRouteHandler]:
    """Who has connected."""

    @get("/v1.0/agents", opt=_READ | {"lists": _SHOWN, "query": _PAGED}, operation_id="list_agents")
    async def index(request: Call) -> Answer:
        """Agents that have connected within the last 30 days."""
        limit = answers.limit_of(request)
        return answers.listed(request, await listing.page(request.asked, answers.marker_of(request), limit))

    @get(_AGENT, opt=_READ | {"gives": _SHOWN}, operation_id="get_agent")
    async def show(request: Call, key: FromPath[str]) -> Answer:
        """One of them."""
        return answers.one(await listing.show(request.asked, key))

    @get(
        f"{_AGENT}/connections",
        opt=_READ | {"lists": CONNECTION, "query": _PAGED},
        operation_id="list_agent_connections",
    )
    async def connections(request: Call, key: FromPath[str]) -> Answer:
        """Its live connections."""
        limit = answers.limit_of(request)
        found = await listing.connections(request.asked, key, answers.marker_of(request), limit)
        return answers.listed(request, found)

    @get(
        f"{_AGENT}/connections/{{connection:str}}",
        opt=_READ | {"gives": CONNECTION},
        operation_id="get_agent_connection",
    )
    async def connection(request: Call, key: FromPath[str], connection: FromPath[str]) -> Answer:
        """One of those."""
        return answers.one(await listing.connection(request.asked, key, connection))

    return [index, show, connections, connection]


def question_routes(questions: AgentQuestions, auditor: Auditor, commit: Commit) -> list[HTTPRouteHandler]:
    """What connected agents are asked."""

    @get(f"{_AGENT}/host_info_types", opt=_ASKED | {"gives": _INFO}, operation_id="list_host_info_types")
    async def types(request: Call, key: FromPath[str]) -> Answer:
        """Which types of host info an agent can tell."""
        return answers.one(await questions.host_info_types(request.asked, key))

    @get(f"{_AGENT}/host_info/{{type:str}}", opt=_ASKED | {"gives": _INFO}, operation_id="get_host_info")
    async def host_info(request: Call, key: FromPath[str], type: FromPath[str]) -> Answer:
        """What an agent says of its host, gathered now."""
        return answers.one(await questions.host_info(request.asked, key, type))

    @get(f"{_ENTITY}/host_info/{{type:str}}", opt=_ASKED | {"gives": _INFO}, operation_id="get_host_info_of_entity")
    async def of_entity(request: Call, entity_id: FromPath[str], type: FromPath[str]) -> Answer:
        """The same of the agent that an entity is bound to."""
        return answers.one(await questions.host_info_of_entity(request.asked, entity_id, type))

    @get(
        f"{_ENTITY}/check_types/{{type:str}}/targets",
        opt=_ASKED | {"gives": schemas.page_of(_TARGET)},
        operation_id="list_agent_check_targets",
    )
    async def targets(request: Call, entity_id: FromPath[str], type: FromPath[str]) -> Answer:
        """What an agent's checks of a type can gather data for on the entity's host."""
        found = await questions.targets(request.asked, entity_id, type)
        named = b",".join(found)
        return answers.page(request, found, None, None, before=b'"targets":[' + named + b"],")

    @post(
        f"{_AGENT}/upgrade",
        status_code=200,
        opt={"needs": Capability.CREATE, "app": "agents", "faults": frozenset({400, 501})},
        operation_id="upgrade_agent",
    )
    async def upgrade(request: Call, key: FromPath[str]) -> Answer:
        """Asks an agent to upgrade itself."""
        await questions.upgrade(request.asked, key)
        await commit(auditor.entry(request.asked, 200))
        return answers.encoded({})

    return [types, host_info, of_entity, targets, upgrade]
