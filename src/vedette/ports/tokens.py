"""Agent tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vedette.domain.ids import TenantId
from vedette.domain.tokens import AgentToken
from vedette.ports.unit import Write


class AgentTokens(Protocol):
    """Every write also appends to the changes feed with kind `agent_token` and the public id."""

    async def find(self, tenant_id: TenantId, public_id: str) -> AgentToken | None: ...

    async def find_by_index(self, index: bytes) -> AgentToken | None: ...

    async def list(self, tenant_id: TenantId, sort_key: str, limit: int) -> list[AgentToken]:
        """From the first whose sort key is not less than `sort_key`; ordered by (sort key, public id), bytewise.

        Ties of the sort key are cut by no page: when the last one has ties, they are all in the answer.
        """
        ...

    async def list_by_public_id(self, tenant_id: TenantId, marker: str | None, limit: int) -> Sequence[AgentToken]: ...

    def add(self, token: AgentToken) -> Write: ...

    def update(self, token: AgentToken, revision: int) -> Write:
        """Guard `revision`."""
        ...

    def remove(self, token: AgentToken) -> Write:
        """Guard `revision`."""
        ...
