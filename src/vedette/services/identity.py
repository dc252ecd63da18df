"""Log-in and identity tokens (Identity v2.0). A token lives 24 hours; of it only an HMAC is kept."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

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
_TRIES = 3

Sleep = Callable[[float], Awaitable[None]]
Judge = Callable[[User | None], Awaitable[bool]]
"""Whether what was given is this user's; takes its time for nobody too."""


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

        async def is_good(user: User | None) -> bool:
            return user is not None and self._has_key(user, api_key)

        return await self._log_in(name, api_key, address, is_good)

    async def log_in_with_password(self, name: str, password: str, address: str) -> LoggedIn:
        """By password; the API key is taken for one."""

        async def is_good(user: User | None) -> bool:
            if user is not None and self._has_key(user, password):
                return True
            return await self._passwords.fits(password, user.password_hash if user else None)

        return await self._log_in(name, password, address, is_good)

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

    async def _log_in(self, name: str, given: str, address: str, is_good: Judge) -> LoggedIn:
        await self._admit(name, address)
        for _ in range(_TRIES):
            user = await self._find(name)
            if not await is_good(user) or user is None:
                break
            issued = await self._issue(await self._reindexed(user, given))
            if issued is not None:
                self._limits.succeeded(name, address)
                return issued
        self._limits.failed(name, address, self._clock())
        raise _unauthorized()

    async def _reindexed(self, user: User, given: str) -> User:
        """The user with its API key indexed by the current key: only at a log-in is there the API key to do it with."""
        index = self._keyring.index("api_key", given)
        if user.api_key_index == index or not self._has_key(user, given):
            return user
        after = msgspec.structs.replace(user, api_key_index=index)
        try:
            await self._commit(self._accounts.reindex_user(after, user.api_key_index))
        except Conflict:
            return user  # another log-in was first, or the API key was rotated: `_issue` finds that it is another user
        return after

    async def _issue(self, user: User) -> LoggedIn | None:
        """None when the user was changed since it was looked at: it must be looked at again."""
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
            return None
        if await self._accounts.find_user(user.name) != user:
            # Its key was rotated after we had compared: the rotation may have missed the token it was to end.
            await self._commit(self._accounts.remove_principal(index))
            return None
        return LoggedIn(token, principal)


def _unauthorized() -> Fault:
    """The same for a wrong name and a wrong key."""
    return Fault(
        "unauthorizedError", "Unable to authenticate user with credentials provided.", "Wrong user name or API key"
    )
