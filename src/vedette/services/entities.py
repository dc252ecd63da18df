"""Entities: the objects that are monitored (reference: entities)."""

from __future__ import annotations

import hashlib
from typing import Any

from vedette.domain.documents import Document
from vedette.domain.faults import Fault
from vedette.ports.unit import Conflict, Write
from vedette.services.documents import Draft
from vedette.services.requests import Request


class EntityRules:
    """An agent is bound to at most one entity of a tenant. Removing one removes its checks and alarms."""

    async def complete(self, _request: Request, _entity: Document | None, values: dict[str, Any]) -> Draft:
        refs = (uri_ref(values["uri"]),) if values["uri"] else ()
        return Draft(values=values, agent_id=values["agent_id"], refs=refs)

    async def before_removal(self, _request: Request, _document: Document) -> tuple[Write, ...]:
        return ()

    def explain(self, conflict: Conflict, draft: Draft) -> Fault | None:
        if conflict.guard != "agent_id":
            return None
        return Fault(
            "indexCardinalityConstraintViolation",
            "A resource with the specified index already exists",
            f'An entity with agent_id "{draft.agent_id}" already exists',
        )


def uri_ref(uri: str) -> str:
    """What an entity refers to by its uri: found by it, whatever its length."""
    return "uri:" + hashlib.sha256(uri.encode()).hexdigest()[:40]
