"""Tenants and users: what the command line manages."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from vedette.domain.collections import COLLECTIONS
from vedette.domain.faults import Fault, bad_request, invalid, not_found
from vedette.domain.ids import TenantId, object_id
from vedette.domain.principals import ROLES, User
from vedette.ports.accounts import Accounts, Tenant
from vedette.ports.clock import Clock, Entropy
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict
from vedette.services.account import RESOURCE_LIMITS
from vedette.services.passwords import Passwords
from vedette.services.rates import RATES

USER_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
_TENANT_ID = re.compile(r"[A-Za-z0-9:_-]{1,64}")
LIMITS = {**RESOURCE_LIMITS, **{f"rate.{group}": limit for group, limit in RATES.items()}}
"""Everybody's limits, by the names a tenant's own have."""
MOST_LIMIT = 1_000_000_000
_TRIES = 5
_MIN_PASSWORD, _MAX_PASSWORD = 12, 1024


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A user with its new API key, shown this once."""

    username: str
    api_key: str  # 32 hex digits
    tenant_id: TenantId
    roles: tuple[str, ...]


class AccountBook:
    """Adds, lists and removes tenants and users. Refusals are faults that name the key and what was expected."""

    def __init__(self, accounts: Accounts, commit: Commit, keyring: Keyring, *, clock: Clock, entropy: Entropy) -> None:
        self._accounts = accounts
        self._commit = commit
        self._keyring = keyring
        self._clock = clock
        self._entropy = entropy

    async def add_tenant(self, tenant_id: str) -> Tenant:
        tenant = Tenant(id=tenant_id_of(tenant_id), created_at=self._clock())
        try:
            await self._commit(self._accounts.add_tenant(tenant))
        except Conflict:
            raise bad_request(
                "Tenant exists", f"The id '{tenant_id}' is taken (ids are unique ignoring case)"
            ) from None
        return tenant

    async def tenants(self) -> list[Tenant]:
        return await self._accounts.tenants()

    async def tenant(self, tenant_id: str) -> Tenant:
        return await self._tenant(tenant_id)

    async def remove_tenant(self, tenant_id: str) -> None:
        """With its users and everything that is its."""
        tenant = await self._tenant(tenant_id)
        try:
            await self._commit(self._accounts.remove_tenant(tenant.id))
        except Conflict:
            raise not_found("Tenant", tenant_id) from None

    async def set_limit(self, tenant_id: str, name: str, value: int | None) -> Tenant:
        """A tenant's own limit (`checks`, `rate.global`, ...); None gives it everybody's. 0 lifts a rate limit."""
        if name not in LIMITS:
            raise invalid("name", "Expected one of " + ", ".join(LIMITS))
        if value is not None and not 0 <= value <= MOST_LIMIT:
            raise invalid("value", f"Expected a number from 0 to {MOST_LIMIT}")
        for _ in range(_TRIES):
            tenant = await self._tenant(tenant_id)
            others = {key: limit for key, limit in tenant.limits.items() if key != name}
            limits = others if value is None else others | {name: value}
            after = msgspec.structs.replace(tenant, revision=tenant.revision + 1, limits=limits)
            try:
                await self._commit(self._accounts.update_tenant(after, tenant.revision))
            except Conflict:
                continue
            return after
        raise Fault("systemFailureError", "The tenant is being changed by others", "Try again")

    async def add_user(self, name: str, tenant_id: str, roles: Sequence[str]) -> Login:
        """A new user with a new API key; the roles are those of `domain.principals.ROLES`."""
        tenant = await self._tenant(tenant_id)
        login = new_login(name, tenant.id, roles, self._entropy)
        user = user_of(login, self._keyring, self._entropy, self._clock())
        try:
            await self._commit(self._accounts.add_user(user))
        except Conflict as conflict:
            if conflict.guard == "tenant":
                raise not_found("Tenant", tenant_id) from None
            raise bad_request("User exists", f"The name '{name}' is taken") from None
        return login

    async def users(self, tenant_id: str | None = None) -> list[User]:
        """Of one tenant or of all."""
        return await self._accounts.users(None if tenant_id is None else (await self._tenant(tenant_id)).id)

    async def remove_user(self, name: str) -> None:
        """Its identity tokens end."""
        user = await self._user(name)
        try:
            await self._commit(self._accounts.remove_user(user.name))
        except Conflict:
            raise not_found("User", name) from None

    async def rotate_key(self, name: str) -> Login:
        """A new API key; the old one and all identity tokens of the user end."""
        user = await self._user(name)
        api_key = new_api_key(self._entropy)
        await self._update(msgspec.structs.replace(user, api_key_index=self._keyring.index("api_key", api_key)))
        return Login(username=user.name, api_key=api_key, tenant_id=user.tenant_id, roles=user.roles)

    async def set_password(self, name: str, password: str) -> None:
        """All identity tokens of the user end."""
        if not _MIN_PASSWORD <= len(password) <= _MAX_PASSWORD:
            raise invalid("password", f"Expected {_MIN_PASSWORD} to {_MAX_PASSWORD} characters")
        user = await self._user(name)
        hashed = await Passwords(self._entropy).hash(password)
        await self._update(msgspec.structs.replace(user, password_hash=hashed))

    async def _tenant(self, tenant_id: str) -> Tenant:
        is_id = _TENANT_ID.fullmatch(tenant_id)
        tenant = await self._accounts.find_tenant(TenantId(tenant_id)) if is_id else None
        if tenant is None:
            raise not_found("Tenant", tenant_id)
        return tenant

    async def _user(self, name: str) -> User:
        user = await self._accounts.find_user(name) if USER_NAME.fullmatch(name) else None
        if user is None:
            raise not_found("User", name)
        return user

    async def _update(self, user: User) -> None:
        try:
            await self._commit(self._accounts.update_user(user))
        except Conflict:
            raise not_found("User", user.name) from None


def tenant_id_of(text: str) -> TenantId:
    """A tenant's id, checked. Raises a fault."""
    if not _TENANT_ID.fullmatch(text):
        raise invalid("tenant_id", "Expected 1 to 64 of the characters A-Z a-z 0-9 : _ -")
    if text.lower() in COLLECTIONS:
        raise invalid("tenant_id", f"'{text}' is a collection of the API; expected another id")
    return TenantId(text)


def new_api_key(entropy: Entropy) -> str:
    """32 hex digits: 128 random bits."""
    return entropy(16).hex()


def new_login(name: str, tenant_id: TenantId, roles: Sequence[str], entropy: Entropy) -> Login:
    """A login that is not stored yet. Raises a fault."""
    if not USER_NAME.fullmatch(name):
        raise invalid("username", "Expected 1 to 64 of the characters A-Z a-z 0-9 . _ @ + -")
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        wrong = f"'{unknown[0]}' is no role; expected" if unknown else "Expected"
        raise invalid("roles", f"{wrong} one or more of {', '.join(ROLES)}")
    unique = tuple(dict.fromkeys(roles))
    return Login(username=name, api_key=new_api_key(entropy), tenant_id=tenant_id, roles=unique)


def user_of(login: Login, keyring: Keyring, entropy: Entropy, now_ms: int) -> User:
    """The login as it is stored: without its API key."""
    return User(
        id=object_id("us", entropy),
        name=login.username,
        tenant_id=login.tenant_id,
        roles=login.roles,
        api_key_index=keyring.index("api_key", login.api_key),
        created_at=now_ms,
    )
