"""Log-in and identity tokens (Identity v2.0). A token lives 24 hours; of it only an HMAC is kept."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from vedette.domain.faults import Fault
from vedette.domain.principals import Principal, User
from vedette.ports.accounts import Accounts
from vedette.ports.clock import Clock, Entropy
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict
from vedette.services.accounts import USER_NAME
from vedette.services.log_in_limits import LogInLimits
from vedette.services.passwords import Passwords

TOKEN_LIFE_MS = 24 * 60 * 60 * 1000
_TOKEN = re.compile(r"[0-9a-f]{64}")
_PURPOSE = "identity_token"

Sleep = Callable[[float], Awaitable[None]]


class LoggedIn(NamedTuple):
    """A fresh token and who it stands for; the token is never to be had again."""

    token: str  # 64 hex digits
    principal: Principal


class Identity:
    """Who is who. Refusals are faults: `unauthorizedError` (401), `rateLimitReached` (429)."""

    def __init__(self, accounts: Accounts, commit: Commit, keyring: Keyring, *, clock: Clock, entropy: Entropy) -> None:
        self._accounts = accounts
        self._commit = commit
        self._keyring = keyring
        self._clock = clock
        self._entropy = entropy
        self._passwords = Passwords(entropy)
        self._limits = LogInLimits()
        self.sleep: Sleep = asyncio.sleep  # what slows a user under attack; tests watch it

    async def log_in(self, name: str, api_key: str, address: str) -> LoggedIn:
        """By API key; `address` is the caller's, for the limits."""
        await self._admit(name, address)
        user = await self._find(name)
        return await self._answer(name, address, user if user and self._has_key(user, api_key) else None)

    async def log_in_with_password(self, name: str, password: str, address: str) -> LoggedIn:
        """By password; the API key is taken for one."""
        await self._admit(name, address)
        user = await self._find(name)
        is_good = user is not None and self._has_key(user, password)
        if not is_good:
            is_good = await self._passwords.fits(password, user.password_hash if user else None)
        return await self._answer(name, address, user if is_good else None)

    async def principal(self, token: str) -> Principal | None:
        """Who calls with this token; None when it is unknown, revoked or expired.

        Found by its HMAC, so that no comparison's time tells anything about it.
        """
        if _TOKEN.fullmatch(token) is None:
            return None
        for index in self._keyring.indexes(_PURPOSE, token):
            principal = await self._accounts.find_principal(index)
            if principal is not None:
                return principal if principal.expires_at > self._clock() else None
        return None

    async def revoke(self, token: str) -> None:
        """At once, and fine when there is none."""
        await self._commit(*[self._accounts.remove_principal(index) for index in self._indexes(token)])

    async def forget_expired(self) -> None:
        """Housekeeping: rows of tokens that are of no use any more."""
        await self._commit(self._accounts.forget_expired(self._clock()))

    def _indexes(self, token: str) -> tuple[bytes, ...]:
        return self._keyring.indexes(_PURPOSE, token)

    async def _find(self, name: str) -> User | None:
        """What is no user's name never reaches the store."""
        return await self._accounts.find_user(name) if USER_NAME.fullmatch(name) else None

    async def _admit(self, name: str, address: str) -> None:
        delay_s = self._limits.admit(name, address, self._clock())
        if delay_s:
            await self.sleep(delay_s)

    def _has_key(self, user: User, api_key: str) -> bool:
        indexes = self._keyring.indexes("api_key", api_key)
        return any([hmac.compare_digest(user.api_key_index, index) for index in indexes])  # noqa: C419 - all are compared

    async def _answer(self, name: str, address: str, user: User | None) -> LoggedIn:
        if user is None:
            self._limits.failed(name, address, self._clock())
            raise _unauthorized()
        self._limits.succeeded(name, address)
        return await self._issue(user)

    async def _issue(self, user: User) -> LoggedIn:
        token = self._entropy(32).hex()
        principal = Principal(
            user_id=user.id,
            user_name=user.name,
            tenant_id=user.tenant_id,
            roles=user.roles,
            expires_at=self._clock() + TOKEN_LIFE_MS,
        )
        index = self._keyring.index(_PURPOSE, token)
        try:
            await self._commit(self._accounts.add_principal(index, principal))
        except Conflict:  # the user went away meanwhile
            raise _unauthorized() from None
        if await self._accounts.find_user(user.name) != user:
            # Its key was rotated after we had compared: the rotation may have missed the token it was to end.
            await self._commit(self._accounts.remove_principal(index))
            raise _unauthorized()
        return LoggedIn(token, principal)


def _unauthorized() -> Fault:
    """The same for a wrong name and a wrong key."""
    return Fault(
        "unauthorizedError", "Unable to authenticate user with credentials provided.", "Wrong user name or API key"
    )
