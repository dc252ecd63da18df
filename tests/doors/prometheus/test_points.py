"""Against real stores: what comes out is what the exact folding of the same points gives."""

from __future__ import annotations

import math
import random
import re
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from tests.contracts.examples import ALICES, CHARLIES, observation
from tests.doors.prometheus.metric_servers import MetricServer
from vedette.adapters.local.clock import now_ms
from vedette.adapters.prometheus.client import Client, Place
from vedette.adapters.prometheus.points import PrometheusPoints, RemotePoints
from vedette.adapters.prometheus.reading import Reader
from vedette.adapters.prometheus.sender import Sender
from vedette.domain.ids import EntityId
from vedette.domain.metrics import Metric, Value
from vedette.domain.observations import Observation
from vedette.ports.points import Gap, MetricName, Point, Series
from vedette.ports.unit import StoreUnavailable
from vedette.rollups.folding import Rollup, fold, statistics
from vedette.rollups.resolutions import DAY_MS, ROLLED_UP, Resolution

_numbers = count()


class Stored:
    """A spool of its own before one of the stores, and checks that no other test has."""

    def __init__(self, server: MetricServer, folder: Path) -> None:
        place = Place(write_url=f"{server.url}/api/v1/write", read_url=server.url)
        self.server = server
        self.client = Client(place)
        self.sender = Sender(self.client, folder / "spool", 1024 * 1024, lambda: 0.0)
        self.points = PrometheusPoints(Reader(self.client), self.sender, now_ms)
        self.check = f"chA{next(_numbers)}{server.port}"
        self.now = now_ms()
        self.today = self.now - self.now % DAY_MS

    async def take(self, *observations: Observation) -> None:
        await RemotePoints(self.sender).take(observations)
        while await self.sender.step():
            pass
        assert self.sender.waiting.points == 0
        self.server.settle()

    def measured(self, at_ms: int, value: Value, zone_id: str | None = "mzdfw", **members: object) -> Observation:
        metric = Metric(str(members.pop("type", "D")), value, str(members.pop("unit", "seconds")))
        name = str(members.pop("name", "duration"))
        return observation(self.check, at_ms, zone_id, metrics={name: metric}, **members)

    def series(self, place: str = "mzdfw", name: str = "duration") -> Series:
        return Series(tenant_id=ALICES, check_id=self.check, place=place, name=name)


@pytest.fixture
async def stored(metric_server: MetricServer, tmp_path: Path) -> AsyncIterator[Stored]:
    stored = Stored(metric_server, tmp_path)
    await stored.sender.start()
    yield stored
    await stored.sender.stop()


def expected(points: dict[int, float], resolution: Resolution, from_ms: int, to_ms: int) -> list[Rollup]:
    windows: dict[int, list[float]] = {}
    for at_ms, value in points.items():
        windows.setdefault(resolution.window(at_ms), []).append(value)
    rolled = [statistics(at, fold(values)) for at, values in sorted(windows.items())]
    return [one for one in rolled if one is not None and resolution.window(from_ms) <= one.at_ms < to_ms]


def assert_same(found: list[Rollup], wanted: list[Rollup]) -> None:
    assert [(one.at_ms, one.num_points, one.min, one.max) for one in found] == [
        (one.at_ms, one.num_points, one.min, one.max) for one in wanted
    ]
    for one, other in zip(found, wanted, strict=True):
        assert one.average == pytest.approx(other.average, rel=1e-12)
        assert one.variance == pytest.approx(other.variance, rel=1e-9, abs=1e-12)


async def test_points_at_full_resolution_are_those_of_one_place_and_name_in_order(stored: Stored) -> None:
    t = stored.today
    await stored.take(
        *[stored.measured(t + at, value) for at, value in ((30, 3.5), (10, 0.1), (20, 2.0))],
        stored.measured(t + 15, 9.0, "mzord"),
        stored.measured(t + 12, 8.0, name="other"),
    )
    found = await stored.points.points(stored.series(), t + 10, t + 30, 10)
    assert found.items == [Point(t + 10, 0.1), Point(t + 20, 2.0)]
    assert found.missing == ()
    assert (await stored.points.points(stored.series(), t, t + 99, 2)).items == found.items
    assert (await stored.points.points(stored.series("mzord"), t, t + 99, 9)).items == [Point(t + 15, 9.0)]
    assert (await stored.points.points(stored.series(name="none"), t, t + 99, 9)).items == []
    assert (await stored.points.points(stored.series(), t + 30, t + 30, 9)).items == []


async def test_every_resolution_gives_what_folding_its_points_gives_to_the_edges_of_its_windows(stored: Stored) -> None:
    chance = random.Random(7)
    start = stored.today - 3 * DAY_MS
    times = {start + chance.randrange(3 * DAY_MS) for _ in range(300)}
    edges = {start + day * DAY_MS + edge for day in range(3) for edge in (-1, 0, 1, 299_999, 300_000, 300_001)}
    points = {at_ms: round(chance.gauss(50, 20), 3) for at_ms in times | edges}
    await stored.take(*[stored.measured(at_ms, value) for at_ms, value in sorted(points.items())])
    for resolution in ROLLED_UP:
        for from_ms, to_ms in ((start, stored.today), (start + 299_999, start + DAY_MS + 1)):
            found = await stored.points.rollups(stored.series(), resolution, from_ms, to_ms, 10_000)
            assert_same(list(found.items), expected(points, resolution, from_ms, to_ms))


async def test_a_range_of_many_years_is_looked_at_from_afar_and_found_whole(stored: Stored) -> None:
    points = {stored.today - age: float(age) for age in (0, 1, 9 * DAY_MS, 20 * DAY_MS)}
    await stored.take(*[stored.measured(at_ms, value) for at_ms, value in sorted(points.items())])
    found = await stored.points.rollups(stored.series(), Resolution.MIN5, 0, stored.now, 100)
    assert_same(list(found.items), expected(points, Resolution.MIN5, 0, stored.now))
    full = await stored.points.points(stored.series(), 0, stored.now, 100)
    assert [point.at_ms for point in full.items] == sorted(points)
    assert len((await stored.points.points(stored.series(), 0, stored.now, 1)).items) == 1
    assert len((await stored.points.rollups(stored.series(), Resolution.MIN5, 0, stored.now, 2)).items) == 2


async def test_a_metric_that_changes_its_unit_or_type_is_one_metric(stored: Stored) -> None:
    t = stored.today
    points = {t + at: float(at) for at in range(1, 9)}
    await stored.take(
        *[stored.measured(t + at, float(at), unit="seconds" if at % 2 else "unknown") for at in range(1, 5)],
        *[stored.measured(t + at, at, type="L") for at in range(5, 9)],
    )
    found = await stored.points.points(stored.series(), t, t + 99, 99)
    assert [(point.at_ms, point.value) for point in found.items] == list(points.items())
    rolled = await stored.points.rollups(stored.series(), Resolution.MIN5, t, t + 99, 99)
    assert_same(list(rolled.items), expected(points, Resolution.MIN5, t, t + 99))


async def test_whole_numbers_stay_whole_and_text_and_nan_do_not_go_there(stored: Stored) -> None:
    t = stored.today
    await stored.take(
        stored.measured(t, 2**53, type="L", name="whole"),
        stored.measured(t, "text", type="s", name="text"),
        stored.measured(t, math.nan, name="nan"),
        stored.measured(t, math.inf, name="inf"),
        stored.measured(t, 0.1, name="tenth"),
    )
    (whole,) = (await stored.points.points(stored.series(name="whole"), t, t + 1, 9)).items
    assert (whole.value, type(whole.value)) == (2**53, int)
    assert (await stored.points.points(stored.series(name="inf"), t, t + 1, 9)).items == [Point(t, math.inf)]
    assert [name.name for name in await stored.points.names(ALICES, stored.check)] == [
        "mzdfw.inf", "mzdfw.tenth", "mzdfw.whole",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.b", 'q"u\\o', "tab\tand\nline", "größe", "{}[]$", "/dev/sda1.used", "🦉"])
async def test_any_name_of_a_metric_is_found_again(stored: Stored, name: str) -> None:
    t = stored.today
    await stored.take(stored.measured(t, 1.5, None, name=name))
    assert (await stored.points.points(stored.series("", name), t, t + 1, 9)).items == [Point(t, 1.5)]
    rolled = await stored.points.rollups(stored.series("", name), Resolution.MIN60, t, t + 1, 9)
    assert [one.num_points for one in rolled.items] == [1]
    assert await stored.points.names(ALICES, stored.check) == [MetricName(name=name, unit="seconds", type="D")]


async def test_the_names_of_several_entities_come_at_once_and_only_the_tenants(stored: Stored) -> None:
    t, entities = stored.now, [EntityId(f"en{stored.check}"), EntityId(f"en{stored.check}2")]
    await stored.take(
        stored.measured(t, 1, entity_id=entities[0]),
        stored.measured(t, 1, entity_id=entities[1], name="other"),
        stored.measured(t, 1, entity_id=EntityId(f"en{stored.check}3"), name="more"),
        stored.measured(t, 1, entity_id=entities[0], tenant_id=CHARLIES, name="foreign"),
    )
    found = await stored.points.latest_names(ALICES, entities)
    assert {check: [name.name for name in names] for check, names in found.items()} == {
        stored.check: ["mzdfw.duration", "mzdfw.other"]
    }
    assert await stored.points.latest_names(ALICES, []) == {}


async def test_plots_say_what_was_given_up_and_what_a_dead_store_has_not_got(
    metric_server: MetricServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dead = Client(Place(write_url="http://127.0.0.1:1/api/v1/write", read_url="http://127.0.0.1:1"))
    sender = Sender(dead, tmp_path / "spool", 40_000, lambda: 0.0)
    await sender.start()
    alive = Client(Place(write_url=f"{metric_server.url}/x", read_url=metric_server.url))
    points = PrometheusPoints(Reader(alive), sender, now_ms)
    noise = random.Random(1).random
    t = now_ms()
    sink = RemotePoints(sender)
    for step in range(200):
        metrics = {f"m{number}": Metric("D", noise()) for number in range(10)}
        await sink.take([observation("chX", t + step, metrics=metrics)])
    assert not await sender.step()

    assert sender.given_up > 0
    told = [
        int(points) for points in re.findall(r"points_given_up.*?points=(?:\x1b\[\S*?m)*(\d+)", capfd.readouterr().out)
    ]
    assert sum(told) == sender.given_up
    kept_from = sender.waiting.first_ms
    series = Series(tenant_id=ALICES, check_id="chX", place="mzdfw", name="m1")
    found = await points.points(series, t - 1_000, t + 10_000, 9)
    assert found.missing[0].from_ms == t
    assert found.missing[-1] == Gap(kept_from, t + 200)
    assert (await points.points(series, t + 3, t + 4, 9)).missing[0] == Gap(t + 3, t + 4)
    assert (await points.points(series, t - 9, t, 9)).missing == ()
    await sender.stop()

    place = Place(write_url=f"{metric_server.url}/api/v1/write", read_url=metric_server.url)
    again = Sender(Client(place), tmp_path / "spool", 40_000, lambda: 0.0)
    await again.start()
    while await again.step():
        pass
    metric_server.settle()
    elsewhere = PrometheusPoints(Reader(alive), None, now_ms)
    told_in = [gap for gap in (await elsewhere.points(series, t, t + 10_000, 9)).missing if gap.from_ms >= t]
    lost = {at for gap in again.losses for at in range(gap.from_ms, gap.to_ms + 1)}
    assert {at for gap in told_in for at in range(gap.from_ms, gap.to_ms)} <= lost
    assert told_in
    assert (await elsewhere.points(series, t - 9, t, 9)).missing == ()
    await again.stop()
    await alive.close()


async def test_a_store_that_cannot_be_read_is_said_to_be_unavailable() -> None:
    dead = Client(Place(write_url="http://127.0.0.1:1/w", read_url="http://127.0.0.1:1"))
    points = PrometheusPoints(Reader(dead), None, now_ms)
    series = Series(tenant_id=ALICES, check_id="chX", place="mzdfw", name="m1")
    with pytest.raises(StoreUnavailable, match=r"metric store: http://127\.0\.0\.1:1"):
        await points.points(series, now_ms() - 9, now_ms(), 9)
    await dead.close()
