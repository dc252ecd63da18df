"""Tenants, users and identity tokens."""

from __future__ import annotations

from typing import Protocol

import msgspec

from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal, User
from vedette.ports.unit import Write

TENANT_CHANGE = "tenant"
"""The kind of a tenant's own changes in the changes feed."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """An account. Ids are unique ignoring case (one client lower-cases urls)."""

    id: TenantId
    created_at: int
    revision: int = 1
    metadata: dict[str, str] | None = None
    webhook_token: bytes | None = None  # sealed
    limits: dict[str, int] = {}  # overrides, e.g. {"checks": 5000, "rate.global": 0}; 0 lifts a rate limit


class RateCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a tenant used a rate limit's group in the window that began at `since_ms`."""

    tenant_id: TenantId
    group: str
    since_ms: int
    used: int


class Accounts(Protocol):
    """Tenants, users, identity tokens and the counters of rate limits."""

    async def find_tenant(self, tenant_id: TenantId) -> Tenant | None:
        """Ignoring case."""
        ...

    async def tenants(self) -> list[Tenant]: ...

    def add_tenant(self, tenant: Tenant) -> Write:
        """Guard `tenant`: the id (ignoring case) is taken."""
        ...

    def update_tenant(self, tenant: Tenant, revision: int) -> Write:
        """Guard `revision`. A change in the feed, of kind `TENANT_CHANGE`."""
        ...

    def remove_tenant(self, tenant_id: TenantId) -> Write:
        """With everything that is its. Guard `tenant`: there is none."""
        ...

    async def find_user(self, name: str) -> User | None: ...

    async def users(self, tenant_id: TenantId | None) -> list[User]: ...

    def add_user(self, user: User) -> Write:
        """Guards `user` (the name is taken), `tenant` (there is none)."""
        ...

    def update_user(self, user: User) -> Write:
        """Guard `user`: there is none. Its identity tokens end."""
        ...

    def reindex_user(self, user: User, before: bytes) -> Write:
        """Stores the index of the same API key under another key. Guard `user`: its index is no longer `before`."""
        ...

    def remove_user(self, name: str) -> Write:
        """Guard `user`. Its identity tokens end."""
        ...

    async def find_principal(self, index: bytes) -> Principal | None:
        """By the HMAC of an identity token; also when it has expired."""
        ...

    def add_principal(self, index: bytes, principal: Principal) -> Write:
        """Guard `user`: it was removed meanwhile."""
        ...

    def remove_principal(self, index: bytes) -> Write:
        """No guard: revoking twice is fine."""
        ...

    def forget_expired(self, now_ms: int) -> Write: ...

    async def rate_counts(self) -> list[RateCount]: ...

    def save_rate_counts(self, counts: list[RateCount]) -> Write: ...
