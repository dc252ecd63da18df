"""Who calls: users, roles and what each may do (reference: role-based access control)."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

import msgspec

from vedette.domain.ids import TenantId


class Capability(IntEnum):
    """What an operation needs; each includes the ones below it."""

    NONE = 0
    READ = 1
    CREATE = 2  # and update, and test calls
    DELETE = 3


ROLES = {
    "monitoring:admin": Capability.DELETE,
    "monitoring:creator": Capability.CREATE,
    "monitoring:observer": Capability.READ,
    "admin": Capability.DELETE,
    "observer": Capability.READ,
}


@lru_cache(256)
def capability_of(roles: tuple[str, ...]) -> Capability:
    """The strongest of several roles wins; unknown roles give nothing."""
    return max((ROLES.get(role, Capability.NONE) for role in roles), default=Capability.NONE)


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A login of a tenant; of the API key only an HMAC is kept, of the password only a scrypt hash."""

    id: str
    name: str
    tenant_id: TenantId
    roles: tuple[str, ...]
    api_key_index: bytes
    password_hash: bytes | None = None
    created_at: int


class Principal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The caller of one request, as its identity token says."""

    user_id: str
    user_name: str
    tenant_id: TenantId
    roles: tuple[str, ...]
    expires_at: int  # milliseconds

    @property
    def capability(self) -> Capability:
        return capability_of(self.roles)

    @property
    def sees_secrets(self) -> bool:
        """Observers never see agent tokens, webhook tokens, notification keys or check passwords."""
        return self.capability >= Capability.CREATE
