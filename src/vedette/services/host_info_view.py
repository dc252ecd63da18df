"""Host info of several agents in one answer (a view that only clients know)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault, invalid
from vedette.domain.host_info import HOST_INFO_TYPES, SPELLINGS
from vedette.ports.agents import Agents, Connection
from vedette.ports.documents import Documents, Filter
from vedette.services.agent_listing import grouped
from vedette.services.agent_questions import AgentQuestions, shown
from vedette.services.documents import Page
from vedette.services.entity_selection import MOST_NAMED, Named, selected
from vedette.services.requests import Request
from vedette.services.token_activity import ALIVE_MS


class _Place(msgspec.Struct, frozen=True):
    """Which host: an agent, or an entity that may have one, or both."""

    agent_id: str | None
    entity_id: str | None = None
    entity_uri: str | None = None


class HostInfoView:
    """Reads only."""

    def __init__(self, documents: Documents, agents: Agents, questions: AgentQuestions) -> None:
        self._documents = documents
        self._agents = agents
        self._questions = questions

    async def page(self, request: Request, named: Named, types: Sequence[str], marker: str | None, limit: int) -> Page:
        """By agent where agents are named, else by entity: `{agent_id, entity_id, entity_uri, host_info}`.

        What an agent cannot tell is told as its `error`; when none can be asked the first one's fault is raised.
        """
        wanted = _types(types)
        if named.agent_ids:
            places = await self._of_agents(request, named, marker or "")
            keys = [place.agent_id for place in places]
        else:
            found = await selected(self._documents, request, named, marker, limit)
            places = [_place(entity.agent_id, entity) for entity in found]
            keys = [place.entity_id for place in places]
        items = await self._told(request, places[:limit], wanted)
        return Page(items=items, next_marker=keys[limit] if len(keys) > limit else None)

    async def _of_agents(self, request: Request, named: Named, marker: str) -> list[_Place]:
        """Agents that no entity is bound to are hosts too."""
        if named.entity_ids or named.uris or len(named.agent_ids) > MOST_NAMED:
            raise invalid("agentId", f"Expected at most {MOST_NAMED} agents, and then neither entityId nor uri")
        where = Filter(agent_ids=named.agent_ids)
        bound = {
            one.agent_id: one
            for one in await self._documents.list(request.tenant_id, Kind.ENTITY, where, None, MOST_NAMED)
        }
        ids = sorted({agent_id for agent_id in named.agent_ids if agent_id >= marker})
        return [_place(agent_id, bound.get(agent_id)) for agent_id in ids]

    async def _told(self, request: Request, places: Sequence[_Place], types: Sequence[str]) -> list[bytes]:
        agent_ids = [place.agent_id for place in places if place.agent_id is not None]
        alive_since = request.now_ms - ALIVE_MS
        live = grouped(await self._agents.connections_of_agents(request.tenant_id, agent_ids, alive_since))
        told = await asyncio.gather(
            *[self._by_one(request, place, types, live.get(place.agent_id or "", [])) for place in places]
        )
        faults = [fault for _, fault in told if fault is not None]
        if faults and len(faults) == len(told):
            raise faults[0]
        return [
            msgspec.json.encode(msgspec.structs.asdict(place) | {"host_info": info})
            for place, (info, _) in zip(places, told, strict=True)
        ]

    async def _by_one(
        self, request: Request, place: _Place, types: Sequence[str], live: Sequence[Connection]
    ) -> tuple[dict[str, Any], Fault | None]:
        """What one agent tells, and the fault when it told nothing at all."""
        told: dict[str, Any] = {}
        refused: Fault | None = None
        for type in types:
            try:
                connections = live or await self._questions.connections(request, place.agent_id)
                told[type] = shown(await self._questions.ask.host_info(connections, type))
            except Fault as fault:
                refused = fault
                told[type] = {"timestamp": request.now_ms, "error": fault.message, "info": None}
        return told, refused if all(one["info"] is None for one in told.values()) else None


def _types(given: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(SPELLINGS.get(type, type) for type in given))
    unknown = [type for type in wanted if type not in HOST_INFO_TYPES]
    if unknown:
        raise invalid("include", "Expected any of: " + ", ".join(sorted(HOST_INFO_TYPES)))
    return wanted


def _place(agent_id: str | None, entity: Document | None) -> _Place:
    if entity is None:
        return _Place(agent_id)
    return _Place(agent_id, entity.id, msgspec.json.decode(entity.public)["uri"])
