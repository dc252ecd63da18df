"""What was: the log of one check between two times, over both databases."""

from __future__ import annotations

from tests.contracts.examples import ALICES, observation
from vedette.adapters.sql.stores import Stores
from vedette.domain.happenings import AgentConnected, AgentFetched, Spell, Tick, ZoneTurned
from vedette.domain.ids import AgentId, ZoneId
from vedette.domain.observations import Entry, Logged, Observation

HOUR_MS = 3_600_000


def turned(at_ms: int, spell: Spell = Spell.DOWN) -> ZoneTurned:
    return ZoneTurned(at_ms=at_ms, zone_id=ZoneId("mzdfw"), process_id="one", spell=spell)


def tick(at_ms: int) -> Tick:
    return Tick(at_ms=at_ms, process_id="one", steady_ms=at_ms, takes_agents=True)


async def put(store: Stores, *entries: Entry) -> None:
    """In this order, each at its moment."""
    for entry in entries:
        await store.commit(store.observations.append([entry]))


async def pages(store: Stores, check_id: str, from_ms: int, to_ms: int, limit: int) -> list[list[Logged]]:
    found: list[list[Logged]] = []
    while not found or len(found[-1]) == limit:
        after = found[-1][-1].seq if found else 0
        found.append([*await store.past.between(check_id, from_ms, to_ms, after, limit)])
    return found


async def entries(store: Stores, check_id: str, from_ms: int, to_ms: int, limit: int = 100) -> list[Entry]:
    return [one.entry for page in await pages(store, check_id, from_ms, to_ms, limit) for one in page]


def seen(check_id: str, arrival_ms: int, zone_id: str = "mzdfw") -> Observation:
    return observation(check_id, 7, zone_id, arrival_ms=arrival_ms)


async def test_a_check_is_read_in_the_order_of_the_log_whatever_its_senders_stamped(store: Stores) -> None:
    mine = [seen("chA", 1_000, "mzlon"), seen("chA", 2_000, "mzdfw"), seen("chA", 2_000, "mzord")]
    await put(store, mine[0], seen("chB", 1_500), mine[1], mine[2], seen("chC", 2_500))
    assert await entries(store, "chA", 0, 10_000) == mine


async def test_a_stretch_has_its_beginning_and_not_its_end(store: Stores) -> None:
    await put(store, *(seen("chA", at_ms) for at_ms in (999, 1_000, 1_999, 2_000)))
    assert await entries(store, "chA", 1_000, 2_000) == [seen("chA", 1_000), seen("chA", 1_999)]
    assert await entries(store, "chA", 3_000, 4_000) == []
    assert await entries(store, "chZ", 0, 4_000) == []


async def test_a_late_commit_is_not_missed(store: Stores) -> None:
    """What arrived first may reach the disk last."""
    await put(store, seen("chA", 5_000), seen("chA", 3_000), seen("chB", 9_000), seen("chA", 4_000))
    assert await entries(store, "chA", 3_000, 5_000) == [seen("chA", 3_000), seen("chA", 4_000)]


async def test_turns_of_zones_are_among_a_checks_observations_and_ticks_are_not(store: Stores) -> None:
    await put(store, turned(1_000), seen("chA", 1_500), tick(1_600), seen("chB", 1_700), turned(2_000, Spell.UP))
    assert await entries(store, "chA", 0, 9_000) == [turned(1_000), seen("chA", 1_500), turned(2_000, Spell.UP)]
    assert await entries(store, "", 0, 2_000) == [turned(1_000)]


async def test_a_long_stretch_comes_in_pages(store: Stores) -> None:
    mine = [seen("chA", HOUR_MS * hour) for hour in range(24)]
    for one in mine:
        await put(store, one, seen("chB", one.arrival_ms + 1))
    wanted = mine[5:20]
    for limit in (1, 4, 5, 100):
        assert await entries(store, "chA", 5 * HOUR_MS, 20 * HOUR_MS, limit) == wanted
    assert [len(page) for page in await pages(store, "chA", 5 * HOUR_MS, 20 * HOUR_MS, 5)] == [5, 5, 5, 0]


async def test_an_empty_log_has_no_past(store: Stores) -> None:
    assert await entries(store, "chA", 0, 1 << 50) == []


async def test_what_silence_is_judged_by_comes_in_the_order_of_the_log(store: Stores) -> None:
    host = AgentId("host")
    opened = AgentConnected(1_100, ALICES, host, "one", "cnA", is_fast=True)
    fetched = AgentFetched(1_200, ALICES, host)
    await put(store, tick(999), opened, seen("chA", 1_150), fetched, turned(1_300), tick(1_400), tick(2_000))
    assert [one.entry for one in await store.past.of_agents(1_000, 2_000)] == [opened, fetched, tick(1_400)]
