"""How much of everything an account has (an address that only clients know)."""

from __future__ import annotations

from typing import Any

from vedette.domain.documents import Kind
from vedette.domain.resources import RESOURCES
from vedette.ports.documents import Documents
from vedette.services.account import ResourceLimits
from vedette.services.requests import Request


class Usage:
    """Reads only."""

    def __init__(self, documents: Documents, limits: ResourceLimits) -> None:
        self._documents = documents
        self._limits = limits

    async def show(self, request: Request) -> dict[str, Any]:
        """`{"resource": {collection: {used, limit}}}`; the limit is null where there is none."""
        counted = {}
        for kind in Kind:
            collection = RESOURCES[kind].plural
            counted[collection] = {
                "used": await self._documents.count(request.tenant_id, kind),
                "limit": await self._limits.find(request.tenant_id, collection),
            }
        return {"resource": counted}
