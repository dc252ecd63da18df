"""The collectors of each process, as the others see them."""

from __future__ import annotations

from typing import Any

from vedette.adapters.sql.stores import Stores
from vedette.ports.agents import ProcessBeat
from vedette.ports.collectors import Seated


def seated(process_id: str = "prOne", zone_id: str = "mzdfw", name: str = "a", **more: Any) -> Seated:
    members: dict[str, Any] = {"agent_id": "rack7", "since_ms": 5, "types": ("remote.http", "remote.ssh"),
                               "is_blind": True, "can_confirm": False}  # fmt: skip
    return Seated(process_id=process_id, zone_id=zone_id, name=name, **members | more)


async def beat(store: Stores, process_id: str, at_ms: int) -> None:
    await store.commit(store.agents.beat(ProcessBeat(id=process_id, at_ms=at_ms, newest_key=1)))


async def test_a_process_sees_those_of_the_others_that_are_alive(store: Stores) -> None:
    for process_id, at_ms in (("prOne", 100), ("prTwo", 100), ("prDead", 50)):
        await beat(store, process_id, at_ms)
        await store.commit(store.collectors.seated(process_id, [seated(process_id)]))
    assert await store.collectors.elsewhere("prOne", 60) == [seated("prTwo")]
    assert await store.collectors.elsewhere("prThree", 10) == [seated("prDead"), seated("prOne"), seated("prTwo")]


async def test_what_a_process_says_takes_the_place_of_what_it_said_before(store: Stores) -> None:
    await beat(store, "prOne", 100)
    await store.commit(store.collectors.seated("prOne", [seated(), seated(name="b"), seated(zone_id="pzAttic")]))
    now = [seated(is_blind=False, can_confirm=True, since_ms=9, types=()), seated(zone_id="mzord")]
    await store.commit(store.collectors.seated("prOne", now))
    assert await store.collectors.elsewhere("prTwo", 0) == now
    await store.commit(store.collectors.seated("prOne", []))
    assert await store.collectors.elsewhere("prTwo", 0) == []


async def test_they_go_with_their_process(store: Stores) -> None:
    for process_id, at_ms in (("prOne", 100), ("prTwo", 100), ("prDead", 50)):
        await beat(store, process_id, at_ms)
        await store.commit(store.collectors.seated(process_id, [seated(process_id)]))
    await store.commit(store.agents.forget_process("prOne"))
    await store.commit(store.agents.forget_silent(60))
    for process_id in ("prOne", "prDead"):
        await beat(store, process_id, 100)
    assert await store.collectors.elsewhere("prThree", 0) == [seated("prTwo")]
