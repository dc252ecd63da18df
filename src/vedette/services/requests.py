"""One request against the API, as services see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal


class AuditDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit entry says of a write request; secrets in it are redacted before it is made."""

    app: str  # the collection: `entities`
    method: str
    url: str
    query: Mapping[str, str] | None
    headers: Mapping[str, str]
    payload: str | None
    who: str | None
    why: str | None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, when, and what is to be recorded of it."""

    principal: Principal
    tenant_id: TenantId
    now_ms: int
    transaction_id: str
    draft: AuditDraft | None  # None for reads

    @property
    def sees_secrets(self) -> bool:
        return self.principal.sees_secrets


class Created(msgspec.Struct, frozen=True):
    """A new object's id, and the members of the body that were not taken."""

    id: str
    ignored: tuple[str, ...] = ()


class Changed(msgspec.Struct, frozen=True):
    """An update that was done, or that changed nothing."""

    id: str
    ignored: tuple[str, ...] = ()


Body = Mapping[str, Any]
