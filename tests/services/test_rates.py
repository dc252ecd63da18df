from __future__ import annotations

import msgspec
import pytest

from tests.services.account_fakes import MemoryAccounts
from vedette.domain.faults import Fault
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.ports.accounts import Tenant
from vedette.services.rates import GLOBAL, Rates

ACME, NOW = TenantId("acme"), 1_000_000


async def test_a_limit_that_changes_counts_in_the_window_that_has_begun() -> None:
    accounts, rates = MemoryAccounts(), Rates()
    tenant = Tenant(id=ACME, created_at=1, limits={"rate.global": 1})
    await accounts.commit(accounts.add_tenant(tenant))
    await rates.load(accounts)
    rates.count(ACME, GLOBAL, NOW)
    with pytest.raises(Fault, match="Rate limit"):
        rates.count(ACME, GLOBAL, NOW)

    await accounts.commit(accounts.update_tenant(msgspec.structs.replace(tenant, limits={"rate.global": 3}), 1))
    await rates.follow(accounts, [Change(7, ACME, "tenant", ACME), Change(8, ACME, "en", "enA")])

    assert rates.count(ACME, GLOBAL, NOW).used == 2
    assert rates.standing(ACME, GLOBAL, NOW).limit == 3


async def test_what_is_told_of_a_tenant_that_is_gone_changes_nothing() -> None:
    rates = Rates()

    await rates.follow(MemoryAccounts(), [Change(7, ACME, "tenant", ACME)])

    assert rates.standing(ACME, GLOBAL, NOW).limit == 50_000
