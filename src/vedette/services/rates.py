"""Rate limits: how many requests a tenant may make in 24 hours (reference: limits).

Counted in memory and flushed each second, so several processes may together exceed a limit by a second's requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from vedette.domain.faults import Fault
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.ports.accounts import TENANT_CHANGE, Accounts, RateCount, Tenant
from vedette.ports.unit import Commit, StoreUnavailable

GLOBAL = "global"
RATES: Mapping[str, int] = MappingProxyType(
    {GLOBAL: 50_000, "test_check": 500, "test_alarm": 500, "test_notification": 200, "traceroute": 500}
)
WINDOW = "24 hours"
_WINDOW_MS = 24 * 3600 * 1000
UNLIMITED = 0


class Standing(msgspec.Struct):
    """Where a tenant stands in one group; changes in place as requests are counted."""

    limit: int  # UNLIMITED when lifted
    since_ms: int
    used: int = 0
    is_flushed: bool = True


class Rates:
    """One counter a tenant and group; a window begins with its first request."""

    def __init__(self) -> None:
        self._standings: dict[tuple[str, str], Standing] = {}
        self._limits: dict[str, dict[str, int]] = {}

    async def load(self, accounts: Accounts) -> None:
        """Counters survive a restart; per-tenant limits are read with them."""
        for tenant in await accounts.tenants():
            self.limit(tenant)
        for count in await accounts.rate_counts():
            limit = self._limit(count.tenant_id, count.group)
            self._standings[count.tenant_id, count.group] = Standing(limit, count.since_ms, count.used)

    async def follow(self, accounts: Accounts, changes: Sequence[Change]) -> None:
        """Takes over what the changes feed tells of tenants' own limits."""
        for tenant_id in {change.tenant_id for change in changes if change.kind == TENANT_CHANGE}:
            tenant = await accounts.find_tenant(tenant_id)
            if tenant is not None:
                self.limit(tenant)

    def limit(self, tenant: Tenant) -> None:
        """Takes over a tenant's own limits (`rate.global` and the like), for windows that have begun too."""
        self._limits[tenant.id] = tenant.limits
        for group in RATES:
            standing = self._standings.get((tenant.id, group))
            if standing is not None:
                standing.limit = self._limit(tenant.id, group)

    def _limit(self, tenant_id: str, group: str) -> int:
        return self._limits.get(tenant_id, {}).get(f"rate.{group}", RATES.get(group, UNLIMITED))

    def standing(self, tenant_id: TenantId, group: str, now_ms: int) -> Standing:
        standing = self._standings.get((tenant_id, group))
        if standing is None or now_ms - standing.since_ms >= _WINDOW_MS:
            standing = Standing(self._limit(tenant_id, group), now_ms)
            self._standings[tenant_id, group] = standing
        return standing

    def count(self, tenant_id: TenantId, group: str, now_ms: int) -> Standing:
        """Counts one request. Raises `rateLimitReached`; a refused request is not counted."""
        standing = self.standing(tenant_id, group, now_ms)
        if standing.limit != UNLIMITED and standing.used >= standing.limit:
            wait = str(max(1, (standing.since_ms + _WINDOW_MS - now_ms + 999) // 1000))
            raise Fault(
                "rateLimitReached",
                "Rate limit has been reached. Please wait before trying again",
                f"{standing.limit} {group} requests in {WINDOW}",
                headers={"Retry-After": wait, "Reply-After": wait},
            )
        standing.used += 1
        standing.is_flushed = False
        return standing

    async def flush(self, accounts: Accounts, commit: Commit) -> bool:
        """Writes what changed since the last time; whether there was anything."""
        changed = {key: standing for key, standing in self._standings.items() if not standing.is_flushed}
        if not changed:
            return False
        for standing in changed.values():
            standing.is_flushed = True  # before the commit: what is counted meanwhile is for the next time
        try:
            await commit(accounts.save_rate_counts([_count(*key, standing) for key, standing in changed.items()]))
        except StoreUnavailable:
            for standing in changed.values():
                standing.is_flushed = False
            raise
        return True


def _count(tenant_id: str, group: str, standing: Standing) -> RateCount:
    return RateCount(tenant_id=TenantId(tenant_id), group=group, since_ms=standing.since_ms, used=standing.used)
