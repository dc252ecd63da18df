"""What is asked of connected agents: host info, targets, upgrades (reference: agent host information, targets)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault, not_found, parent_not_found
from vedette.domain.host_info import HOST_INFO_TYPES, SPELLINGS, TYPES_WITH_TARGETS
from vedette.domain.ids import TenantId
from vedette.domain.resources import ENTITY
from vedette.ports.agent_requests import AskAgent, HostInfo
from vedette.ports.agents import Agents, Connection
from vedette.ports.documents import Documents
from vedette.services.requests import Request
from vedette.services.token_activity import ALIVE_MS

_encode = msgspec.json.Encoder().encode


class AgentQuestions:
    """Finds an agent's live connections, whichever process has them, and asks by one of them."""

    def __init__(self, agents: Agents, documents: Documents, ask: AskAgent) -> None:
        self._agents = agents
        self._documents = documents
        self.ask = ask

    async def host_info(self, request: Request, agent_id: str | None, type: str) -> bytes:
        """Raises `agentDoesNotExist` for an agent never seen, `agentNotConnected`."""
        wanted = host_info_type(type)
        return _encode(shown(await self.ask.host_info(await self.connections(request, agent_id), wanted)))

    async def host_info_types(self, request: Request, agent_id: str) -> bytes:
        """The types that this agent's host has."""
        return _encode(shown(await self.ask.host_info_types(await self.connections(request, agent_id))))

    async def host_info_of_entity(self, request: Request, entity_id: str, type: str) -> bytes:
        entity = await self._entity(request.tenant_id, entity_id)
        return await self.host_info(request, entity.agent_id, type)

    async def targets(self, request: Request, entity_id: str, check_type: str) -> list[bytes]:
        """`{id, label}` of each target on the entity's host. Raises `checkDoesNotSupportTargets` for other types."""
        entity = await self._entity(request.tenant_id, entity_id)
        if check_type not in CHECK_TYPES:
            raise not_found("CheckType", check_type)
        if check_type not in TYPES_WITH_TARGETS:
            raise Fault(
                "checkDoesNotSupportTargets",
                "The check type does not support targets",
                "Expected one of: " + ", ".join(sorted(TYPES_WITH_TARGETS)),
            )
        targets = await self.ask.targets(await self.connections(request, entity.agent_id), check_type)
        return [_encode({"id": target, "label": target}) for target in targets]

    async def upgrade(self, request: Request, agent_id: str) -> None:
        await self.ask.upgrade(await self.connections(request, agent_id))

    async def connections(self, request: Request, agent_id: str | None) -> Sequence[Connection]:
        """An agent's live connections, one at least."""
        alive_since = request.now_ms - ALIVE_MS
        if agent_id is not None:
            found = await self._agents.connections_of_agent(request.tenant_id, agent_id, alive_since)
            if found:
                return found
            if await self._agents.find(request.tenant_id, agent_id) is not None:
                raise Fault("agentNotConnected", "Agent not connected", f"Agent {agent_id} is not connected")
        raise Fault("agentDoesNotExist", "Agent does not exist", f"Agent {agent_id or 'null'} does not exist")

    async def _entity(self, tenant_id: TenantId, entity_id: str) -> Document:
        entity = await self._documents.find(tenant_id, Kind.ENTITY, entity_id)
        if entity is None:
            raise parent_not_found(ENTITY.noun, entity_id)
        return entity


def host_info_type(given: str) -> str:
    """Raises `notFoundError` for a type that no agent knows."""
    wanted = SPELLINGS.get(given, given)
    if wanted not in HOST_INFO_TYPES:
        raise not_found("HostInfo", given)
    return wanted


def shown(found: HostInfo) -> dict[str, Any]:
    """As it is answered."""
    return {"timestamp": found.timestamp, "error": found.error, "info": found.info}
