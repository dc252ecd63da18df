"""The chain of a tenant's audit entries: so that nobody can change, remove or slip in one unseen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from vedette.domain.history import AuditEntry
from vedette.domain.ids import TenantId
from vedette.ports.unit import Write


class Sequenced(msgspec.Struct, frozen=True):
    """An entry and its place in the order of commits, over all tenants."""

    seq: int
    entry: AuditEntry


class Link(msgspec.Struct, frozen=True):
    """What the sealer adds to a chain: the value after the entry at `seq`."""

    tenant_id: TenantId
    seq: int
    chain: bytes


class Linked(msgspec.Struct, frozen=True):
    """A link and its entry, None where that is missing."""

    seq: int
    chain: bytes
    entry: AuditEntry | None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where a tenant's chain ends and where it begins.

    `anchor` is the value of the last entry that was let go, empty where none was: from there on it is checked. `mark`
    is a keyed hash over the rest.
    """

    tenant_id: TenantId
    seq: int = 0
    chain: bytes = b""
    anchor_seq: int = 0
    anchor: bytes = b""
    mark: bytes = b""


class AuditChain(Protocol):
    """Links and heads; the entries themselves come in by `history.Audits`."""

    async def sealed(self) -> int:
        """The `seq` up to which entries have been linked, over all tenants; 0 at first."""
        ...

    async def after(self, seq: int, limit: int) -> Sequence[Sequenced]:
        """In the order of `seq`; an entry committed later never has a lower `seq` than one already read."""
        ...

    async def heads(self, tenant_ids: Sequence[TenantId] | None = None) -> Sequence[Head]:
        """Of these tenants, as far as they have one; of all without."""
        ...

    async def links(self, tenant_id: TenantId, after: int, limit: int) -> Sequence[Linked]:
        """A tenant's, in the order of `seq`, strictly after `after`."""
        ...

    async def loose(self, sealed: int, limit: int) -> Sequence[Sequenced]:
        """Entries up to `sealed` that have no link in their tenant's chain: there should be none."""
        ...

    async def expired(self, key: bytes, limit: int) -> Sequence[TenantId]:
        """Tenants with entries before the key, among the `limit` oldest entries of all."""
        ...

    def advance(self, old: int, new: int) -> Write:
        """Compare-and-set of `sealed`. Guard `sealed`: another sealer was first."""
        ...

    def link(self, links: Sequence[Link]) -> Write:
        """One that is there stays as it is. Guard `link`: the tenant is gone."""
        ...

    def put_head(self, head: Head, before: bytes | None) -> Write:
        """`before` is the mark of what was read, None for a first head. Guard `head`: it is another now."""
        ...

    def forget(self, tenant_id: TenantId, seq: int) -> Write:
        """Entries and links up to `seq`; the head's anchor goes with it, as a write of its own."""
        ...
