"""The first account of a fresh database: one tenant and its administrator, so that a newcomer can log in.

The login is saved for the operator before it is stored: a crash between the two leaves a saved login that the next
start stores. Once a database has a tenant nothing is ever made here, so a removed administrator stays removed.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from vedette.domain.ids import TenantId
from vedette.ports.accounts import Accounts, Tenant
from vedette.ports.clock import Clock, Entropy
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict
from vedette.services.accounts import Login, new_login, user_of

FIRST_TENANT = TenantId("100001")
FIRST_USER = "admin"
FIRST_ROLES = ("admin",)

Save = Callable[[Login], None]
"""Keeps a login where the operator finds it; durable when it returns."""


class FirstStart:
    """Makes the first account where there is none."""

    def __init__(self, accounts: Accounts, commit: Commit, keyring: Keyring, *, clock: Clock, entropy: Entropy) -> None:
        self._accounts = accounts
        self._commit = commit
        self._keyring = keyring
        self._clock = clock
        self._entropy = entropy

    async def is_due(self) -> bool:
        """Whether the database has no tenant."""
        return not await self._accounts.tenants()

    async def run(self, saved: Login | None, save: Save) -> Login | None:
        """The login that was saved or is made now; None when nobody can log in with what was saved.

        That is so when its API key was rotated, its user removed, or the database was first started elsewhere.
        """
        if await self.is_due():
            login = saved or new_login(FIRST_USER, FIRST_TENANT, FIRST_ROLES, self._entropy)
            save(login)
            await self._store(login)
            saved = login
        return saved if saved and await self._works(saved) else None

    async def _store(self, login: Login) -> None:
        now_ms = self._clock()
        tenant = Tenant(id=login.tenant_id, created_at=now_ms)
        user = user_of(login, self._keyring, self._entropy, now_ms)
        try:
            await self._commit(self._accounts.add_tenant(tenant), self._accounts.add_user(user))
        except Conflict:
            # Another process on the same database was first; `_works` finds that our login is not the one.
            return

    async def _works(self, login: Login) -> bool:
        user = await self._accounts.find_user(login.username)
        indexes = self._keyring.indexes("api_key", login.api_key)
        return user is not None and any(hmac.compare_digest(user.api_key_index, index) for index in indexes)
