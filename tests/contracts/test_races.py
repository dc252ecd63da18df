"""Two `Database`s over one store, as two processes have them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pytest
from msgspec.structs import replace

from tests.contracts.conftest import Open
from tests.contracts.examples import (
    ALICES,
    CHARLIES,
    alarm_state,
    attempt,
    delivery,
    document,
    key,
    observation,
    tenant,
    user,
)
from vedette.adapters.sql.stores import Stores, stores
from vedette.domain.documents import Kind
from vedette.ports.documents import Filter
from vedette.ports.unit import Conflict, Write

ROUNDS = 20


@pytest.fixture
async def both(opening: Open) -> tuple[Stores, Stores]:
    first, second = stores(await opening()), stores(await opening())
    await first.commit(first.accounts.add_tenant(tenant(ALICES)), first.accounts.add_tenant(tenant(CHARLIES)))
    return first, second


async def race(both: Sequence[Stores], write: Callable[[Stores, int], Write], tasks: int = 8) -> list[str | None]:
    """Everybody commits at once; gives the guard each ran into, None for those that won."""

    async def one(number: int) -> str | None:
        store = both[number % 2]
        try:
            await store.commit(write(store, number))
        except Conflict as conflict:
            return conflict.guard
        return None

    return await asyncio.gather(*map(one, range(tasks)))


async def test_of_many_updates_of_one_revision_exactly_one_wins(both: tuple[Stores, Stores]) -> None:
    await both[0].commit(both[0].documents.add(document("enA", label="0")))
    for revision in range(1, ROUNDS):
        guards = await race(
            both,
            lambda store, number, old=revision: store.documents.update(  # type: ignore[misc]
                document("enA", label=f"{old} by {number}", revision=old + 1), old
            ),
        )
        assert sorted(map(str, guards)) == ["None"] + ["revision"] * 7
        found = await both[1].documents.find(ALICES, Kind.ENTITY, "enA")
        assert found is not None
        assert found.label == f"{revision} by {guards.index(None)}"


async def test_of_many_that_put_an_alarm_state_exactly_one_wins(both: tuple[Stores, Stores]) -> None:
    store = both[0]
    await store.commit(store.documents.add(document("enA")), store.documents.add(document("chA", entity_id="enA")))
    await store.commit(store.documents.add(document("alA", entity_id="enA", check_id="chA")))
    for revision in range(ROUNDS):
        guards = await race(both, lambda s, _, old=revision: s.alarm_states.put(alarm_state("alA"), old))  # type: ignore[misc]
        assert sorted(map(str, guards)) == ["None"] + ["alarm_state"] * 7


async def test_of_many_claims_of_one_delivery_exactly_one_wins(both: tuple[Stores, Stores]) -> None:
    waiting = delivery(key(1))
    await both[0].commit(both[0].outbox.add(waiting))
    for number in range(1, ROUNDS):
        started = attempt(waiting, number)
        guards = await race(both, lambda s, _, d=waiting, a=started: s.outbox.claim(d, 200 + a.number, a))  # type: ignore[misc]
        assert sorted(map(str, guards)) == ["None"] + ["claim"] * 7
        waiting = replace(waiting, attempts=number, next_at_ms=200 + number)
    assert len(await both[0].outbox.attempts([key(1)])) == ROUNDS - 1


async def test_of_many_readers_that_move_a_cursor_exactly_one_wins(both: tuple[Stores, Stores]) -> None:
    for seq in range(ROUNDS):
        guards = await race(both, lambda s, _, old=seq: s.observations.advance("evaluate", old, old + 1))  # type: ignore[misc]
        assert sorted(map(str, guards)) == ["None"] + ["cursor"] * 7


async def test_of_many_that_take_a_name_exactly_one_wins(both: tuple[Stores, Stores]) -> None:
    for turn in range(ROUNDS):
        users = await race(both, lambda s, n, t=turn: s.accounts.add_user(user(f"user{t}", id=f"us{t}-{n}")))  # type: ignore[misc]
        assert sorted(map(str, users)) == ["None"] + ["user"] * 7
        agents = await race(
            both,
            lambda s, n, t=turn: s.documents.add(document(f"en{t}n{n}", agent_id=f"host{t}")),  # type: ignore[misc]
        )
        assert sorted(map(str, agents)) == ["None"] + ["agent_id"] * 7


async def test_a_limit_holds_however_many_add_at_once(both: tuple[Stores, Stores]) -> None:
    async def add(store: Stores, number: int) -> bool:
        try:
            await store.commit(
                store.documents.below(ALICES, Kind.ENTITY, 5), store.documents.add(document(f"en{number}"))
            )
        except Conflict:
            return False
        return True

    added = await asyncio.gather(*[add(both[number % 2], number) for number in range(30)])
    assert added.count(True) == 5
    assert await both[0].documents.count(ALICES, Kind.ENTITY) == 5


async def test_nothing_refers_to_what_was_removed_at_the_same_time(both: tuple[Stores, Stores]) -> None:
    first, second = both
    outcomes = set()
    for turn in range(ROUNDS):
        notification = document(f"nt{turn}")
        await first.commit(first.documents.add(notification))
        plan = document(f"np{turn}", refs=(notification.id,))
        requirement = second.documents.require(ALICES, [notification.id])
        removal = first.commit(
            first.documents.unreferenced(ALICES, notification.id), first.documents.remove(notification)
        )
        addition = second.commit(requirement, second.documents.add(plan))
        # Whoever comes first: the odd ones begin the other way round.
        racers: list[Awaitable[None]] = [removal, addition] if turn % 2 else [addition, removal]
        results = await asyncio.gather(*racers, return_exceptions=True)
        is_there = await first.documents.find(ALICES, Kind.NOTIFICATION, notification.id) is not None
        is_used = await first.documents.referrers(ALICES, notification.id, 1) == [plan.id]
        assert is_there == is_used
        assert [type(result) for result in results].count(Conflict) == 1
        outcomes.add(is_there)
    assert outcomes == {True, False}


async def test_no_child_outlives_a_parent_removed_at_the_same_time(both: tuple[Stores, Stores]) -> None:
    first, second = both
    for turn in range(ROUNDS):
        entity = document(f"en{turn}")
        await first.commit(first.documents.add(entity))
        checks = [second.documents.add(document(f"ch{turn}x{n}", entity_id=entity.id)) for n in range(4)]
        commits = [second.commit(check) for check in checks]
        commits.insert(turn % 5, first.commit(first.documents.remove(entity)))
        results = await asyncio.gather(*commits, return_exceptions=True)
        assert {str(result) for result in results} <= {"None", "parent"}
        assert await first.documents.list(ALICES, Kind.CHECK, Filter(entity_id=entity.id), None, 9) == []


class _Numbered(Protocol):
    @property
    def seq(self) -> int: ...


async def read_all(read: Callable[[int], Awaitable[Sequence[_Numbered]]], done: asyncio.Event) -> list[int]:
    """Reads by cursor while others write; what is passed over is never read."""
    seen: list[int] = []
    while True:
        is_last = done.is_set()
        page = await read(seen[-1] if seen else 0)
        seen += [row.seq for row in page]
        if is_last and not page:
            return seen
        await asyncio.sleep(0)


async def test_no_change_appears_behind_a_reader_of_the_feed(both: tuple[Stores, Stores], opening: Open) -> None:
    reader = stores(await opening())
    done = asyncio.Event()

    async def write(number: int) -> None:
        store, owner = both[number % 2], (ALICES, CHARLIES)[number // 2 % 2]
        for turn in range(15):
            entities = [document(f"en{number}x{turn}x{n}", tenant_id=owner) for n in range(3)]
            await store.commit(*map(store.documents.add, entities))

    reading = asyncio.create_task(read_all(lambda seq: reader.documents.changes(seq, 7), done))
    await asyncio.gather(*map(write, range(12)))
    done.set()
    seen = await reading
    assert seen == sorted(set(seen))
    assert len(seen) == 12 * 15 * 3


async def test_no_observation_appears_behind_a_reader_of_the_log(both: tuple[Stores, Stores], opening: Open) -> None:
    reader = stores(await opening())
    done = asyncio.Event()

    async def write(number: int) -> None:
        store = both[number % 2]
        for turn in range(15):
            await store.commit(store.observations.append([observation(f"ch{number}", turn * 10 + n) for n in range(3)]))

    reading = asyncio.create_task(read_all(lambda seq: reader.observations.after(seq, 7), done))
    await asyncio.gather(*map(write, range(12)))
    done.set()
    seen = await reading
    assert seen == sorted(set(seen))
    assert len(seen) == 12 * 15 * 3
