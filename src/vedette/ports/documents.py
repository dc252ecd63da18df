"""Configuration objects: entities, checks, alarms, notifications, plans, suppressions, private zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.ports.unit import Write


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which objects of a kind; empty members do not narrow."""

    entity_id: str | None = None
    check_id: str | None = None
    ids: tuple[str, ...] = ()
    label: str | None = None
    agent_ids: tuple[str, ...] = ()  # entities bound to any of these
    refs: tuple[str, ...] = ()  # those that refer to any of these
    metadata: tuple[tuple[str, str], ...] = ()  # (key, value as text): every one of them


class Documents(Protocol):
    """Order is by id, bytewise. Every write also appends to the changes feed, in the same transaction."""

    async def find(self, tenant_id: TenantId, kind: Kind, key: str) -> Document | None: ...

    async def list(
        self, tenant_id: TenantId, kind: Kind, where: Filter, marker: str | None, limit: int
    ) -> list[Document]:
        """At most `limit` documents, the first id not less than `marker`."""
        ...

    async def of_entities(self, tenant_id: TenantId, kind: Kind, entity_ids: Sequence[str]) -> Sequence[Document]:
        """Everything of a kind (checks, alarms) that belongs to any of the entities, by id."""
        ...

    async def count(self, tenant_id: TenantId, kind: Kind) -> int: ...

    async def count_refs(self, tenant_id: TenantId, kind: Kind) -> Mapping[str, int]:
        """What documents of a kind refer to -> how many of them do."""
        ...

    async def referrers(self, tenant_id: TenantId, key: str, limit: int) -> Sequence[str]:
        """Ids of the documents whose `refs` hold `key`, in order."""
        ...

    async def entity_of_agent(self, tenant_id: TenantId, agent_id: str) -> Document | None: ...

    async def every(self, kind: Kind, marker: str | None, limit: int) -> Sequence[Document]:
        """Over all tenants, by id: for collectors and evaluation at start."""
        ...

    async def changes(self, after: int, limit: int) -> Sequence[Change]:
        """The changes feed, oldest first, strictly after `after`. Gaps in `seq` are never filled later."""
        ...

    async def last_change(self) -> int:
        """The newest `seq` of the changes feed, 0 when there is none."""
        ...

    def add(self, document: Document) -> Write:
        """Guards: `parent` (the entity or check it belongs to is gone), `tenant` (its tenant is), `agent_id` (another
        entity has it), `id`.
        """
        ...

    def update(self, document: Document, revision: int) -> Write:
        """Compare-and-set: guard `revision` when the stored revision is another or the row is gone; `agent_id`.

        `revision` is what was read; what is stored has the next one.
        """
        ...

    def remove(self, document: Document) -> Write:
        """With all that belongs to it (an entity's checks and alarms, a check's alarms), each of it a change of its own
        in the feed. It goes at its `updated_at`. Guard `revision`.
        """
        ...

    def require(self, tenant_id: TenantId, keys: Sequence[str]) -> Write:
        """Guard `required`: every one of the objects exists when the transaction commits."""
        ...

    def unreferenced(self, tenant_id: TenantId, key: str) -> Write:
        """Guard `referenced`: no document refers to the object when the transaction commits."""
        ...

    def referred_below(self, tenant_id: TenantId, key: str, limit: int, guard: str) -> Write:
        """Guard `guard`: fewer than `limit` documents refer to the object before this transaction adds one."""
        ...

    def below(self, tenant_id: TenantId, kind: Kind, limit: int, guard: str = "limit") -> Write:
        """Guard `guard`: fewer than `limit` objects of the kind before this transaction adds one."""
        ...
