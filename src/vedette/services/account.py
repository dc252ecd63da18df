"""The account: metadata, webhook token, limits (reference: account)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from vedette.domain.attributes import parse_change
from vedette.domain.faults import Fault, not_found
from vedette.domain.ids import TenantId
from vedette.domain.resources import ACCOUNT_ATTRIBUTES
from vedette.ports.accounts import Accounts, Tenant
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict
from vedette.services.audits import Auditor
from vedette.services.rates import RATES, WINDOW, Rates
from vedette.services.requests import Body, Changed, Request, Revisions, Shown, expect_revision
from vedette.services.sealing import webhook_token_context

_TRIES = 5
RESOURCE_LIMITS: Mapping[str, int] = MappingProxyType({"checks": 1000, "alarms": 10_000})
"""How many objects of a collection a tenant may have, where it has no limit of its own."""


class ResourceLimits:
    """How many objects of a collection a tenant may have: its own limit, or else everybody's."""

    def __init__(self, accounts: Accounts, everybodys: Mapping[str, int]) -> None:
        """`everybodys`: collection (`checks`) -> limit."""
        self._accounts = accounts
        self._everybodys = everybodys

    async def find(self, tenant_id: TenantId, collection: str) -> int | None:
        """None where there is no limit."""
        if collection not in self._everybodys:
            return None
        tenant = await self._accounts.find_tenant(tenant_id)
        return self._everybodys[collection] if tenant is None else self.of(tenant)[collection]

    def of(self, tenant: Tenant) -> dict[str, int]:
        return {name: tenant.limits.get(name, most) for name, most in self._everybodys.items()}


class AccountService:
    """One account a tenant."""

    def __init__(
        self, accounts: Accounts, commit: Commit, auditor: Auditor, keyring: Keyring, rates: Rates,
        resource_limits: ResourceLimits,
    ) -> None:  # fmt: skip
        self._accounts = accounts
        self._commit = commit
        self._auditor = auditor
        self._keyring = keyring
        self._rates = rates
        self._resource_limits = resource_limits

    async def show(self, request: Request) -> Shown:
        tenant = await self._tenant(request.tenant_id)
        shown: dict[str, Any] = {"id": tenant.id, "metadata": tenant.metadata}
        if request.sees_secrets:
            shown["webhook_token"] = self.webhook_token(tenant)
        return Shown(msgspec.json.encode(shown), tenant.revision)

    async def update(self, request: Request, body: Body, wanted: Revisions = None) -> Changed:
        for _ in range(_TRIES):
            tenant = await self._tenant(request.tenant_id)
            current = {"metadata": tenant.metadata, "webhook_token": self.webhook_token(tenant)}
            parsed = parse_change(ACCOUNT_ATTRIBUTES, body, current)
            expect_revision(wanted, tenant.revision)
            audit = self._auditor.entry(request, 204, [{"id": tenant.id, "metadata": tenant.metadata}])
            if parsed.values == current:
                await self._commit(audit)
                return Changed(tenant.id, parsed.ignored)
            try:
                await self._commit(
                    self._accounts.update_tenant(self._after(tenant, parsed.values), tenant.revision), audit
                )
            except Conflict:
                continue
            return Changed(tenant.id, parsed.ignored)
        raise Fault(
            "systemFailureError", "The account is being changed by others", "Try again", headers={"Retry-After": "1"}
        )

    def _after(self, tenant: Tenant, values: Mapping[str, Any]) -> Tenant:
        token: str | None = values["webhook_token"]
        return msgspec.structs.replace(
            tenant,
            revision=tenant.revision + 1,
            metadata=values["metadata"],
            webhook_token=self._sealed(tenant, token),
        )

    def _sealed(self, tenant: Tenant, token: str | None) -> bytes | None:
        return None if token is None else self._keyring.seal(token.encode(), webhook_token_context(tenant.id))

    def webhook_token(self, tenant: Tenant) -> str | None:
        if tenant.webhook_token is None:
            return None
        return self._keyring.open(tenant.webhook_token, webhook_token_context(tenant.id)).decode()

    async def limits(self, request: Request) -> dict[str, Any]:
        """Resource and rate limits, and how much of the rate limits is used (reference: get limits)."""
        tenant = await self._tenant(request.tenant_id)
        rates = {}
        for group in RATES:
            standing = self._rates.standing(request.tenant_id, group, request.now_ms)
            rates[group] = {"limit": standing.limit, "used": standing.used, "window": WINDOW}
        return {"resource": self._resource_limits.of(tenant), "rate": rates}

    async def _tenant(self, tenant_id: TenantId) -> Tenant:
        tenant = await self._accounts.find_tenant(tenant_id)
        if tenant is None:
            raise not_found("Account", tenant_id)
        return tenant
