import pytest

from tests.contracts.examples import observation
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import AgentId
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
    zones = observation("chA", 1_000, metrics=EVERYTHING, target="192.0.2.1", is_blind=True, buffers=True)
    agents = observation("chA", 2_000, None, agent_id=AgentId("host"), available=False, status="", metrics={})
    await store.commit(store.observations.append([zones, agents]))
    first, second = await store.observations.after(0, 10)
    assert [first.observation, second.observation] == [zones, agents]
    assert 0 < first.seq < second.seq


async def test_the_log_is_read_in_order_from_a_cursor(store: Stores) -> None:
    for at_ms in (30, 10, 20):
        await store.commit(store.observations.append([observation("chA", at_ms), observation("chB", at_ms)]))
    everything = await store.observations.after(0, 100)
    assert [logged.observation.at_ms for logged in everything] == [30, 30, 10, 10, 20, 20]
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


async def test_a_number_is_never_given_twice(store: Stores) -> None:
    await store.commit(store.observations.append([observation("chA", 10)]))
    (number,) = await seqs(store)
    await store.commit(store.observations.advance("one", 0, number))
    await store.commit(store.observations.forget_before(1_000, 100))
    await store.commit(store.observations.append([observation("chA", 20)]))
    (next_number,) = await seqs(store)
    assert next_number > number
