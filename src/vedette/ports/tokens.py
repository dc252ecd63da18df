"""Agent tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vedette.domain.ids import TenantId
from vedette.domain.tokens import AgentToken, Grave, TokenUse
from vedette.ports.unit import Write


class AgentTokens(Protocol):
    """Every write of a token also appends to the changes feed with kind `agent_token` and the public id.

    That feed is the revocation sequence: every process reads it each second.
    """

    async def find(self, tenant_id: TenantId, public_id: str) -> AgentToken | None: ...

    async def find_by_index(self, index: bytes) -> AgentToken | None:
        """Collectors' too."""
        ...

    async def find_grave(self, index: bytes) -> Grave | None: ...

    async def list(self, tenant_id: TenantId, sort_key: str, limit: int) -> list[AgentToken]:
        """From the first whose sort key is not less than `sort_key`; ordered by (sort key, public id), bytewise.

        Ties of the sort key are cut by no page: when the last one has ties, they are all in the answer. No collector
        tokens.
        """
        ...

    async def list_by_public_id(self, tenant_id: TenantId, marker: str | None, limit: int) -> Sequence[AgentToken]:
        """From the first whose public id is not less than `marker`. No collector tokens."""
        ...

    async def every(self, marker: str | None, limit: int) -> Sequence[AgentToken]:
        """Over all tenants, collectors' too, for changing keys: from the first public id not less than `marker`."""
        ...

    async def expired(self, now_ms: int, limit: int) -> Sequence[AgentToken]:
        """Those whose rotation's overlap has ended: `rotated_to` is set and `expires_at` is not after now."""
        ...

    async def uses(self, public_ids: Sequence[str]) -> Sequence[TokenUse]:
        """Of the tokens that were ever used."""
        ...

    def add(self, token: AgentToken) -> Write:
        """Guards: `tenant` (its tenant is gone; a collector token has none), `id` (public id or secret are taken)."""
        ...

    def update(self, token: AgentToken, revision: int) -> Write:
        """Guard `revision`: the one that was read; what is stored has the next one.

        The sealed secret is left as it is, so that it does not undo a `reseal` that came between.
        """
        ...

    def reseal(self, token: AgentToken, revision: int) -> Write:
        """Stores index and sealed text made under other keys; nothing else changes, the revision neither.

        Guard `revision`. Not a change for the feed.
        """
        ...

    def remove(self, token: AgentToken, grave: Grave) -> Write:
        """Leaves a grave. Guard `revision`."""
        ...

    def used(self, uses: Sequence[TokenUse]) -> Write:
        """Adds or overwrites, where the token is still there and was not used later."""
        ...

    def forget_graves(self, before_ms: int) -> Write:
        """Those dug before."""
        ...
