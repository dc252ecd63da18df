from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.contracts.examples import ALICES
from vedette.domain.ids import TenantId
from vedette.domain.metrics import Value
from vedette.ports.points import Found, Gap, MetricName, Point, Series
from vedette.ports.unit import StoreUnavailable
from vedette.rollups.folding import Rollup, fold, statistics
from vedette.rollups.resolutions import DAY_MS, Resolution
from vedette.services.outgrown_points import OutgrownPoints

TODAY = 20_000 * DAY_MS
NOW = TODAY + 5_000
YESTERDAY = TODAY - DAY_MS
SERIES = Series(tenant_id=ALICES, check_id="chA", place="mzdfw", name="duration")


class Store:
    """Points of one series, in memory."""

    def __init__(self, points: Mapping[int, Value]) -> None:
        self.points_of = dict(sorted(points.items()))
        self.missing: tuple[Gap, ...] = ()
        self.is_down = False
        self.asked: list[tuple[int, int]] = []

    async def names(self, tenant_id: TenantId, check_id: str) -> list[MetricName]:
        return [MetricName(name="mzdfw.duration", unit="seconds", type="D")]

    async def latest_names(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Mapping[str, Sequence[MetricName]]:
        return {"chA": await self.names(tenant_id, "chA")}

    async def points(self, series: Series, from_ms: int, to_ms: int, limit: int) -> Found[Point]:
        self.asked.append((from_ms, to_ms))
        if self.is_down:
            raise StoreUnavailable("no answer")
        found = [Point(at_ms, value) for at_ms, value in self.points_of.items() if from_ms <= at_ms < to_ms]
        return Found(found[:limit], self.missing)

    async def rollups(
        self, series: Series, resolution: Resolution, from_ms: int, to_ms: int, limit: int
    ) -> Found[Rollup]:
        found = await self.points(series, resolution.window(from_ms), 1 << 60, 1 << 60)
        windows: dict[int, list[float]] = {}
        for point in found.items:
            if not isinstance(point.value, str) and resolution.window(point.at_ms) < to_ms:
                windows.setdefault(resolution.window(point.at_ms), []).append(point.value)
        rolled = [statistics(at, fold(values)) for at, values in windows.items()]
        return Found([one for one in rolled if one is not None][:limit], self.missing)


def world(near: Mapping[int, Value], far: Mapping[int, Value]) -> tuple[Store, Store, OutgrownPoints]:
    one, other = Store(near), Store(far)
    return one, other, OutgrownPoints(one, other, lambda: NOW)


async def test_what_is_older_than_yesterday_comes_from_the_metric_store_and_the_rest_from_ours() -> None:
    far = {YESTERDAY - 2: 1.0, YESTERDAY - 1: 2.0, YESTERDAY: -1.0, TODAY: -2.0}
    _, _, points = world({YESTERDAY - 1: -3.0, YESTERDAY: 3.0, NOW - 1: 4.0}, far)
    found = await points.points(SERIES, 0, NOW, 100)
    assert [point.value for point in found.items] == [1.0, 2.0, 3.0, 4.0]
    assert [point.value for point in (await points.points(SERIES, 0, NOW, 3)).items] == [1.0, 2.0, 3.0]
    assert [point.value for point in (await points.points(SERIES, 0, NOW, 2)).items] == [1.0, 2.0]


@pytest.mark.parametrize("resolution", [one for one in Resolution if one.width_ms])
async def test_no_window_lies_in_both(resolution: Resolution) -> None:
    times = range(YESTERDAY - 2 * DAY_MS, NOW, 7_000_000)
    everything = {at_ms: float(number) for number, at_ms in enumerate(times)}
    whole = Store(everything)
    _, _, points = world(
        {at_ms: value for at_ms, value in everything.items() if at_ms >= YESTERDAY},
        {at_ms: value for at_ms, value in everything.items() if at_ms < TODAY},
    )
    for from_ms in (0, YESTERDAY - 1, YESTERDAY, YESTERDAY + 1):
        found = await points.rollups(SERIES, resolution, from_ms, NOW, 10_000)
        assert found.items == tuple((await whole.rollups(SERIES, resolution, from_ms, NOW, 10_000)).items)


async def test_the_metric_store_is_not_asked_for_what_is_recent_nor_ours_for_what_is_not() -> None:
    near, far, points = world({NOW - 1: 1.0}, {5: 2.0})
    await points.points(SERIES, TODAY, NOW, 9)
    assert far.asked == []
    near.asked.clear()
    await points.points(SERIES, 0, 10, 9)
    assert near.asked == []


async def test_a_metric_store_that_does_not_answer_is_a_gap_and_costs_nothing_that_is_ours() -> None:
    _, far, points = world({YESTERDAY - 5: 1.0, NOW - 1: 2.0}, {5: 2.0})
    far.is_down = True
    found = await points.points(SERIES, YESTERDAY - 10, NOW, 9)
    assert [point.value for point in found.items] == [1.0, 2.0]
    assert found.missing == (Gap(YESTERDAY - 10, YESTERDAY),)
    rolled = await points.rollups(SERIES, Resolution.MIN60, YESTERDAY - 10, NOW, 9)
    assert rolled.missing == (Gap(YESTERDAY - 10, YESTERDAY),)


async def test_text_and_what_was_before_the_metric_store_is_found_in_ours() -> None:
    _, _, points = world({YESTERDAY - 5: "up", NOW - 1: "down"}, {})
    assert [point.value for point in (await points.points(SERIES, 0, NOW, 9)).items] == ["up", "down"]


async def test_what_either_store_has_lost_is_missing() -> None:
    near, far, points = world({NOW - 1: 1.0}, {5: 2.0})
    near.missing, far.missing = (Gap(TODAY, TODAY + 1),), (Gap(6, 7),)
    assert (await points.points(SERIES, 0, NOW, 9)).missing == (Gap(6, 7), Gap(TODAY, TODAY + 1))


async def test_names_are_ours() -> None:
    _, far, points = world({}, {})
    far.is_down = True
    assert [name.name for name in await points.names(ALICES, "chA")] == ["mzdfw.duration"]
    assert list(await points.latest_names(ALICES, ["enA"])) == ["chA"]
