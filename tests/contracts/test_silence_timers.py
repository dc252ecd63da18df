from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.contracts.examples import ALICES, CHARLIES, document
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import AgentId, CheckId
from vedette.ports.silence import SilenceTimer
from vedette.ports.unit import Conflict


def timer(key: str = "chA", **members: Any) -> SilenceTimer:
    plain: dict[str, Any] = {"check_id": CheckId(key), "tenant_id": ALICES, "agent_id": AgentId("host")}
    return SilenceTimer(**plain | {"reported_ms": 5, "due_ms": 100} | members)


async def put(store: Stores, *timers: SilenceTimer) -> None:
    """With their checks."""
    await store.commit(store.documents.add(document("enA")))
    for one in timers:
        await store.commit(
            store.documents.add(document(one.check_id, entity_id="enA")), store.silence_timers.start(one)
        )


async def due(store: Stores, at_ms: int, limit: int = 10) -> list[str]:
    return [one.check_id for one in await store.silence_timers.due(at_ms, limit)]


async def test_timers_are_due_in_their_order_and_none_that_is_not_set(store: Stores) -> None:
    await put(store, timer("chA", due_ms=30), timer("chB", due_ms=10), timer("chC", due_ms=None), timer("chD"))
    assert await due(store, 9) == []
    assert await due(store, 30) == ["chB", "chA"]
    assert await due(store, 1_000, 1) == ["chB"]


async def test_a_timer_is_read_as_it_was_started_and_started_again(store: Stores) -> None:
    await put(store, timer())
    assert await store.silence_timers.find(CheckId("chA")) == timer()
    again = timer(agent_id=AgentId("other"), reported_ms=6, due_ms=None)
    await store.commit(store.silence_timers.start(again))
    assert await store.silence_timers.find(CheckId("chA")) == again


async def test_a_timer_moves_only_from_where_it_stands(store: Stores) -> None:
    await put(store, timer())
    moved = timer(due_ms=None, reported_ms=50)
    await store.commit(store.silence_timers.move(timer(), moved))
    with pytest.raises(Conflict, match=r"^silence_timer$"):
        await store.commit(store.silence_timers.move(timer(), timer(due_ms=300)))
    assert await store.silence_timers.find(CheckId("chA")) == moved
    await store.commit(store.silence_timers.move(moved, timer(due_ms=300)))
    assert await due(store, 300) == ["chA"]


async def test_a_timer_goes_with_its_check_and_none_is_started_for_one_that_is_gone(store: Stores) -> None:
    await put(store, timer())
    check = await store.documents.find(ALICES, document("chA").kind, "chA")
    assert check is not None
    await store.commit(store.documents.remove(check))
    await store.commit(store.silence_timers.start(timer()))
    assert await store.silence_timers.find(CheckId("chA")) is None
    with pytest.raises(Conflict, match=r"^silence_timer$"):
        await store.commit(store.silence_timers.move(timer(), timer(due_ms=300)))


async def test_an_agents_timers_are_hastened_and_nobody_elses(store: Stores) -> None:
    other = AgentId("other")
    await put(store, timer("chA"), timer("chB", due_ms=20), timer("chC", due_ms=None), timer("chD", agent_id=other))
    await store.commit(store.silence_timers.hasten(CHARLIES, AgentId("host"), 1))
    assert await due(store, 50) == ["chB"]
    await store.commit(store.silence_timers.hasten(ALICES, AgentId("host"), 50))
    assert await due(store, 50) == ["chB", "chA"]
    after = await store.silence_timers.find(CheckId("chC"))
    assert after == msgspec.structs.replace(timer("chC"), due_ms=None)
