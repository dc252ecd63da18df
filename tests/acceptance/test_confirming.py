"""A second look before a page: real probes of a real target, through the parts of a server and through a whole one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.acceptance.client import Client
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.waiting import until
from tests.fakes.chain import ALICE, ZONES, alarm, all_up, check, entity, notification, plan
from tests.fakes.chance import FakeEntropy
from tests.fakes.keyring import FakeKeyring
from vedette.adapters.local.clock import now_ms, steady_ms, steady_s
from vedette.adapters.local.resolver import Resolver
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.collector.collector import Process, ZoneCollector
from vedette.collector.lookout import Lookout
from vedette.domain.egress import EgressPolicy
from vedette.domain.ids import CheckId, EntityId, ZoneId
from vedette.domain.observations import Observation
from vedette.ports.accounts import Tenant
from vedette.ports.history import Span
from vedette.ports.probing import Assignment, Confirmation
from vedette.probes.http import HttpProbe
from vedette.services import evaluate
from vedette.services.confirming import Means, Rounds
from vedette.services.evaluate import Evaluator
from vedette.services.ingest import Ingest
from vedette.services.watched import WatchedChecks

AFTER_S = 0.3
SLACK_S = 15.0
EVERYTHING = Span(first=bytes(16), last=b"\xff" * 16, marker=None, limit=1000)


class Target:
    """A web site that answers with `code`; `asked_at` are the times of what it answered badly."""

    def __init__(self) -> None:
        self.code = 200
        self.asked_at: list[float] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _handler(target: Target) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code = target.code
            if code != 200:
                target.asked_at.append(time.monotonic())
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """A test's output is its assertions."""

    return Handler


@pytest.fixture
def target() -> Iterator[Target]:
    site = Target()
    site.start()
    yield site
    site.stop()


class Watch:
    """Three zones' collectors over real sockets, and evaluation over a real file, which follows each report."""

    def __init__(self, kept: Stores, target: Target) -> None:
        self._kept = kept
        self._target = target
        self._reported = asyncio.Condition()
        self._ingest = Ingest(kept.observations, kept.commit, lambda: None)
        self._revision = 1
        probe = HttpProbe(Resolver(EgressPolicy([ip_network("127.0.0.0/8")]), steady_s), now_ms, FakeEntropy())
        lookout = Lookout([], steady_s, gateway=lambda: None)
        process = Process(sender="here", now_ms=now_ms, monotonic=steady_s, random=lambda: 0.0)
        self.collectors = [
            ZoneCollector(ZoneId(zone), {"remote.http": probe}, self._report, lookout, process) for zone in ZONES
        ]
        self._evaluator = Evaluator(
            evaluate.Stores(
                observations=kept.observations,
                past=kept.past,
                alarm_states=kept.alarm_states,
                memory=kept.memory,
                silence_timers=kept.silence_timers,
                changelogs=kept.changelogs,
                suppression_logs=kept.suppression_logs,
                outbox=kept.outbox,
                documents=kept.documents,
                commit=kept.commit,
            ),
            WatchedChecks(kept.documents, FakeKeyring()),
            FakeEntropy(),
            lambda: None,
            now_ms,
        )
        means = Means(
            after_ms=round(AFTER_S * 1000),
            can=lambda: frozenset(ZONES),
            ask=self._ask,
            clock=now_ms,
            steady_ms=steady_ms,
        )
        self._evaluator.confirm(Rounds(kept.confirm_rounds, means))

    def _ask(self, zone_id: ZoneId, asked: Confirmation) -> None:
        for collector in self.collectors:
            if collector.zone_id == zone_id:
                collector.confirm(asked)

    async def _report(self, observations: Sequence[Observation]) -> None:
        await self._ingest(observations)
        async with self._reported:
            while await self._evaluator.step():
                pass
            self._reported.notify_all()

    def look(self) -> None:
        """The check's work is another one, so that every zone probes at once."""
        for collector in self.collectors:
            collector.put(
                Assignment(
                    tenant_id=ALICE,
                    entity_id=EntityId("enOne"),
                    check_id=CheckId("chOne"),
                    check_type="remote.http",
                    revision=1,
                    period_s=60,
                    timeout_s=30,
                    target=None,
                    resolver=None,
                    details={"url": f"{self._target.url}{self._revision}"},
                )
            )
        self._revision += 1

    async def until(self, holds: Callable[[], bool]) -> None:
        """Looks after each report."""
        async with asyncio.timeout(SLACK_S), self._reported:
            await self._reported.wait_for(holds)

    async def until_round_ends(self) -> None:
        async with asyncio.timeout(SLACK_S), self._reported:
            while not all([kept.round.has_ended for kept in await self._kept.confirm_rounds.all()] or [False]):
                await self._reported.wait()

    async def until_states(self, *states: str) -> None:
        async with asyncio.timeout(SLACK_S), self._reported:
            while tuple(await self.states()) != states:
                await self._reported.wait()

    async def states(self) -> list[str]:
        changes = await self._kept.changelogs.list(ALICE, None, EVERYTHING)
        return [change.state.value for change in sorted(changes, key=lambda change: change.key)]


@pytest.fixture
async def watch(tmp_path: Path, target: Target) -> AsyncIterator[Watch]:
    database = SqliteDatabase(tmp_path / "vedette.db")
    await database.start()
    kept = stores(database)
    await kept.commit(kept.accounts.add_tenant(Tenant(id=ALICE, created_at=0)))
    for stored in (notification(), plan(), entity(), check(), alarm()):
        await kept.commit(kept.documents.add(stored))
    await kept.commit(kept.memory.keep(all_up()))
    made = Watch(kept, target)
    for collector in made.collectors:
        await collector.start()
    made.look()
    await made.until_states("OK")
    yield made
    for collector in made.collectors:
        await collector.stop()
    await database.stop()


async def test_a_fault_that_all_zones_see_and_that_is_over_soon_pages_nobody(watch: Watch, target: Target) -> None:
    target.code = 503
    watch.look()
    await watch.until(lambda: len(target.asked_at) == len(ZONES))
    target.code = 200
    await watch.until_round_ends()
    assert len(target.asked_at) == len(ZONES)
    assert await watch.states() == ["OK"]


async def test_a_fault_that_lasts_pages_after_a_second_look(watch: Watch, target: Target) -> None:
    target.code = 503
    watch.look()
    await watch.until_states("OK", "CRITICAL")
    first, *later = sorted(target.asked_at)
    in_round = [at for at in later if at - first >= AFTER_S]
    assert len(in_round) >= 2


def test_a_server_pages_for_a_lasting_fault_after_a_second_look(
    tmp_path: Path, target: Target, receiver: Receiver
) -> None:
    with (
        Server(tmp_path / "var", "--confirm-after", "1") as server,
        Client.logged_in(server.api, server.credentials) as client,
    ):
        site = client.create("entities", label="site", ip_addresses={"default": "127.0.0.1"})
        path = f"entities/{site}/checks"
        check_id = client.create(
            path,
            type="remote.http",
            period=60,
            timeout=10,
            target_alias="default",
            monitoring_zones_poll=["mzdfw", "mzlon", "mzord"],
            details={"url": target.url},
        )
        client.create(
            f"entities/{site}/alarms",
            check_id=check_id,
            notification_plan_id=client.tell(receiver.url),
            criteria="if (metric['code'] != '200') { return CRITICAL }",
        )
        until(lambda: client.all("changelogs/alarms"), "the first state", SLACK_S, lambda: server.log)
        target.code = 503
        client.update(f"{path}/{check_id}", details={"url": f"{target.url}now"})  # so that it is probed soon
        until(lambda: receiver.states, "a webhook", SLACK_S, lambda: server.log)
        told_s = time.monotonic() - min(target.asked_at)
        assert receiver.states == ["CRITICAL"]
        assert 1.0 <= told_s < SLACK_S
        assert len(target.asked_at) > len([at for at in target.asked_at if at - min(target.asked_at) < 1.0])
