"""The audit sealer: links the committed entries of each tenant, soon after; no request waits for it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vedette.domain.ids import TenantId
from vedette.ports.audit_chain import AuditChain, Head, Link, Sequenced
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict
from vedette.services.audit_chain import marked, next_value

_BATCH = 200


class Sealer:
    """Any number may run: who is not first at a batch has done nothing."""

    def __init__(self, chain: AuditChain, commit: Commit, keyring: Keyring) -> None:
        self._chain = chain
        self._commit = commit
        self._keyring = keyring

    async def step(self) -> bool:
        """Links a batch in one transaction; whether there may be more."""
        sealed = await self._chain.sealed()
        entries = await self._chain.after(sealed, _BATCH)
        if not entries:
            return False
        before = await self._heads(entries)
        links, after = self._linked(entries, before)
        heads = [self._chain.put_head(*self._next(before.get(head.tenant_id), head)) for head in after.values()]
        try:
            await self._commit(self._chain.advance(sealed, entries[-1].seq), self._chain.link(links), *heads)
        except Conflict:  # another sealer was first, or a tenant has just been removed
            return False
        return len(entries) == _BATCH

    async def _heads(self, entries: Sequence[Sequenced]) -> dict[TenantId, Head]:
        tenants = sorted({one.entry.tenant_id for one in entries})
        return {head.tenant_id: head for head in await self._chain.heads(tenants)}

    def _linked(
        self, entries: Sequence[Sequenced], before: dict[TenantId, Head]
    ) -> tuple[list[Link], dict[TenantId, Head]]:
        links = []
        after: dict[TenantId, Head] = {}
        for one in entries:
            tenant_id = one.entry.tenant_id
            head = after.get(tenant_id) or before.get(tenant_id) or Head(tenant_id=tenant_id)
            chain = next_value(self._keyring, head.chain, one)
            links.append(Link(tenant_id, one.seq, chain))
            after[tenant_id] = msgspec.structs.replace(head, seq=one.seq, chain=chain)
        return links, after

    def _next(self, before: Head | None, head: Head) -> tuple[Head, bytes | None]:
        return marked(self._keyring, head, before), None if before is None else before.mark
