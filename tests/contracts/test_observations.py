from typing import Any

import pytest

from tests.contracts.examples import ALICES, observation
from vedette.adapters.sql.stores import Stores
from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Happening, Spell, Tick, ZoneTurned
from vedette.domain.ids import AgentId, ZoneId
from vedette.domain.metrics import Metric
from vedette.ports.unit import Conflict

EVERYTHING = {
    "huge": Metric("L", 2**64 - 1, "bytes"),
    "negative": Metric("l", -(2**63)),
    "half": Metric("D", 0.5, "seconds"),
    "text": Metric("s", "naïve \N{SNOWMAN}\0"),
    "yes": Metric("b", 1),
}


async def seqs(store: Stores, after: int = 0, limit: int = 100) -> list[int]:
    return [logged.seq for logged in await store.observations.after(after, limit)]


async def test_an_observation_is_read_as_it_was_appended(store: Stores) -> None:
    more: dict[str, Any] = {"target": "192.0.2.1", "is_blind": True, "buffers": True}
    more |= {"took_ms": 70, "round_id": "chA:1"}
    zones = observation("chA", 1_000, metrics=EVERYTHING, **more)
    agents = observation("chA", 2_000, None, agent_id=AgentId("host"), available=False, status="", metrics={})
    await store.commit(store.observations.append([zones, agents]))
    first, second = await store.observations.after(0, 10)
    assert [first.entry, second.entry] == [zones, agents]
    assert 0 < first.seq < second.seq


HAPPENINGS: list[Happening] = [
    ZoneTurned(1, ZoneId("mzdfw"), "process 1", Spell.BLIND),
    AgentConnected(2, ALICES, AgentId("host"), "process 1", "cnOne", is_fast=True),
    AgentFetched(3, ALICES, AgentId("host")),
    AgentClosed(4, ALICES, AgentId("host"), "cnOne", since_ms=2),
    Tick(5, "process 1", 77, takes_agents=True),
]


async def test_whatever_happened_is_read_where_it_happened_among_the_observations(store: Stores) -> None:
    seen = observation("chA", 1_000)
    await store.commit(store.observations.append([HAPPENINGS[0], seen]))
    await store.commit(store.observations.append(HAPPENINGS[1:]))
    logged = await store.observations.after(0, 10)
    assert [one.entry for one in logged] == [HAPPENINGS[0], seen, *HAPPENINGS[1:]]


async def test_the_log_is_read_in_order_from_a_cursor(store: Stores) -> None:
    for at_ms in (30, 10, 20):
        await store.commit(store.observations.append([observation("chA", at_ms), observation("chB", at_ms)]))
    everything = await store.observations.after(0, 100)
    assert [logged.entry.at_ms for logged in everything] == [30, 30, 10, 10, 20, 20]
    numbers = [logged.seq for logged in everything]
    assert numbers == sorted(set(numbers))
    assert await seqs(store, numbers[1], 2) == numbers[2:4]
    assert await seqs(store, numbers[-1]) == []


async def test_appending_nothing_changes_nothing(store: Stores) -> None:
    await store.commit(store.observations.append([]))
    assert await seqs(store) == []


async def test_a_cursor_moves_only_from_where_it_stands(store: Stores) -> None:
    assert await store.observations.cursor("evaluate") == 0
    await store.commit(store.observations.advance("evaluate", 0, 5))
    for stale in (0, 4):
        with pytest.raises(Conflict, match=r"^cursor$"):
            await store.commit(store.observations.advance("evaluate", stale, 7))
    await store.commit(store.observations.advance("evaluate", 5, 9))
    assert await store.observations.cursor("evaluate") == 9
    with pytest.raises(Conflict, match=r"^cursor$"):
        await store.commit(store.observations.advance("another", 5, 9))
    assert await store.observations.cursor("another") == 0


async def test_only_what_every_cursor_has_passed_is_forgotten(store: Stores) -> None:
    await store.commit(store.observations.append([observation("chA", at_ms) for at_ms in (10, 20, 30, 40, 50)]))
    numbers = await seqs(store)
    await store.commit(store.observations.forget_before(1_000, 100))
    assert await seqs(store) == numbers
    await store.commit(
        store.observations.advance("one", 0, numbers[4]), store.observations.advance("two", 0, numbers[2])
    )
    await store.commit(store.observations.forget_before(25, 100))  # they arrived 5 ms after `at_ms`
    assert await seqs(store) == numbers[1:]
    await store.commit(store.observations.forget_before(1_000, 1))
    assert await seqs(store) == numbers[2:]
    await store.commit(store.observations.forget_before(1_000, 100))
    assert await seqs(store) == numbers[3:]


async def test_a_reader_that_comes_no_more_holds_nothing_back_and_would_begin_anew(store: Stores) -> None:
    await store.commit(store.observations.append([observation("chA", at_ms) for at_ms in (10, 20)]))
    first, last = await seqs(store)
    await store.commit(store.observations.advance("one", 0, last), store.observations.advance("gone", 0, first - 1))
    await store.commit(store.observations.forget_before(1_000, 100))
    assert await seqs(store) == [first, last]
    await store.commit(store.observations.leave("gone"), store.observations.leave("never was"))
    assert await store.observations.cursor("gone") == 0
    await store.commit(store.observations.forget_before(1_000, 100))
    assert await seqs(store) == []


async def test_a_number_is_never_given_twice(store: Stores) -> None:
    await store.commit(store.observations.append([observation("chA", 10)]))
    (number,) = await seqs(store)
    await store.commit(store.observations.advance("one", 0, number))
    await store.commit(store.observations.forget_before(1_000, 100))
    await store.commit(store.observations.append([observation("chA", 20)]))
    (next_number,) = await seqs(store)
    assert next_number > number


async def test_the_last_observation_that_came_from_a_place_is_found_up_to_a_number(store: Stores) -> None:
    for at_ms in (20, 30, 10):
        await store.commit(store.observations.append([observation("chA", at_ms), observation("chA", at_ms, "mzord")]))
    numbers = await seqs(store)
    assert await store.observations.latest("chA", "mzdfw", numbers[-1]) == observation("chA", 10)
    assert await store.observations.latest("chA", "mzdfw", numbers[-3]) == observation("chA", 30)
    assert await store.observations.latest("chA", "mzord", numbers[1]) == observation("chA", 20, "mzord")
    assert await store.observations.latest("chA", "mzlon", numbers[-1]) is None
    assert await store.observations.latest("chB", "mzdfw", numbers[-1]) is None
