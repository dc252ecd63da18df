from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.contracts.examples import observation
from tests.fakes.database import FakeDatabase
from tests.fakes.stores import FakeObservations
from vedette.domain.happenings import Tick
from vedette.domain.observations import Observation
from vedette.ports.points import PointsUnavailable
from vedette.ports.unit import StoreUnavailable
from vedette.services.forwarding import Forwarding


class Sink:
    def __init__(self) -> None:
        self.taken: list[int] = []
        self.is_full = False

    async def take(self, observations: Sequence[Observation]) -> None:
        if self.is_full:
            raise PointsUnavailable("no room")
        self.taken += [one.at_ms for one in observations]


class World:
    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.log = FakeObservations(self.database)
        self.sink = Sink()

    def forwarding(self, name: str = "outside") -> Forwarding:
        return Forwarding(name, self.log, self.sink, self.database.commit)

    async def observe(self, *times: int) -> None:
        await self.database.commit(self.log.append([observation("chA", at_ms) for at_ms in times]))


@pytest.fixture
def world() -> World:
    return World()


async def drain(forwarding: Forwarding) -> None:
    while await forwarding.step():
        pass


async def test_everything_is_handed_on_in_the_order_of_the_log_and_once(world: World) -> None:
    forwarding = world.forwarding()
    await world.observe(*range(2_500))
    await drain(forwarding)
    await world.observe(7, 3)
    await drain(forwarding)
    assert world.sink.taken == [*range(2_500), 7, 3]


async def test_a_process_that_comes_after_goes_on_where_the_last_one_was(world: World) -> None:
    await world.observe(1, 2)
    await drain(world.forwarding())
    await world.observe(3)
    await drain(world.forwarding())
    assert world.sink.taken == [1, 2, 3]


async def test_each_reader_has_a_cursor_of_its_own(world: World) -> None:
    await world.observe(1, 2)
    await drain(world.forwarding("metric_store"))
    await drain(world.forwarding("remote_write"))
    assert world.sink.taken == [1, 2, 1, 2]


async def test_a_sink_that_cannot_take_them_is_offered_the_same_again(world: World) -> None:
    forwarding = world.forwarding()
    await world.observe(1, 2)
    world.sink.is_full = True
    with pytest.raises(StoreUnavailable, match="no room"):
        await forwarding.step()
    assert await world.log.cursor("outside") == 0
    world.sink.is_full = False
    await drain(forwarding)
    assert world.sink.taken == [1, 2]


async def test_of_two_processes_the_slower_one_goes_on_from_where_the_other_is(world: World) -> None:
    one, other = world.forwarding(), world.forwarding()
    await world.observe(1)
    await drain(one)
    await drain(other)
    await world.observe(2)
    await drain(one)
    await world.observe(3)
    assert await other.step()  # behind: it loses the compare-and-set
    await drain(other)
    assert set(world.sink.taken) == {1, 2, 3}
    assert await world.log.cursor("outside") == 3


async def test_what_is_no_observation_is_passed_over(world: World) -> None:
    await world.database.commit(
        world.log.append([Tick(at_ms=5, process_id="p", steady_ms=1, takes_agents=True), observation("chA", 6)])
    )
    await drain(world.forwarding())
    assert world.sink.taken == [6]
    assert await world.log.cursor("outside") == 2
