from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.fakes.chain import Chain, observation
from tests.fakes.database import FakeDatabase
from tests.fakes.stores import FakeObservations
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.ports.unit import StoreUnavailable, Write
from vedette.services.ingest import Ingest, normalised


def seen(n: int = 0) -> Observation:
    return observation("mzdfw", "200", 1_700_000_000_000 + n)


async def test_it_returns_when_the_observations_are_durable_and_then_wakes_evaluation() -> None:
    database = FakeDatabase()
    logs_at_wake: list[int] = []
    ingest = Ingest(
        FakeObservations(database), database.commit, lambda: logs_at_wake.append(len(database.table("log")))
    )
    await ingest([seen(0), seen(1)])
    assert logs_at_wake == [2]


async def test_what_is_not_durable_is_not_acknowledged() -> None:
    chain = Chain()
    chain.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await chain.ingest([seen()])
    chain.database.is_available = True
    await chain.ingest([seen()])
    assert len(chain.database.table("log")) == 1


async def test_an_empty_report_writes_nothing() -> None:
    chain = Chain()
    await chain.ingest([])
    assert chain.database.commits == 0


class SlowDisk:
    """Commits when it is let."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database
        self.may_go_on = asyncio.Event()
        self.begun = 0

    async def __call__(self, *writes: Write) -> None:
        self.begun += 1
        await self.may_go_on.wait()
        await self._database.commit(*writes)


def slow(most_waiting: int) -> tuple[Ingest, SlowDisk, FakeDatabase]:
    database = FakeDatabase()
    disk = SlowDisk(database)
    return Ingest(FakeObservations(database), disk, lambda: None, most_waiting), disk, database


async def all_go_on() -> None:
    """Lets every task that can go on do so: each turn of the event loop runs what the one before made ready."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_reports_wait_while_too_many_observations_are_on_their_way_to_the_disk() -> None:
    ingest, disk, database = slow(most_waiting=4)
    reports = [asyncio.create_task(ingest([seen(n)])) for n in range(6)]
    await all_go_on()
    assert disk.begun == 4
    disk.may_go_on.set()
    await asyncio.gather(*reports)
    assert [row.at_ms - 1_700_000_000_000 for row in database.table("log").values()] == list(range(6))


async def test_a_report_longer_than_the_room_goes_in_parts_and_in_order() -> None:
    ingest, disk, database = slow(most_waiting=4)
    disk.may_go_on.set()
    await ingest([seen(n) for n in range(11)])
    assert [row.at_ms - 1_700_000_000_000 for row in database.table("log").values()] == list(range(11))


async def test_a_reporter_that_goes_away_while_waiting_takes_no_room_with_it() -> None:
    ingest, disk, database = slow(most_waiting=1)
    first, waiting, last = (asyncio.create_task(ingest([seen(n)])) for n in range(3))
    await all_go_on()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    disk.may_go_on.set()
    await asyncio.gather(first, last)
    assert [row.at_ms - 1_700_000_000_000 for row in database.table("log").values()] == [0, 2]


async def test_a_failed_append_gives_its_room_back() -> None:
    database = FakeDatabase()
    ingest = Ingest(FakeObservations(database), database.commit, lambda: None, most_waiting=1)
    database.is_available = False
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await ingest([seen()])
    database.is_available = True
    await ingest([seen()])
    assert len(database.table("log")) == 1


def with_metrics(**metrics: Metric) -> Observation:
    return observation("mzdfw", "200", 1_700_000_000_000, metrics=metrics)


def test_units_become_lower_case_and_an_empty_one_unknown() -> None:
    made = normalised(with_metrics(a=Metric("L", 1, "Bytes"), b=Metric("L", 2, ""), c=Metric("L", 3, "%")))
    assert {name: metric.unit for name, metric in made.metrics.items()} == {"a": "bytes", "b": "unknown", "c": "%"}


def test_known_renames_apply() -> None:
    made = normalised(with_metrics(cert_subject_alternate_names=Metric("s", "h", "unknown")))
    assert list(made.metrics) == ["cert_subject_alternative_names"]


def test_what_is_normal_stays_the_very_same_object() -> None:
    normal = seen()
    assert normalised(normal) is normal


def test_a_long_status_is_cut() -> None:
    assert normalised(observation("mzdfw", None, 1, status="é" * 300)).status == "é" * 256


def test_a_metrics_text_is_cut_to_what_expressions_may_look_through() -> None:
    body = Metric("s", "x" * 5000, "string")
    given = msgspec.structs.replace(seen(), metrics={"body": body, "code": Metric("s", "200", "unknown")})
    metrics = normalised(given).metrics
    assert (len(str(metrics["body"].value)), metrics["code"].value) == (4096, "200")
