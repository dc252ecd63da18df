"""When the log is emptied and days are rolled up, and what happens when another process was first."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.ports.chunks import Day, Source
from vedette.ports.unit import Conflict, Write
from vedette.rollups.resolutions import DAY_MS
from vedette.services.roll_up import FRESH_MS, LATE_MS, PASS_MS, RollUp

NOON = 20_000 * DAY_MS + DAY_MS // 2
ONE, TWO, THREE = Source("chA", ""), Source("chA", "mzdfw"), Source("chB", "")


class Taken:
    """A write: one bite of a source, or a day."""

    def __init__(self, what: Source | Day) -> None:
        self.what = what


class FakeChunks:
    """How many bites of each source are in the log."""

    def __init__(self, bites: dict[Source, int], days: Sequence[Day] = ()) -> None:
        self.bites = bites
        self.days = list(days)
        self.before_ms: list[int] = []
        self.lost: set[Source | Day] = set()  # another process is first

    async def waiting(self, after: Source | None, limit: int) -> Sequence[Source]:
        return sorted(one for one, bites in self.bites.items() if bites and (after is None or one > after))[:limit]

    async def moved(self, source: Source, before_ms: int, limit: int) -> Write | None:
        self.before_ms.append(before_ms)
        return Taken(source) if self.bites[source] else None

    async def unrolled(self, before_ms: int, limit: int) -> Sequence[Day]:
        return [day for day in self.days if day.start_ms < before_ms][:limit]

    async def rolled_up(self, day: Day) -> Write | None:
        return Taken(day)

    async def commit(self, *writes: Write) -> None:
        for write in writes:
            assert isinstance(write, Taken)
            if write.what in self.lost:
                self.lost.remove(write.what)
                raise Conflict("log")
            if isinstance(write.what, Day):
                self.days.remove(write.what)
            else:
                self.bites[write.what] -= 1


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOON

    def __call__(self) -> int:
        return self.now_ms


def rolling(chunks: FakeChunks, clock: Clock) -> RollUp:
    return RollUp(chunks, chunks.commit, clock)  # type: ignore[arg-type]


async def finish(rolling: RollUp) -> int:
    """How many steps did anything."""
    steps = 0
    while await rolling.step():
        steps += 1
    return steps


async def test_a_source_with_more_than_a_bite_is_emptied_in_the_same_pass() -> None:
    chunks = FakeChunks({ONE: 3, TWO: 1, THREE: 0})
    await finish(rolling(chunks, Clock()))
    assert chunks.bites == {ONE: 0, TWO: 0, THREE: 0}
    assert set(chunks.before_ms) == {NOON - FRESH_MS}


async def test_the_log_is_left_alone_until_the_next_pass_also_when_the_clock_is_set_back() -> None:
    chunks, clock = FakeChunks({ONE: 1}), Clock()
    one = rolling(chunks, clock)
    await finish(one)
    chunks.bites[ONE] = 1
    clock.now_ms += PASS_MS - 1
    assert await finish(one) == 0
    assert chunks.bites[ONE] == 1
    clock.now_ms += 1
    assert await finish(one) > 0
    assert chunks.bites[ONE] == 0
    chunks.bites[ONE] = 1
    clock.now_ms -= DAY_MS
    await finish(one)
    assert chunks.bites[ONE] == 0


async def test_what_another_process_took_is_left_to_it_and_the_rest_goes_on() -> None:
    chunks, clock = FakeChunks({ONE: 1, TWO: 1}), Clock()
    chunks.lost = {ONE}
    one = rolling(chunks, clock)
    await finish(one)
    assert chunks.bites == {ONE: 1, TWO: 0}
    clock.now_ms += PASS_MS
    await finish(one)
    assert chunks.bites == {ONE: 0, TWO: 0}


async def test_a_day_is_rolled_up_an_hour_after_it_is_over() -> None:
    today = NOON - DAY_MS // 2
    chunks, clock = FakeChunks({}, [Day(ONE, today - DAY_MS), Day(TWO, today)]), Clock()
    one = rolling(chunks, clock)
    await finish(one)
    assert chunks.days == [Day(TWO, today)]
    clock.now_ms = today + DAY_MS + LATE_MS - 1
    await finish(one)
    assert chunks.days == [Day(TWO, today)]
    clock.now_ms += 1
    await finish(one)
    assert chunks.days == []
