"""Creations that the same request makes once, by the key its caller gave it (`Idempotency-Key`)."""

from __future__ import annotations

from typing import Protocol

import msgspec

from vedette.domain.ids import TenantId
from vedette.ports.unit import Write


class Repeatable(msgspec.Struct, frozen=True, kw_only=True):
    """A creation that was done. Nothing of what was sent or answered is kept but the object's id, and no secret."""

    name: bytes  # a hash of the user, the address and the key
    tenant_id: TenantId
    request_index: bytes  # keyed hash of what was sent
    object_id: str  # a public id where the id itself is a secret
    at_ms: int


class Repeatables(Protocol):
    """Creations of the last day."""

    async def find(self, name: bytes) -> Repeatable | None: ...

    def add(self, done: Repeatable, expired_ms: int) -> Write:
        """In place of one that is not newer than `expired_ms`.

        Guard `repeatable`: there is another one, or the tenant is gone.
        """
        ...

    def forget_before(self, at_ms: int) -> Write: ...
