"""A process that is alive says so, and leaves no trace when it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.agent_stores import FakeAgentRoll
from tests.fakes.chance import FakeClock
from tests.fakes.database import FakeDatabase
from vedette.ports.agents import ProcessBeat
from vedette.ports.unit import StoreUnavailable
from vedette.services.presence import FORGOTTEN_MS, Presence


class World:
    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.roll = FakeAgentRoll(self.database)
        self.clock = FakeClock()

    def process(self, name: str, newest_key: Callable[[], int] = lambda: 1) -> Presence:
        return Presence(self.roll, self.database.commit, name, newest_key, self.clock)


async def test_a_beat_says_when_and_which_key_is_the_newest() -> None:
    world = World()
    keys = iter([1, 2])
    presence = world.process("prA", lambda: next(keys))
    await presence.step()
    world.clock.now_ms += 5_000
    await presence.step()
    assert await world.roll.processes(0) == [ProcessBeat(id="prA", at_ms=world.clock.now_ms, newest_key=2)]


async def test_one_that_ends_is_gone_and_one_that_died_is_forgotten() -> None:
    world = World()
    ending, dead, living = (world.process(name) for name in ("prA", "prB", "prC"))
    for presence in (ending, dead, living):
        await presence.step()
    await ending.leave()
    world.clock.now_ms += FORGOTTEN_MS + 1
    await living.step()
    assert [beat.id for beat in await world.roll.processes(0)] == ["prC"]


async def test_after_a_long_pause_what_others_forgot_is_written_again() -> None:
    world = World()
    presence = world.process("prA")
    returns: list[int] = []
    presence.on_return = lambda: returns.append(world.clock.now_ms)
    for pause_ms in (0, 5_000, FORGOTTEN_MS, 5_000):
        world.clock.now_ms += pause_ms
        await presence.step()
    assert len(returns) == 1


async def test_with_the_store_gone_it_does_not_beat_and_may_end_all_the_same() -> None:
    world = World()
    presence = world.process("prA")
    world.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await presence.step()
    await presence.leave()
    world.database.is_available = True
    assert await world.roll.processes(0) == []
