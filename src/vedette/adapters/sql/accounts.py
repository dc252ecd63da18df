"""Tenants, users, identity tokens and rate counts."""

from __future__ import annotations

import msgspec

from vedette.adapters.sql import changes
from vedette.adapters.sql.database import Bulk, Database, Params, Row, SqlWrite, Statement, Value
from vedette.adapters.sql.documents import HAS_TENANT
from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal, User
from vedette.ports.accounts import TENANT_CHANGE, RateCount, Tenant

TENANT = "id, created_at, revision, metadata, webhook_token, limits"

FIND_TENANT = f"SELECT {TENANT} FROM tenant WHERE folded = :folded"

TENANTS = f"SELECT {TENANT} FROM tenant ORDER BY id"

ADD_TENANT = f"""
INSERT INTO tenant (folded, {TENANT})
VALUES (:folded, :id, :created_at, :revision, :metadata, :webhook_token, :limits)"""

UPDATE_TENANT = """
UPDATE tenant SET revision = revision + 1, metadata = :metadata, webhook_token = :webhook_token, limits = :limits
WHERE id = :id AND revision = :revision"""

CHANGE_ALL_OF_TENANT = """
INSERT INTO change (tenant_id, kind, id)
SELECT tenant_id, kind, id FROM document WHERE tenant_id = :tenant_id
UNION ALL
SELECT tenant_id, 'agent_token', public_id FROM agent_token WHERE tenant_id = :tenant_id"""

REMOVE_TENANT = "DELETE FROM tenant WHERE id = :tenant_id"

_USER = "id, name, tenant_id, roles, api_key_index, password_hash, created_at"

FIND_USER = f"SELECT {_USER} FROM login WHERE name = :name"

USERS = f"SELECT {_USER} FROM login ORDER BY name"

USERS_OF_TENANT = f"SELECT {_USER} FROM login WHERE tenant_id = :tenant_id ORDER BY name"

ADD_USER = f"""
INSERT INTO login ({_USER}) VALUES (:id, :name, :tenant_id, :roles, :api_key_index, :password_hash, :created_at)"""

UPDATE_USER = """
UPDATE login SET name = :name, roles = :roles, api_key_index = :api_key_index, password_hash = :password_hash
WHERE id = :id"""

REINDEX_USER = """
UPDATE login SET api_key_index = :api_key_index WHERE id = :id AND api_key_index = :before"""

REMOVE_USER = "DELETE FROM login WHERE name = :name"

FIND_PRINCIPAL = """
SELECT user_id, user_name, tenant_id, roles, expires_at FROM identity_token WHERE token_index = :token_index"""

ADD_PRINCIPAL = """
INSERT INTO identity_token (token_index, user_id, user_name, tenant_id, roles, expires_at)
VALUES (:token_index, :user_id, :user_name, :tenant_id, :roles, :expires_at)"""

REMOVE_PRINCIPAL = "DELETE FROM identity_token WHERE token_index = :token_index"

REMOVE_PRINCIPALS_OF_USER = "DELETE FROM identity_token WHERE user_id = :user_id"

FORGET_EXPIRED = "DELETE FROM identity_token WHERE expires_at <= :now"

RATE_COUNTS = "SELECT tenant_id, rate_group, since_ms, used FROM rate_count ORDER BY tenant_id, rate_group"

# Only for tenants that are still there: a count is flushed a second after its tenant was removed.
SAVE_RATE_COUNT = """
INSERT INTO rate_count (tenant_id, rate_group, since_ms, used)
SELECT id, :rate_group, :since_ms, :used FROM tenant WHERE id = :tenant_id
ON CONFLICT (tenant_id, rate_group) DO UPDATE SET since_ms = excluded.since_ms, used = excluded.used"""

_encode = msgspec.json.encode
_decode_roles = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_metadata = msgspec.json.Decoder(dict[str, str]).decode
_decode_limits = msgspec.json.Decoder(dict[str, int]).decode


class SqlAccounts:
    """See `ports.accounts.Accounts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_tenant(self, tenant_id: TenantId) -> Tenant | None:
        row = await self._database.fetch_one(FIND_TENANT, {"folded": tenant_id.casefold()})
        return None if row is None else tenant_of(row)

    async def tenants(self) -> list[Tenant]:
        return [tenant_of(row) for row in await self._database.fetch(TENANTS, {})]

    def add_tenant(self, tenant: Tenant) -> SqlWrite:
        params = _tenant_params(tenant) | {"folded": tenant.id.casefold(), "created_at": tenant.created_at}
        return SqlWrite((Statement(ADD_TENANT, params, expect=1, guard="tenant"),))

    def update_tenant(self, tenant: Tenant, revision: int) -> SqlWrite:
        params = _tenant_params(tenant) | {"revision": revision}
        return SqlWrite(
            (
                Statement(UPDATE_TENANT, params, expect=1, guard="revision"),
                changes.changed(tenant.id, TENANT_CHANGE, tenant.id),
            ),
            changes.locks(tenant.id),
        )

    def remove_tenant(self, tenant_id: TenantId) -> SqlWrite:
        params = {"tenant_id": tenant_id}
        return SqlWrite(
            (
                Statement(CHANGE_ALL_OF_TENANT, params),
                Statement(REMOVE_TENANT, params, expect=1, guard="tenant"),
            ),
            changes.locks(tenant_id),
        )

    async def find_user(self, name: str) -> User | None:
        row = await self._database.fetch_one(FIND_USER, {"name": name})
        return None if row is None else _user(row)

    async def users(self, tenant_id: TenantId | None) -> list[User]:
        if tenant_id is None:
            return [_user(row) for row in await self._database.fetch(USERS, {})]
        return [_user(row) for row in await self._database.fetch(USERS_OF_TENANT, {"tenant_id": tenant_id})]

    def add_user(self, user: User) -> SqlWrite:
        params = _user_params(user) | {"tenant_id": user.tenant_id, "created_at": user.created_at}
        return SqlWrite(
            (
                Statement(HAS_TENANT, {"tenant_id": user.tenant_id}, expect=1, guard="tenant"),
                Statement(ADD_USER, params, expect=1, guard="user"),
            ),
            (changes.tenant_lock(user.tenant_id),),
        )

    def update_user(self, user: User) -> SqlWrite:
        return SqlWrite(
            (
                Statement(UPDATE_USER, _user_params(user), expect=1, guard="user"),
                Statement(REMOVE_PRINCIPALS_OF_USER, {"user_id": user.id}),
            )
        )

    def reindex_user(self, user: User, before: bytes) -> SqlWrite:
        params: Params = {"id": user.id, "api_key_index": user.api_key_index, "before": before}
        return SqlWrite((Statement(REINDEX_USER, params, expect=1, guard="user"),))

    def remove_user(self, name: str) -> SqlWrite:
        return SqlWrite((Statement(REMOVE_USER, {"name": name}, expect=1, guard="user"),))

    async def find_principal(self, index: bytes) -> Principal | None:
        row = await self._database.fetch_one(FIND_PRINCIPAL, {"token_index": index})
        if row is None:
            return None
        user_id, user_name, tenant_id, roles, expires_at = row
        return Principal(
            user_id=user_id,
            user_name=user_name,
            tenant_id=tenant_id,
            roles=_decode_roles(roles),
            expires_at=expires_at,
        )

    def add_principal(self, index: bytes, principal: Principal) -> SqlWrite:
        params: dict[str, Value] = {
            "token_index": index,
            "user_id": principal.user_id,
            "user_name": principal.user_name,
            "tenant_id": principal.tenant_id,
            "roles": _encode(principal.roles).decode(),
            "expires_at": principal.expires_at,
        }
        return SqlWrite((Statement(ADD_PRINCIPAL, params, expect=1, guard="user"),))

    def remove_principal(self, index: bytes) -> SqlWrite:
        return SqlWrite((Statement(REMOVE_PRINCIPAL, {"token_index": index}),))

    def forget_expired(self, now_ms: int) -> SqlWrite:
        return SqlWrite((Statement(FORGET_EXPIRED, {"now": now_ms}),))

    async def rate_counts(self) -> list[RateCount]:
        rows = await self._database.fetch(RATE_COUNTS, {})
        return [RateCount(tenant_id=row[0], group=row[1], since_ms=row[2], used=row[3]) for row in rows]

    def save_rate_counts(self, counts: list[RateCount]) -> SqlWrite:
        rows: list[Params] = [
            {"tenant_id": count.tenant_id, "rate_group": count.group, "since_ms": count.since_ms, "used": count.used}
            for count in sorted(counts, key=_rate_key)
        ]
        return SqlWrite((Bulk(SAVE_RATE_COUNT, rows),))


def _rate_key(count: RateCount) -> tuple[str, str]:
    """Rows are always written in one order: two processes that save at once do not wait for each other in a ring."""
    return count.tenant_id, count.group


def _tenant_params(tenant: Tenant) -> dict[str, Value]:
    return {
        "id": tenant.id,
        "revision": tenant.revision,
        "metadata": None if tenant.metadata is None else _encode(tenant.metadata).decode(),
        "webhook_token": tenant.webhook_token,
        "limits": _encode(tenant.limits).decode(),
    }


def tenant_of(row: Row) -> Tenant:
    """A row of `TENANT`."""
    key, created_at, revision, metadata, webhook_token, limits = row
    return Tenant(
        id=key,
        created_at=created_at,
        revision=revision,
        metadata=None if metadata is None else _decode_metadata(metadata),
        webhook_token=webhook_token,
        limits=_decode_limits(limits),
    )


def _user_params(user: User) -> dict[str, Value]:
    return {
        "id": user.id,
        "name": user.name,
        "roles": _encode(user.roles).decode(),
        "api_key_index": user.api_key_index,
        "password_hash": user.password_hash,
    }


def _user(row: Row) -> User:
    key, name, tenant_id, roles, api_key_index, password_hash, created_at = row
    return User(
        id=key,
        name=name,
        tenant_id=tenant_id,
        roles=_decode_roles(roles),
        api_key_index=api_key_index,
        password_hash=password_hash,
        created_at=created_at,
    )
