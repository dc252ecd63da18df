"""Back-tests beside one another, and beside everybody else's work."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from tests.fakes.chain import ALICE, Chain, observation
from tests.services.test_replays import KeptRevisions
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal
from vedette.ports.documents import Documents
from vedette.services.audits import Auditor
from vedette.services.backtest import BackTests, Stores
from vedette.services.documents import DocumentService
from vedette.services.notification_history import AlarmOf
from vedette.services.past_configuration import Objects
from vedette.services.replays import Replays, Running
from vedette.services.replays import Stores as PastStores
from vedette.services.requests import AuditDraft, Request

HOUR_MS = 3_600_000


class FakeAudits:
    """Entries that nobody reads."""

    def add(self, entry: object) -> Any:
        return Chain().documents.require(ALICE, [])


class Alarms:
    """As much of the service of alarms as a back-test needs."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def find(self, tenant_id: TenantId, key: str, entity_id: str | None = None) -> Document:
        found = await self._documents.find(tenant_id, Kind.ALARM, key)
        assert found is not None
        return found


class HeldReplays(Replays):
    """Begins when it is let."""

    def __init__(self, stores: PastStores) -> None:
        super().__init__(stores, confirm_after_ms=0)
        self.began = asyncio.Event()
        self.let = asyncio.Event()

    async def begin(self, objects: Objects, from_ms: int, criteria: Any = None) -> Running:
        self.began.set()
        await self.let.wait()
        return await super().begin(objects, from_ms, criteria)


class Stage:
    def __init__(self) -> None:
        self.chain = chain = Chain()
        chain.put_all()
        past = PastStores(
            past=chain.past, revisions=KeptRevisions(), documents=chain.documents, changelogs=chain.changelogs,
            outbox=chain.outbox, memory=chain.memory,
        )  # fmt: skip
        self.replays = HeldReplays(past)
        stores = Stores(
            documents=chain.documents, changelogs=chain.changelogs, outbox=chain.outbox, commit=chain.database.commit
        )
        auditor = Auditor(cast("Any", FakeAudits()), chain.database.commit, chain.entropy)
        self.tests = BackTests(cast("DocumentService", Alarms(chain.documents)), stores, auditor, self.replays)

    async def run(self, tenant_id: TenantId = ALICE) -> dict[str, Any]:
        now_ms = self.chain.clock.now_ms
        request = Request(
            principal=Principal(
                user_id="us", user_name="alice", tenant_id=tenant_id, roles=("monitoring:admin",), expires_at=1 << 50
            ),
            tenant_id=tenant_id, now_ms=now_ms, transaction_id="tx",
            draft=AuditDraft(
                app="alarms", method="POST", url="/", query=None, headers={}, payload=None, who=None, why=None
            ),
        )  # fmt: skip
        body = {"from": now_ms - 12 * HOUR_MS}
        return await self.tests.run(request, AlarmOf(tenant_id, "enOne", "alOne"), body)


async def test_a_tenant_runs_one_at_a_time_and_may_run_another_afterwards() -> None:
    stage = Stage()
    first = asyncio.create_task(stage.run())
    await stage.replays.began.wait()
    with pytest.raises(Fault) as refused:
        await stage.run()
    assert (refused.value.kind, refused.value.headers["Retry-After"]) == ("rateLimitReached", "5")
    stage.replays.let.set()
    assert (await first)["observations"] == 0
    assert (await stage.run())["observations"] == 0


async def test_one_that_fails_does_not_bar_the_next() -> None:
    stage = Stage()
    first = asyncio.create_task(stage.run())
    await stage.replays.began.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    stage.replays.let.set()
    assert (await stage.run())["observations"] == 0


async def test_others_get_their_turn_all_the_while() -> None:
    stage = Stage()
    stage.replays.let.set()
    begin_ms = stage.chain.clock.now_ms - 11 * HOUR_MS
    seen = [observation("mzdfw", "200", begin_ms + 1000 * step) for step in range(3_000)]
    stage.chain.database.commit_now(stage.chain.observations.append(seen))
    turns = 0
    running = asyncio.create_task(stage.run())
    while not running.done():
        turns += 1
        await asyncio.sleep(0)
    assert (await running)["observations"] == 3_000
    assert turns >= 30


async def test_more_observations_than_one_request_may_take_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.services.backtest.MOST_OBSERVATIONS", 50)
    stage = Stage()
    stage.replays.let.set()
    begin_ms = stage.chain.clock.now_ms - HOUR_MS
    seen = [observation("mzdfw", "200", begin_ms + 1000 * step) for step in range(60)]
    stage.chain.database.commit_now(stage.chain.observations.append(seen))
    with pytest.raises(Fault) as refused:
        await stage.run()
    assert refused.value.kind == "requestTooLargeError"
    assert str(begin_ms + 50_000) in refused.value.details
