"""Audits: every write request, refused ones too, is recorded (reference: audits)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vedette.domain.history import AuditEntry
from vedette.domain.ids import Entropy, TenantId
from vedette.domain.timeline import new_key, uuid_of
from vedette.ports.history import Audits, Span
from vedette.ports.unit import Commit, Write
from vedette.services.redaction import redacted
from vedette.services.requests import AuditDraft, Request

_encode = msgspec.json.Encoder().encode


class Auditor:
    """Makes audit entries. An entry commits with the change; one for a refused request commits alone."""

    def __init__(self, audits: Audits, commit: Commit, entropy: Entropy) -> None:
        self._audits = audits
        self._commit = commit
        self._entropy = entropy

    def entry(self, request: Request, status: int, previous: Sequence[Mapping[str, Any] | msgspec.Raw] = ()) -> Write:
        """The write that records a request that changes something; `previous` are the objects as they were."""
        if request.draft is None:
            raise ValueError("a read has no audit entry")
        key = new_key(request.now_ms, self._entropy)
        body = _entry_body(request, request.draft, status, previous)
        return self._audits.add(
            AuditEntry(key=key, tenant_id=request.tenant_id, at_ms=request.now_ms, body=body),
        )

    async def refused(self, request: Request, status: int) -> None:
        await self._commit(self.entry(request, status))

    async def page(self, tenant_id: TenantId, span: Span) -> list[tuple[str, bytes]]:
        """(id, JSON object) in the order asked for."""
        entries = await self._audits.list(tenant_id, span)
        return [(uuid_of(entry.key), _with_id(entry)) for entry in entries]


def _entry_body(
    request: Request, draft: AuditDraft, status: int, previous: Sequence[Mapping[str, Any] | msgspec.Raw]
) -> bytes:
    return _encode(
        {
            "headers": draft.headers,
            "url": draft.url,
            "timestamp": request.now_ms,
            "app": draft.app,
            "query": draft.query,
            "txnId": request.transaction_id,
            "payload": draft.payload,
            "method": draft.method,
            "account_id": request.principal.tenant_id,
            "who": draft.who,
            "why": draft.why,
            "statusCode": status,
            "previous_state": [one if isinstance(one, msgspec.Raw) else redacted(one) for one in previous],
        }
    )


def _with_id(entry: AuditEntry) -> bytes:
    return b'{"id":"' + uuid_of(entry.key).encode() + b'",' + entry.body[1:]
