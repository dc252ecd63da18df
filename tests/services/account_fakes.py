"""Accounts in memory, a clock that stands still until it is told, chance from a counter."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import cast

from vedette.adapters.local.keyring import Key, LocalKeyring
from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal, User
from vedette.ports.accounts import RateCount, Tenant
from vedette.ports.unit import Conflict, Write

Effect = Callable[[], None]


class SteadyClock:
    """Milliseconds; moves only when it is set."""

    def __init__(self, now_ms: int = 1_900_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Counted:
    """Entropy that repeats itself in each test and never within one."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, count: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(str(self._count).encode()).digest(count)


def keyring(entropy: Callable[[int], bytes], *versions: int) -> LocalKeyring:
    return LocalKeyring([Key(version, bytes([version]) * 32) for version in versions or (1,)], entropy)


class MemoryAccounts:
    """Implements `ports.accounts.Accounts` and `ports.unit.Commit`: all of a commit happens, or nothing."""

    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}
        self._users: dict[str, User] = {}
        self.principals: dict[bytes, Principal] = {}
        self.before_commit: Callable[[], None] = lambda: None  # what another process does just before

    async def commit(self, *writes: Write) -> None:
        self.before_commit()
        before = (dict(self._tenants), dict(self._users), dict(self.principals))
        try:
            for write in writes:
                cast("Effect", write)()
        except Conflict:
            self._tenants, self._users, self.principals = before
            raise

    async def find_tenant(self, tenant_id: TenantId) -> Tenant | None:
        return self._tenants.get(tenant_id.lower())

    async def tenants(self) -> list[Tenant]:
        return sorted(self._tenants.values(), key=lambda tenant: tenant.id)

    def add_tenant(self, tenant: Tenant) -> Write:
        def effect() -> None:
            _guard("tenant", tenant.id.lower() not in self._tenants)
            self._tenants[tenant.id.lower()] = tenant

        return effect

    def update_tenant(self, tenant: Tenant, revision: int) -> Write:
        def effect() -> None:
            found = self._tenants.get(tenant.id.lower())
            _guard("revision", found is not None and found.revision == revision)
            self._tenants[tenant.id.lower()] = tenant

        return effect

    def remove_tenant(self, tenant_id: TenantId) -> Write:
        def effect() -> None:
            _guard("tenant", self._tenants.pop(tenant_id.lower(), None) is not None)
            for user in [user for user in self._users.values() if user.tenant_id == tenant_id]:
                self._forget_user(user)

        return effect

    async def find_user(self, name: str) -> User | None:
        return self._users.get(name)

    async def users(self, tenant_id: TenantId | None) -> list[User]:
        return [user for user in self._users.values() if tenant_id in (None, user.tenant_id)]

    def add_user(self, user: User) -> Write:
        def effect() -> None:
            _guard("tenant", user.tenant_id.lower() in self._tenants)
            _guard("user", user.name not in self._users)
            self._users[user.name] = user

        return effect

    def update_user(self, user: User) -> Write:
        def effect() -> None:
            _guard("user", user.name in self._users)
            self._forget_user(user)
            self._users[user.name] = user

        return effect

    def reindex_user(self, user: User, before: bytes) -> Write:
        def effect() -> None:
            found = self._users.get(user.name)
            _guard("user", found is not None and found.api_key_index == before)
            self._users[user.name] = user

        return effect

    def remove_user(self, name: str) -> Write:
        def effect() -> None:
            _guard("user", name in self._users)
            self._forget_user(self._users[name])

        return effect

    async def find_principal(self, index: bytes) -> Principal | None:
        return self.principals.get(index)

    def add_principal(self, index: bytes, principal: Principal) -> Write:
        def effect() -> None:
            _guard("user", principal.user_name in self._users)
            self.principals[index] = principal

        return effect

    def remove_principal(self, index: bytes) -> Write:
        def effect() -> None:
            self.principals.pop(index, None)

        return effect

    def forget_expired(self, now_ms: int) -> Write:
        def effect() -> None:
            self.principals = {key: one for key, one in self.principals.items() if one.expires_at > now_ms}

        return effect

    async def rate_counts(self) -> list[RateCount]:
        return []

    def save_rate_counts(self, counts: list[RateCount]) -> Write:
        raise NotImplementedError

    def _forget_user(self, user: User) -> None:
        self._users.pop(user.name, None)
        self.principals = {key: one for key, one in self.principals.items() if one.user_id != user.id}


def _guard(name: str, holds: bool) -> None:
    if not holds:
        raise Conflict(name)
