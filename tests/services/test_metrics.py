"""Plots: which resolution, which points, and what is said to be missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId
from vedette.ports.points import Found, Gap, MetricName, Point, Series
from vedette.rollups.folding import Rollup
from vedette.rollups.resolutions import DAY_MS, Resolution
from vedette.services.metrics import MetricService, Plot, Plotted
from vedette.services.zones import Zone, Zones

NOW = 20_000 * DAY_MS
ALICES = TenantId("alices")
ZONES = Zones((Zone(id="mzdfw", label="DFW", country_code="US"),))


class FakeChecks:
    async def find(self, tenant_id: TenantId, key: str, entity_id: str | None = None) -> Document:
        return Document(tenant_id=tenant_id, kind=Kind.CHECK, id=key, created_at=1, updated_at=1, public=b"{}")


class FakePoints:
    """A point every so often, since ever."""

    def __init__(self, every_ms: int, value: Callable[[int], int | str] = lambda _: 1) -> None:
        self._every_ms = every_ms
        self._value = value
        self.missing: tuple[Gap, ...] = ()
        self.asked: list[tuple[Series, Resolution]] = []

    async def names(self, tenant_id: TenantId, check_id: str) -> list[MetricName]:
        raise NotImplementedError

    async def latest_names(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Mapping[str, Sequence[MetricName]]:
        raise NotImplementedError

    async def points(self, series: Series, from_ms: int, to_ms: int, limit: int) -> Found[Point]:
        self.asked.append((series, Resolution.FULL))
        times = range(-(-from_ms // self._every_ms) * self._every_ms, to_ms, self._every_ms)[:limit]
        return Found([Point(at_ms, self._value(at_ms)) for at_ms in times], self.missing)

    async def rollups(
        self, series: Series, resolution: Resolution, from_ms: int, to_ms: int, limit: int
    ) -> Found[Rollup]:
        self.asked.append((series, resolution))
        if isinstance(self._value(0), str):
            return Found([])
        times = range(resolution.window(from_ms), to_ms, resolution.width_ms)[:limit]
        return Found([Rollup(at_ms, 9, 2.5, 0.5, 1, 4) for at_ms in times], self.missing)


async def plot(store: FakePoints, days: float, name: str = "mzdfw.n", **asked: object) -> Plotted:
    plain: dict[str, object] = {"from_ms": NOW - int(days * DAY_MS), "to_ms": NOW, "resolution": None}
    service = MetricService(FakeChecks(), store, ZONES, lambda: NOW)  # type: ignore[arg-type]
    return await service.plot(ALICES, "enA", "chA", name, Plot(**plain | asked))  # type: ignore[arg-type]


async def test_a_plot_by_points_takes_a_coarser_resolution_when_more_come_than_were_expected() -> None:
    """A point every second is more than a period of 30 s lets expect."""
    points = FakePoints(1_000)
    plotted = await plot(points, 0.25, points=10_000)
    assert plotted.resolution is Resolution.MIN5
    assert len(plotted.points) == 72
    assert [resolution for _, resolution in points.asked] == [Resolution.FULL, Resolution.MIN5]


async def test_what_no_resolution_can_show_in_one_answer_is_refused() -> None:
    with pytest.raises(Fault, match="requestTooLargeError") as refused:
        await plot(FakePoints(60_000), 1_500, points=10)
    assert "resolution=MIN1440" in refused.value.details


async def test_only_selected_statistics_are_shown() -> None:
    plotted = await plot(FakePoints(60_000), 1, resolution=Resolution.MIN1440, select=("variance", "max"))
    assert plotted.points == [{"numPoints": 9, "timestamp": NOW - DAY_MS, "variance": 0.5, "max": 4}]
    plotted = await plot(FakePoints(DAY_MS), 1, resolution=Resolution.FULL, select=("variance", "min"))
    assert plotted.points == [{"numPoints": 1, "timestamp": NOW - DAY_MS, "variance": 0, "min": 1}]


@pytest.mark.parametrize("resolution", [Resolution.FULL, Resolution.MIN60, None])
async def test_text_that_stays_the_same_is_one_point_however_long(resolution: Resolution | None) -> None:
    noon = NOW - DAY_MS // 2
    points = FakePoints(60_000, lambda at_ms: "up" if at_ms < noon else "down")
    plotted = await plot(points, 10, resolution=resolution, points=10)
    assert [(one["timestamp"], one["average"], one["numPoints"]) for one in plotted.points] == [
        (NOW - 10 * DAY_MS, "up", 13_680), (noon, "down", 720)
    ]  # fmt: skip


@pytest.mark.parametrize("resolution", [Resolution.FULL, Resolution.MIN60])
async def test_what_is_missing_is_said(resolution: Resolution) -> None:
    points = FakePoints(60_000)
    points.missing = (Gap(NOW - 9, NOW - 5),)
    assert (await plot(points, 0.5, resolution=resolution)).missing == points.missing


@pytest.mark.parametrize(
    ("name", "place", "metric"),
    [
        ("mzdfw.n", "mzdfw", "n"),
        ("pzMine.a.b", "pzMine", "a.b"),
        ("eth0.rx_bytes", "", "eth0.rx_bytes"),
        ("n", "", "n"),
    ],
)
async def test_a_zone_before_the_name_is_the_place(name: str, place: str, metric: str) -> None:
    points = FakePoints(60_000)
    await plot(points, 0.1, name, resolution=Resolution.FULL)
    assert {(series.place, series.name) for series, _ in points.asked} == {(place, metric)}
