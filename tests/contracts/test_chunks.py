"""Observations that leave the log for chunks, over both databases."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest

from tests.contracts import histories
from tests.contracts.examples import ALICES, CHARLIES, document, observation
from tests.contracts.histories import (
    DAY,
    NAMES,
    PLACES,
    append,
    at_full,
    naive_at_full,
    observed,
    plotted,
    series,
    settle,
)
from vedette.adapters.sql.database import Database, SqlWrite, Statement
from vedette.adapters.sql.stores import Stores
from vedette.domain.happenings import Tick
from vedette.domain.metrics import Metric
from vedette.domain.observations import Logged, Observation
from vedette.ports.chunks import Day, Source
from vedette.ports.points import Gap, MetricName, Point
from vedette.ports.unit import Conflict
from vedette.rollups.folding import Rollup
from vedette.rollups.resolutions import DAY_MS, ROLLED_UP, Resolution

MINUTE = 60_000
DURATION = series("duration", "mzdfw")


class Row(msgspec.Struct, frozen=True):
    id: int
    resolution: int
    from_ms: int
    to_ms: int
    number: int


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


class Rows:
    """The chunks as they lie in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Row]:
        sql = "SELECT id, resolution, from_ms, to_ms, number FROM chunk ORDER BY id"
        return [Row(*row) for row in await self._database.fetch(sql, {})]

    async def damage(self, row: Row) -> None:
        """One byte of it changes."""
        found = await self._database.fetch_one("SELECT data FROM chunk WHERE id = :id", {"id": row.id})
        assert found is not None
        data = bytearray(found[0])
        data[len(data) // 2] ^= 1
        sql = "UPDATE chunk SET data = :data WHERE id = :id"
        await self._database.commit(SqlWrite((Statement(sql, {"id": row.id, "data": bytes(data)}, expect=1),)))


def minute(number: int, **members: Any) -> Observation:
    return observation("chA", DAY + number * MINUTE, **members)


def arrival(logged: Logged) -> int:
    assert isinstance(logged.entry, Observation)
    return logged.entry.arrival_ms


async def full(store: Stores) -> Sequence[Point]:
    return (await store.points.points(DURATION, 0, 1 << 53, 1_000_000)).items


async def rollups(store: Stores, resolution: Resolution) -> Sequence[Rollup]:
    return (await store.points.rollups(DURATION, resolution, 0, 1 << 53, 1_000_000)).items


async def assert_plots(store: Stores, observations: list[Observation]) -> None:
    for place in PLACES:
        for name in NAMES:
            assert await at_full(store, name, place) == naive_at_full(observations, name, place), name
            for resolution in ROLLED_UP:
                expected = histories.windows(observations, name, place, resolution)
                assert await plotted(store, name, place, resolution) == expected, (name, resolution)


@pytest.mark.parametrize("seed", range(3))
async def test_plots_are_those_of_all_points_wherever_these_lie(store: Stores, seed: int) -> None:
    """In the log, in chunks of today, in whole days, late, repeated and out of order."""
    random = Random(seed)
    observations: list[Observation] = []
    now = DAY
    for _ in range(12):
        now += random.randrange(1, 12) * 60 * MINUTE
        late = random.choice([0, 0, 30 * MINUTE, DAY_MS])
        fresh = [
            observed(random, max(now - late - random.randrange(300) * MINUTE, DAY), place)
            for place in PLACES
            for _ in range(random.randrange(30))
        ]
        repeated = random.sample(observations, min(len(observations), 3))
        await append(store, fresh + repeated)
        observations += fresh + repeated
        if random.random() < 0.7:
            await settle(store, now + random.choice([0, 10 * MINUTE]))
    await assert_plots(store, observations)
    await settle(store, now + 3 * DAY_MS)
    await assert_plots(store, observations)
    assert await store.observations.after(0, 10) == []


async def test_what_left_the_log_is_replayed_as_it_was(store: Stores) -> None:
    random = Random(5)
    observations = [observed(random, DAY + minute * MINUTE, place) for minute in range(1_300) for place in PLACES]
    await append(store, observations[:2_000])
    before = [histories.text(one) for one in await store.past.between("chA", 0, 1 << 53, 0, 10_000)]
    await settle(store, DAY + 700 * MINUTE)
    await settle(store, DAY + 2 * DAY_MS)
    assert [histories.text(one) for one in await store.past.between("chA", 0, 1 << 53, 0, 10_000)] == before
    await append(store, observations[2_000:])
    everything = await store.past.between("chA", 0, 1 << 53, 0, 10_000)
    assert len(everything) == len(observations)
    paged: list[Logged] = []
    while len(paged) % 150 == 0:
        after = paged[-1].seq if paged else 0
        paged += await store.past.between("chA", DAY + 100 * MINUTE, DAY + 1_250 * MINUTE, after, 150)
    inside = [one for one in everything if DAY + 100 * MINUTE <= arrival(one) < DAY + 1_250 * MINUTE]
    assert [histories.text(one) for one in paged] == [histories.text(one) for one in inside]


async def test_the_last_observation_that_came_is_found_wherever_it_lies(store: Stores) -> None:
    await append(store, [minute(1), minute(3), minute(2)])
    seqs = [one.seq for one in await store.observations.after(0, 10)]
    await settle(store, DAY + 10 * MINUTE)
    assert await store.observations.latest("chA", "mzdfw", seqs[-1]) == minute(2)
    assert await store.observations.latest("chA", "mzdfw", seqs[0]) == minute(1)
    assert await store.observations.latest("chA", "mzlon", seqs[-1]) is None
    await append(store, [minute(4)])
    assert await store.observations.latest("chA", "mzdfw", seqs[-1] + 1) == minute(4)


async def test_the_log_keeps_what_is_fresh_and_what_a_reader_has_not_seen(store: Stores) -> None:
    await append(store, [minute(0), minute(8)])
    await settle(store, DAY + 10 * MINUTE)
    assert [one.entry for one in await store.observations.after(0, 10)] == [minute(8)]
    await store.commit(store.observations.append([minute(9)]))
    await settle(store, DAY + 60 * MINUTE)
    assert [one.entry for one in await store.observations.after(0, 10)] == [minute(9)]
    assert [point.at_ms for point in await full(store)] == [DAY, DAY + 8 * MINUTE, DAY + 9 * MINUTE]


async def test_what_else_happened_stays_in_the_log(store: Stores) -> None:
    await store.commit(store.observations.append([Tick(DAY, "one", 1, takes_agents=True)]))
    await append(store, [minute(0)])
    await settle(store, DAY + DAY_MS)
    assert [type(one.entry) for one in await store.observations.after(0, 10)] == [Tick]


async def test_two_that_empty_the_log_at_once_move_everything_once(store: Stores) -> None:
    await append(store, [minute(number) for number in range(10)])
    source = Source("chA", "mzdfw")
    both = [await store.chunks.moved(source, DAY + DAY_MS, 5) for _ in range(2)]
    assert both[0] is not None
    assert both[1] is not None
    await store.commit(both[0])
    with pytest.raises(Conflict, match=r"^(log|chunk)$"):
        await store.commit(both[1])
    await settle(store, DAY + 60 * MINUTE)
    stale = [await store.chunks.rolled_up(Day(source, DAY)) for _ in range(2)]
    assert stale[0] is not None
    assert stale[1] is not None
    await store.commit(stale[0])
    with pytest.raises(Conflict, match=r"^chunk$"):
        await store.commit(stale[1])
    assert [point.at_ms for point in await full(store)] == [DAY + number * MINUTE for number in range(10)]
    (day,) = await rollups(store, Resolution.MIN1440)
    assert day.num_points == 10


async def test_a_day_is_rolled_up_when_it_is_over_and_once_more_for_what_comes_late(store: Stores, rows: Rows) -> None:
    await append(store, [minute(1), minute(1_439)])
    await settle(store, DAY + DAY_MS + 59 * MINUTE)
    assert [one.number for one in await rows.all() if one.resolution] == []
    await settle(store, DAY + DAY_MS + 60 * MINUTE)
    assert sorted(one.resolution for one in await rows.all()) == [0, 5, 20, 60, 240, 1_440]
    await append(store, [minute(2, arrival_ms=DAY + 2 * DAY_MS), minute(1, arrival_ms=DAY + 2 * DAY_MS)])
    (before,) = await rollups(store, Resolution.MIN1440)
    await settle(store, DAY + 2 * DAY_MS + 60 * MINUTE)
    assert sorted(one.resolution for one in await rows.all()) == [0, 5, 20, 60, 240, 1_440]
    (after,) = await rollups(store, Resolution.MIN1440)
    assert (before.num_points, after.num_points) == (3, 3)


async def test_what_comes_after_full_resolution_was_forgotten_adds_windows_and_changes_none(
    store: Stores, rows: Rows
) -> None:
    await append(store, [minute(1), minute(2)])
    await settle(store, DAY + 3 * DAY_MS)
    await store.commit(store.chunks.forget([one.id for one in await rows.all() if one.resolution == 0]))
    kept = await rollups(store, Resolution.MIN5)
    late = DAY + 4 * DAY_MS
    await append(store, [minute(2, arrival_ms=late), minute(3, arrival_ms=late), minute(6, arrival_ms=late)])
    for again in range(3):
        assert [one.num_points for one in await rollups(store, Resolution.MIN5)] == [2, 1]
        assert (await rollups(store, Resolution.MIN5))[:1] == kept
        await settle(store, late + (10 + again) * 60 * MINUTE)
        await append(store, [minute(4, arrival_ms=late + again)])
    assert [one.num_points for one in await rollups(store, Resolution.MIN1440)] == [2]


async def test_a_damaged_chunk_loses_itself_and_says_so(store: Stores, rows: Rows) -> None:
    for day in range(3):
        await append(store, [minute(day * 1_440 + number) for number in (1, 2, 700)])
        await settle(store, DAY + day * DAY_MS + 120 * MINUTE)
    whole = await full(store)
    broken = next(one for one in await rows.all() if one.resolution == 0 and one.from_ms >= DAY + DAY_MS)
    await rows.damage(broken)
    found = await store.points.points(DURATION, 0, 1 << 53, 100)
    assert found.items == [one for one in whole if not broken.from_ms <= one.at_ms < broken.to_ms]
    assert found.missing == (Gap(broken.from_ms, broken.to_ms),)
    assert len(store.damaged) == 1
    await settle(store, DAY + 5 * DAY_MS)
    assert len(await full(store)) == len(found.items)
    assert len(await rollups(store, Resolution.MIN60)) == len({one.at_ms // 3_600_000 for one in found.items})
    assert len(store.damaged) == 1
    await rows.damage(next(one for one in await rows.all() if one.resolution == 5))
    lost = await store.points.rollups(DURATION, Resolution.MIN5, DAY, DAY + DAY_MS, 100)
    assert (lost.items, lost.missing) == ([], (Gap(DAY, DAY + DAY_MS),))


async def test_names_outlive_the_log(store: Stores) -> None:
    await store.commit(store.documents.add(document("enA")))
    await store.commit(store.documents.add(document("chA", entity_id="enA")))
    await append(store, [minute(1), minute(2, metrics={"code": Metric("s", "200")}), minute(3, metrics={})])
    expected = [
        MetricName(name="mzdfw.code", unit="unknown", type="s"),
        MetricName(name="mzdfw.duration", unit="milliseconds", type="D"),
    ]
    for now in (DAY, DAY + 60 * MINUTE, DAY + 3 * DAY_MS):
        await settle(store, now)
        assert await store.points.names(ALICES, "chA") == expected
        assert await store.points.names(CHARLIES, "chA") == []
    assert await store.points.latest_names(ALICES, ["enA"]) == {"chA": expected}
    assert await store.points.latest_names(CHARLIES, ["enA"]) == {}
    await append(store, [minute(2 * 1_440, metrics={"new": Metric("i", 1)})])
    await settle(store, DAY + 3 * DAY_MS)
    assert [name.name for name in await store.points.names(ALICES, "chA")] == ["mzdfw.new"]
