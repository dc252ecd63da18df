"""Points go when they have had their time, over both databases."""

from __future__ import annotations

from random import Random

import pytest

from tests.contracts import histories
from tests.contracts.examples import ALICES, document, observation
from tests.contracts.histories import DAY, NAMES, PLACES, append, at_full, naive_at_full, observed, plotted, settle
from vedette.adapters.sql.stores import Stores
from vedette.domain.documents import Kind
from vedette.domain.observations import Observation
from vedette.ports.points import Series
from vedette.rollups.resolutions import DAY_MS, ROLLED_UP, Resolution
from vedette.services.point_expiry import TESTABLE_MS, PointExpiry

HOUR = 3_600_000
STEPS = 40  # more than it takes to look at everything


@pytest.fixture
async def watched(store: Stores) -> Stores:
    """A check that has an alarm (`chA`) and one that has none (`chB`)."""
    await store.commit(store.documents.add(document("enA")))
    for check in ("chA", "chB"):
        await store.commit(store.documents.add(document(check, kind=Kind.CHECK, entity_id="enA")))
    alarm = document("alA", kind=Kind.ALARM, entity_id="enA", check_id="chA")
    await store.commit(store.documents.add(alarm))
    return store


async def forget(store: Stores, now_ms: int, budget: int = 1 << 40) -> None:
    expiry = PointExpiry(store.chunks, store.commit, lambda: now_ms, budget)
    for _ in range(STEPS):
        await expiry.step()


async def put(store: Stores, check: str, days: range) -> None:
    """One observation an hour."""
    await append(store, [observation(check, DAY + day * DAY_MS + hour * HOUR) for day in days for hour in range(24)])
    await settle(store, DAY + days.stop * DAY_MS + 2 * HOUR)


async def days_of(store: Stores, check: str, resolution: Resolution = Resolution.FULL) -> set[int]:
    """Days that have anything at a resolution."""
    series = Series(tenant_id=ALICES, check_id=check, place="mzdfw", name="duration")
    if resolution is Resolution.FULL:
        points = await store.points.points(series, 0, 1 << 53, 1_000_000)
        return {(one.at_ms - DAY) // DAY_MS for one in points.items}
    windows = await store.points.rollups(series, resolution, 0, 1 << 53, 1_000_000)
    return {(one.at_ms - DAY) // DAY_MS for one in windows.items}


async def test_observations_are_kept_for_two_days_and_for_thirty_where_there_is_an_alarm(watched: Stores) -> None:
    for check in ("chA", "chB"):
        await put(watched, check, range(32))
    await forget(watched, DAY + 32 * DAY_MS)
    assert await days_of(watched, "chB") == {30, 31}, "a day goes when its last observation is two days old"
    assert await days_of(watched, "chA") == set(range(2, 32))
    await forget(watched, DAY + 31 * DAY_MS + TESTABLE_MS)
    assert await days_of(watched, "chA") == {31}
    assert await days_of(watched, "chB") == set()


async def test_rollups_are_kept_as_long_as_documented(watched: Stores) -> None:
    await put(watched, "chB", range(1))
    for resolution in ROLLED_UP:
        chunk_end = DAY - DAY % (resolution.width_ms * 288) + resolution.width_ms * 288
        await forget(watched, chunk_end + resolution.kept_ms)
        assert await days_of(watched, "chB", resolution) == {0}
        await forget(watched, chunk_end + resolution.kept_ms + 1)
        assert await days_of(watched, "chB", resolution) == set()


async def test_beyond_the_budget_the_oldest_go_first_but_not_of_the_last_two_days(watched: Stores) -> None:
    await put(watched, "chA", range(20))
    now = DAY + 20 * DAY_MS
    size = await watched.chunks.size(0, 1 << 53)
    await forget(watched, now, size)
    assert await days_of(watched, "chA") == set(range(20))
    days = [await watched.chunks.size(DAY + day * DAY_MS, DAY + (day + 1) * DAY_MS) for day in range(20)]
    assert sum(days) == size
    for budget, kept in ((size - 1, range(1, 20)), (sum(days[5:]), range(5, 20)), (0, range(18, 20))):
        await forget(watched, now, budget)
        assert await days_of(watched, "chA") == set(kept)
    assert await days_of(watched, "chA", Resolution.MIN20) == set(range(20))


async def test_the_history_of_a_check_that_was_deleted_goes(watched: Stores) -> None:
    for check in ("chA", "chB"):
        await put(watched, check, range(3))
    found = await watched.documents.find(ALICES, Kind.CHECK, "chA")
    assert found is not None
    await watched.commit(watched.documents.remove(found))
    await forget(watched, DAY + 3 * DAY_MS)
    for resolution in Resolution:
        assert await days_of(watched, "chA", resolution) == set()
        assert await days_of(watched, "chB", resolution) != set()
    assert await watched.points.names(ALICES, "chA") == []


@pytest.mark.parametrize("seed", range(2))
async def test_rollups_are_those_of_all_points_when_these_are_gone(watched: Stores, seed: int) -> None:
    """Forgetting goes on while points come: every day is rolled up before it goes."""
    random = Random(seed)
    observations: list[Observation] = []
    for day in range(6):
        fresh = [
            observed(random, DAY + day * DAY_MS + random.randrange(DAY_MS), place)
            for place in PLACES
            for _ in range(20)
        ]
        await append(watched, fresh)
        observations += fresh
        now = DAY + (day + 1) * DAY_MS + random.choice([0, 2 * HOUR])
        await settle(watched, now)
        await watched.commit(watched.chunks.forget(await _older(watched, now - Resolution.FULL.kept_ms)))
    for place in PLACES:
        for name in NAMES:
            kept = [one for one in observations if one.at_ms >= DAY + 4 * DAY_MS]
            assert (await at_full(watched, name, place))[-len(kept) :] != [] or not naive_at_full(kept, name, place)
            for resolution in ROLLED_UP:
                expected = histories.windows(observations, name, place, resolution)
                assert await plotted(watched, name, place, resolution) == expected, (name, resolution)


async def _older(store: Stores, before_ms: int) -> list[int]:
    return [one.id for one in await store.chunks.oldest((0, 0), before_ms, 1_000)]
