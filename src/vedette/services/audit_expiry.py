"""Audit entries that are too old go, from the beginning of each chain; the last value that went is its anchor."""

from __future__ import annotations

import msgspec

from vedette.domain.ids import TenantId
from vedette.ports.audit_chain import AuditChain, Head, Linked
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict
from vedette.services.audit_chain import marked

_PAGE = 500


class AuditExpiry:
    """An entry goes only once it is in the chain, and all before it go with it or have gone."""

    def __init__(self, chain: AuditChain, commit: Commit, keyring: Keyring) -> None:
        self._chain = chain
        self._commit = commit
        self._keyring = keyring

    async def step(self, key: bytes, limit: int) -> None:
        """Lets go of entries before the key, `limit` of each tenant at most."""
        for tenant_id in await self._chain.expired(key, limit):
            heads = await self._chain.heads([tenant_id])
            last = await self._last(tenant_id, key, limit)
            if heads and last is not None:
                await self._forget(heads[0], last)

    async def _last(self, tenant_id: TenantId, key: bytes, limit: int) -> Linked | None:
        """The last link of what goes."""
        last, seen, at = None, 0, 0
        while page := await self._chain.links(tenant_id, at, min(_PAGE, limit - seen)):
            for one in page:
                if one.entry is not None and one.entry.key >= key:
                    return last
                last = one
            seen, at = seen + len(page), page[-1].seq
            if seen >= limit:
                break
        return last

    async def _forget(self, head: Head, last: Linked) -> None:
        after = head
        if last.seq > head.anchor_seq:
            after = msgspec.structs.replace(head, anchor_seq=last.seq, anchor=last.chain)
        try:
            await self._commit(
                self._chain.put_head(marked(self._keyring, after, head), head.mark),
                self._chain.forget(head.tenant_id, last.seq),
            )
        except Conflict:  # the sealer, or another that tidies, came between: the next bite comes soon
            return
