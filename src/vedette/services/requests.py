"""One request against the API, as services see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal
from vedette.ports.unit import Write


class AuditDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit entry says of a write request; secrets in it are redacted before it is made."""

    app: str  # the collection: `entities`
    method: str
    url: str  # the path; `query` is what comes after it
    query: Mapping[str, str] | None
    headers: Mapping[str, str]
    payload: str | None
    who: str | None
    why: str | None


class Origin(msgspec.Struct, frozen=True):
    """The definition in a file on an agent's host that a check or alarm is made from."""

    name: str  # `{"check":"default","filename":"memory.yaml"}`
    hash: str  # 40 hex digits; `0` once the object was changed otherwise


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, when, and what is to be recorded of it."""

    principal: Principal
    tenant_id: TenantId
    now_ms: int
    transaction_id: str
    draft: AuditDraft | None  # None for reads
    remember: Callable[[str], Write] | None = None  # see `remembering`
    origin: Origin | None = None  # of what it makes or changes; None for what users ask for
    earlier: str | None = None  # what it was remembered by when it was done before: to be answered anew, not done

    @property
    def sees_secrets(self) -> bool:
        return self.principal.sees_secrets

    def remembering(self, object_id: str) -> tuple[Write, ...]:
        """What must commit with a creation, so that the same request is not done twice; `object_id` is no secret."""
        return () if self.remember is None else (self.remember(object_id),)


class Created(msgspec.Struct, frozen=True):
    """A new object's id, and the members of the body that were not taken."""

    id: str
    ignored: tuple[str, ...] = ()
    address: str | None = None  # what its address ends in, where that is not the id


class Changed(msgspec.Struct, frozen=True):
    """An update that was done, or that changed nothing."""

    id: str
    ignored: tuple[str, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """An object as it is answered, and the revision it has."""

    body: bytes
    revision: int


Body = Mapping[str, Any]
Revisions = frozenset[int] | None
"""Which revisions a change is meant for (`If-Match`); None where any will do."""


def expect_revision(wanted: Revisions, revision: int) -> None:
    """Raises 412 `badRequest` when the object is another one than the caller has seen."""
    if wanted is not None and revision not in wanted:
        raise Fault("badRequest", "The object has been changed", f'Expected If-Match to name "{revision}"', code=412)
