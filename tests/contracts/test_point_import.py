from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.contracts.examples import ALICES, document, observation
from vedette.adapters.sql.stores import Stores
from vedette.domain.metrics import Metric, Value
from vedette.domain.observations import Observation
from vedette.ports.points import Point, Series
from vedette.rollups.resolutions import DAY_MS, Resolution
from vedette.services import point_import
from vedette.services.point_import import ImportedDay, PointImporter

DAY = 20_000 * DAY_MS
NOW = DAY + 40 * DAY_MS
CHECK = document("chA", entity_id="enA", public=b'{"type":"remote.http"}')
SERIES = Series(tenant_id=ALICES, check_id="chA", place="mzdfw", name="duration")


def importer(store: Stores) -> PointImporter:
    stores = point_import.Stores(
        importing=store.importing, points=store.points, chunks=store.chunks, commit=store.commit
    )
    return PointImporter(stores, lambda: NOW)


def day(points: dict[int, Value], start_ms: int = DAY, name: str = "duration") -> ImportedDay:
    metrics = {start_ms + offset: {name: Metric("D", value, "seconds")} for offset, value in points.items()}
    return ImportedDay(check=CHECK, place="mzdfw", start_ms=start_ms, points=metrics)


async def everything(store: Stores, start_ms: int = DAY) -> list[Point]:
    return list((await store.points.points(SERIES, start_ms, start_ms + DAY_MS, 1_000)).items)


async def test_imported_points_are_plotted_rolled_up_and_listed(store: Stores) -> None:
    added = await importer(store).add(day({0: 1.0, 60_000: 3.0, DAY_MS - 1: 5.0}))
    assert [one.at_ms - DAY for one in added] == [0, 60_000, DAY_MS - 1]
    assert [(point.at_ms - DAY, point.value) for point in await everything(store)] == [
        (0, 1.0), (60_000, 3.0), (DAY_MS - 1, 5.0)
    ]  # fmt: skip
    rolled = (await store.points.rollups(SERIES, Resolution.MIN1440, DAY, DAY + 1, 9)).items
    assert [(one.num_points, one.average, one.min, one.max) for one in rolled] == [(3, 3.0, 1.0, 5.0)]
    assert list(await store.chunks.unrolled(NOW, 9)) == []  # its points may be forgotten now
    assert [name.name for name in await store.points.names(ALICES, "chA")] == ["mzdfw.duration"]


async def test_evaluation_and_back_tests_do_not_see_them(store: Stores) -> None:
    await importer(store).add(day({0: 1.0}))
    assert await store.observations.after(0, 9) == []
    assert list(await store.past.between("chA", 0, NOW, 0, 9)) == []


async def test_what_another_store_did_not_take_is_still_new_the_next_time(store: Stores) -> None:
    offered: list[Sequence[Observation]] = []

    async def away(new: Sequence[Observation]) -> None:
        offered.append(new)
        raise ConnectionError

    async def back(new: Sequence[Observation]) -> None:
        offered.append(new)

    with pytest.raises(ConnectionError):
        await importer(store).add(day({0: 1.0}), away)
    assert await everything(store) == []
    added = await importer(store).add(day({0: 1.0}), back)
    assert await importer(store).add(day({0: 1.0}), back) == ()
    assert offered == [added, added]
    assert [point.value for point in await everything(store)] == [1.0]


async def test_what_is_there_already_stays_wherever_it_is_kept(store: Stores) -> None:
    await importer(store).add(day({0: 1.0, 1: 2.0}))
    assert [one.at_ms - DAY for one in await importer(store).add(day({0: -1.0, 1: -1.0, 2: 3.0}))] == [2]
    assert await importer(store).add(day({0: -1.0, 2: -1.0})) == ()
    assert [point.value for point in await everything(store)] == [1.0, 2.0, 3.0]

    reported: list[Observation] = [
        observation("chA", DAY + at, metrics={"duration": Metric("D", 7.0)}) for at in (5, 6)
    ]
    await store.commit(store.observations.append(reported))
    assert await importer(store).add(day({5: -1.0, 6: -1.0})) == ()
    assert [point.value for point in await everything(store)] == [1.0, 2.0, 3.0, 7.0, 7.0]


async def test_another_metric_of_the_same_time_is_no_repetition(store: Stores) -> None:
    await importer(store).add(day({0: 1.0}))
    await importer(store).add(day({0: 2.0}, name="other"))
    assert [point.value for point in await everything(store)] == [1.0]
    other = Series(tenant_id=ALICES, check_id="chA", place="mzdfw", name="other")
    assert (await store.points.points(other, DAY, DAY + 1, 9)).items == [Point(DAY, 2.0)]
    rolled = (await store.points.rollups(other, Resolution.MIN60, DAY, DAY + 1, 9)).items
    assert [(one.num_points, one.average) for one in rolled] == [(1, 2.0)]


async def test_a_day_that_is_not_over_is_left_to_be_rolled_up_by_the_server(store: Stores) -> None:
    await importer(store).add(day({0: 1.0, 60_000: 3.0}, start_ms=NOW))
    assert [point.value for point in await everything(store, NOW)] == [1.0, 3.0]
    rolled = (await store.points.rollups(SERIES, Resolution.MIN60, NOW, NOW + 1, 9)).items
    assert [one.average for one in rolled] == [2.0]
    assert len(await store.chunks.unrolled(NOW + 2 * DAY_MS, 9)) == 1


async def test_newer_values_stay_the_current_ones(store: Stores) -> None:
    await importer(store).add(day({0: 1.0}, start_ms=DAY + DAY_MS))
    await importer(store).add(day({0: 2.0}))
    older = day({1: 2.0})
    changed = {at: {"duration": Metric("L", 3, "bytes")} for at in older.points}
    await importer(store).add(ImportedDay(check=CHECK, place="mzdfw", start_ms=DAY, points=changed))
    assert [(name.unit, name.type) for name in await store.points.names(ALICES, "chA")] == [("seconds", "D")]
