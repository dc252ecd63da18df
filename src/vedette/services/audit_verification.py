"""Checking a chain of audit entries: whether any was changed, removed or slipped in since it was linked."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vedette.domain.faults import Fault
from vedette.domain.history import AuditEntry
from vedette.domain.ids import TenantId
from vedette.domain.timeline import uuid_of
from vedette.ports.audit_chain import AuditChain, Head, Linked, Sequenced
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict
from vedette.services.audit_chain import fault_of_entry, fault_of_head, marked

_PAGE = 500
_TRIES = 10


class Break(msgspec.Struct, frozen=True):
    """Where a chain does not hold, and why."""

    seq: int
    what: str  # the entry's id, or in words what else it is
    reason: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's chain is like."""

    tenant_id: TenantId
    head: Head
    entries: int = 0  # that were checked
    waiting: int = 0  # not linked yet
    first_break: Break | None = None
    has_kept: bool = True  # whether the value that was asked for is in it
    last_of_key: dict[int, Linked] = {}  # by version of the key


class Verifier:
    """Only `mark_anew` and `settle` write; may run beside a server."""

    def __init__(self, chain: AuditChain, keyring: Keyring) -> None:
        self._chain = chain
        self._keyring = keyring

    async def verify(self, tenant_ids: Sequence[TenantId], kept: bytes | None = None) -> list[Verdict]:
        """`kept`: a value of the chain that was written down elsewhere and must be in it."""
        sealed = await self._chain.sealed()
        loose = await self._loose(sealed)
        waiting = await self._waiting(sealed)
        return [
            _with_loose(await self._verdict(tenant_id, kept), loose.get(tenant_id), waiting.get(tenant_id, 0))
            for tenant_id in tenant_ids
        ]

    async def heads(self, tenant_ids: Sequence[TenantId]) -> list[tuple[Head, AuditEntry | None]]:
        """Where each chain ends; None where that entry has expired."""
        found = []
        for head in await self._chain.heads(tenant_ids):
            last = await self._chain.links(head.tenant_id, head.seq - 1, 1)
            found.append((head, last[0].entry if last else None))
        return sorted(found, key=lambda one: one[0].tenant_id)

    async def mark_anew(self, commit: Commit) -> None:
        """Every head under the key in use; one that does not hold, or that others are writing, stays as it is."""
        for head in await self._chain.heads():
            if head.mark[:1] == bytes((self._keyring.current,)):
                continue
            try:
                await commit(self._chain.put_head(marked(self._keyring, head, head), head.mark))
            except Conflict:  # whoever was first has marked it
                continue

    async def settle(self, tenant_ids: Sequence[TenantId], version: int, commit: Commit) -> int:
        """Begins the check of these chains after what was linked with this key, which is to go; how many entries.

        Raises `badRequest` for a chain that does not hold, which must not be settled.
        """
        return sum([await self._settle(tenant_id, version, commit) for tenant_id in tenant_ids])

    async def _settle(self, tenant_id: TenantId, version: int, commit: Commit) -> int:
        for _ in range(_TRIES):
            verdict = await self._verdict(tenant_id, None)
            head, last = verdict.head, verdict.last_of_key.get(version)
            if verdict.first_break is not None:
                raise broken(verdict)
            if last is None and head.mark[:1] != bytes((version,)):
                return 0
            after = head if last is None else msgspec.structs.replace(head, anchor_seq=last.seq, anchor=last.chain)
            try:
                await commit(self._chain.put_head(marked(self._keyring, after, head), head.mark))
            except Conflict:
                continue
            return verdict.entries if last is not None else 0
        raise Fault("systemFailureError", f"The audit of {tenant_id} is being written to", "Try again")

    async def _verdict(self, tenant_id: TenantId, kept: bytes | None) -> Verdict:
        """Of one tenant; looked at again when entries have expired meanwhile."""
        head = await self._head(tenant_id)
        for _ in range(_TRIES):
            verdict = await self._walked(head, kept)
            again = await self._head(tenant_id)
            if verdict.first_break is None or again.anchor_seq == head.anchor_seq:
                return verdict
            head = again
        return verdict

    async def _head(self, tenant_id: TenantId) -> Head:
        return next(iter(await self._chain.heads([tenant_id])), Head(tenant_id=tenant_id))

    async def _walked(self, head: Head, kept: bytes | None) -> Verdict:
        walk = _Walk(self._keyring, head, kept)
        seq, is_over = head.anchor_seq, False
        while not is_over and (page := await self._chain.links(head.tenant_id, seq, _PAGE)):
            seq, is_over = page[-1].seq, walk.go_on(page)
        return walk.verdict()

    async def _loose(self, sealed: int) -> dict[TenantId, Sequenced]:
        """The first of each tenant."""
        found: dict[TenantId, Sequenced] = {}
        for one in await self._chain.loose(sealed, _PAGE):
            found.setdefault(one.entry.tenant_id, one)
        return found

    async def _waiting(self, sealed: int) -> dict[TenantId, int]:
        counts: dict[TenantId, int] = {}
        for one in await self._chain.after(sealed, _PAGE):
            counts[one.entry.tenant_id] = counts.get(one.entry.tenant_id, 0) + 1
        return counts


class _Walk:
    """One way along a chain, from its anchor to its head."""

    def __init__(self, keyring: Keyring, head: Head, kept: bytes | None) -> None:
        self._keyring = keyring
        self._head = head
        self._kept = kept
        self._has_kept = kept in {None, head.anchor}
        self._before = head.anchor
        self._seq = head.anchor_seq
        self._what = "the beginning of the chain"
        self._entries = 0
        self._last_of_key: dict[int, Linked] = {}
        self._break: Break | None = None

    def go_on(self, page: Sequence[Linked]) -> bool:
        """Whether the walk is over."""
        for one in page:
            if one.seq > self._head.seq and self._head.seq > 0:  # linked since the head was read
                return True
            self._break = self._judged(one)
            if self._break is not None:
                return True
            self._entries += 1
            self._has_kept = self._has_kept or one.chain == self._kept
            self._before, self._seq = one.chain, one.seq
            self._last_of_key[one.chain[0]] = Linked(one.seq, one.chain, None)
        return False

    def _judged(self, one: Linked) -> Break | None:
        if one.entry is None:
            return Break(one.seq, f"the entry after {self._what}", "it is missing")
        self._what = uuid_of(one.entry.key)
        if self._head.seq == 0:
            return Break(one.seq, self._what, "the head of its chain is missing")
        fault = fault_of_entry(self._keyring, self._before, Sequenced(one.seq, one.entry), one.chain)
        if fault == "it does not fit":
            fault = "it does not fit what is before it: it was changed, or one before it was changed or removed"
        return None if fault is None else Break(one.seq, self._what, fault)

    def verdict(self) -> Verdict:
        found = self._break
        if found is None and (self._seq, self._before) != (self._head.seq, self._head.chain):
            found = Break(self._seq + 1, f"the entry after {self._what}", "the chain does not end as its head says")
        if found is None and self._head.seq > 0:
            fault = fault_of_head(self._keyring, self._head)
            found = None if fault is None else Break(self._head.seq, "the head of the chain", fault)
        return Verdict(
            tenant_id=self._head.tenant_id,
            head=self._head,
            entries=self._entries,
            first_break=found,
            has_kept=self._has_kept,
            last_of_key=self._last_of_key,
        )


def _with_loose(verdict: Verdict, loose: Sequenced | None, waiting: int) -> Verdict:
    found = verdict.first_break
    if loose is not None and (found is None or loose.seq < found.seq):
        found = Break(loose.seq, uuid_of(loose.entry.key), "it is in no chain: it was slipped in, or its link removed")
    return msgspec.structs.replace(verdict, first_break=found, waiting=waiting)


def broken(verdict: Verdict) -> Fault:
    """What to tell of a chain that does not hold."""
    found = verdict.first_break
    what, reason = (found.what, found.reason) if found else ("", "")
    return Fault("badRequest", f"The audit of {verdict.tenant_id} is broken at {what}", reason)
