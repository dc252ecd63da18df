"""Costly work of a tenant, one piece at a time."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.chain import ALICE, CHARLIE
from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId
from vedette.services.turns import Turns


class Work:
    """Pieces of work that end when they are told to."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    async def do(self, tenant_id: TenantId, name: str) -> None:
        self.ends[name] = asyncio.Event()
        async with self._turns.turn(tenant_id):
            self.begun.append(name)
            await self.ends[name].wait()

    def begin(self, tenant_id: TenantId, name: str) -> asyncio.Task[None]:
        return asyncio.create_task(self.do(tenant_id, name))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_tenants_work_is_done_in_order_and_holds_up_nobody_elses() -> None:
    work = Work(Turns("piece of work", 2))
    tasks = [work.begin(ALICE, "one"), work.begin(ALICE, "two"), work.begin(CHARLIE, "hers")]
    await settle()
    assert work.begun == ["one", "hers"]
    work.ends["one"].set()
    await settle()
    assert work.begun == ["one", "hers", "two"]
    for end in work.ends.values():
        end.set()
    await asyncio.gather(*tasks)


async def test_more_than_may_wait_are_told_to_come_again() -> None:
    work = Work(Turns("piece of work", 1))
    tasks = [work.begin(ALICE, "one"), work.begin(ALICE, "two")]
    await settle()
    with pytest.raises(Fault, match="Another piece of work is running") as refused:
        await work.do(ALICE, "three")
    assert (refused.value.kind, refused.value.headers["Retry-After"]) == ("rateLimitReached", "5")
    tasks[1].cancel()  # it no longer waits
    await settle()
    tasks.append(work.begin(ALICE, "four"))
    await settle()
    work.ends["one"].set()
    await settle()
    assert work.begun == ["one", "four"]
    work.ends["four"].set()
    await asyncio.gather(*tasks, return_exceptions=True)
