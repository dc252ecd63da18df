"""What a process writes into the log of itself, of zones and of agents."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.fakes.chain import document
from tests.fakes.chance import FakeClock
from tests.fakes.database import FakeDatabase
from tests.fakes.stores import FakeDocuments, FakeObservations
from vedette.domain.documents import Document, Kind
from vedette.domain.happenings import Happening, Spell, Tick, ZoneTurned
from vedette.domain.ids import ZoneId
from vedette.engine.surroundings import Surroundings
from vedette.engine.zone_spells import Stand, ZoneSpells
from vedette.ports.unit import StoreUnavailable
from vedette.services.ticking import Process, Ticking
from vedette.services.zone_watch import BEAT_MS, POLLERS_BEAT_MS, Beat, ZoneWatch

BUILT_IN = ("mzdfw", "mzord")


def zone(key: str, **public: Any) -> Document:
    return document(Kind.PRIVATE_ZONE, key, {"label": "ours", "disabled": False} | public)


class Here:
    """A process that ticks; its clocks go on together."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.documents = FakeDocuments(self.database)
        self.clock, self.steady = FakeClock(), FakeClock(1_000)
        self.standing: dict[str, bool] = {}  # zones whose collectors beat: whether one sees
        self.wakes = 0
        self.is_blind = False
        self.started("prOne")

    def started(self, process_id: str) -> None:
        self.watch = ZoneWatch(process_id, BUILT_IN, self.documents)
        self.watch.standing = self.beats
        process = Process(id=process_id, takes_agents=True, clock=self.clock, steady_ms=self.steady)
        self.ticking = Ticking(FakeObservations(self.database), self.database.commit, process, self.watch, self.wake)
        self.ticking.is_blind = lambda: self.is_blind

    def beats(self, steady_ms: int) -> dict[str, Beat]:
        """Private zones have pollers of other make."""
        patience_ms = {True: 3 * BEAT_MS, False: 3 * POLLERS_BEAT_MS}
        return {key: Beat(sees, steady_ms + patience_ms[key in BUILT_IN]) for key, sees in self.standing.items()}

    def wake(self) -> None:
        self.wakes += 1

    def put(self, key: str) -> None:
        """A private zone."""
        self.database.commit_now(self.documents.add(zone(key)))

    async def change(self, key: str, **public: Any) -> None:
        """And its watch hears of it."""
        stored = self.database.table("documents")[key]
        after = msgspec.structs.replace(zone(key, **public), revision=stored.revision + 1)
        self.database.commit_now(self.documents.update(after, stored.revision))
        await self.watch.follow(await self.documents.changes(0, 100))

    async def delete(self, key: str) -> None:
        """And its watch hears of it."""
        self.database.commit_now(self.documents.remove(self.database.table("documents")[key]))
        await self.watch.follow(await self.documents.changes(0, 100))

    async def step(self, after_ms: int = 0) -> list[Happening]:
        """What it wrote."""
        self.clock.now_ms += after_ms
        self.steady.now_ms += after_ms
        before = len(self.database.table("log"))
        assert await self.ticking.step() is False
        return list(self.database.table("log").values())[before:]

    async def pass_by(self, ms: int) -> None:
        """In its usual steps, and nothing turns."""
        for step_ms in [5_000] * (ms // 5_000) + [ms % 5_000]:
            assert await self.spells(step_ms) == {}

    async def spells(self, after_ms: int = 0) -> dict[str, Spell]:
        """What it said of zones."""
        return {one.zone_id: one.spell for one in await self.step(after_ms) if isinstance(one, ZoneTurned)}


async def test_each_step_is_a_tick_by_both_clocks_and_wakes_evaluation() -> None:
    here = Here()
    first, second = [*await here.step(), *await here.step(5_000)]
    assert first == Tick(here.clock.now_ms - 5_000, "prOne", 1_000, takes_agents=True)
    assert second == Tick(here.clock.now_ms, "prOne", 6_000, takes_agents=True)
    assert here.wakes == 2


async def test_a_process_that_sees_no_canary_does_not_tick_but_says_that_its_zones_are_blind() -> None:
    here = Here()
    here.is_blind, here.standing = True, {"mzdfw": False}
    assert await here.step() == [ZoneTurned(here.clock.now_ms, ZoneId("mzdfw"), "prOne", Spell.BLIND)]
    assert await here.step(5_000) == []


async def test_what_the_store_did_not_take_is_said_again() -> None:
    here = Here()
    here.standing, here.database.is_available = {"mzdfw": True}, False
    with pytest.raises(StoreUnavailable):
        await here.step()
    here.database.is_available = True
    assert await here.spells(5_000) == {"mzdfw": Spell.UP}


async def test_zones_are_spoken_of_when_they_turn_only() -> None:
    here = Here()
    here.standing = {"mzdfw": True, "mzord": True}
    assert await here.spells() == {"mzdfw": Spell.UP, "mzord": Spell.UP}
    assert await here.spells(5_000) == {}
    here.standing = {"mzdfw": True, "mzord": False}
    assert await here.spells(5_000) == {"mzord": Spell.BLIND}
    here.standing = {"mzdfw": True, "mzord": True}
    assert await here.spells(5_000) == {"mzord": Spell.UP}


async def test_a_zone_without_collectors_is_down_when_they_have_had_their_time_to_come_back() -> None:
    here = Here()
    here.standing = {"mzdfw": True, "pzOne": True}
    await here.step()
    here.standing = {}
    await here.pass_by(3 * BEAT_MS - 1)
    assert await here.spells(1) == {"mzdfw": Spell.DOWN}
    await here.pass_by(3 * POLLERS_BEAT_MS - 3 * BEAT_MS - 1)
    assert await here.spells(1) == {"pzOne": Spell.DOWN}


async def test_a_collector_that_is_silent_on_an_open_connection_keeps_its_zone_up_no_longer_than_its_beats() -> None:
    here = Here()
    here.standing = {"mzdfw": True}
    await here.step()
    last = here.beats(here.steady.now_ms)
    here.watch.standing = lambda _: last
    await here.pass_by(3 * BEAT_MS - 1)
    assert await here.spells(1) == {"mzdfw": Spell.DOWN}


async def test_after_a_standstill_of_ours_beats_have_their_time_to_be_read() -> None:
    here = Here()
    here.standing = {"mzdfw": True, "mzord": False}
    await here.step()
    here.standing = {}
    assert await here.spells(600_000) == {}
    await here.pass_by(3 * BEAT_MS - 1)
    assert await here.spells(1) == {"mzdfw": Spell.DOWN, "mzord": Spell.DOWN}


async def test_after_a_start_zones_are_as_they_were_until_their_collectors_had_time_to_come_back() -> None:
    here = Here()
    here.put("pzOne")
    before = ZoneSpells({}, {"mzdfw": Stand(Spell.UP, 1), "mzord": Stand(Spell.BLIND, 1), "pzOne": Stand(Spell.UP, 1)})
    await here.watch.begin(before, here.steady.now_ms)
    assert await here.spells() == {"mzdfw": Spell.UP, "mzord": Spell.BLIND, "pzOne": Spell.UP}
    here.standing = {"pzOne": True}
    await here.pass_by(3 * BEAT_MS - 1)
    assert await here.spells(1) == {"mzdfw": Spell.DOWN, "mzord": Spell.DOWN}


async def test_a_zone_that_was_deleted_while_nobody_looked_is_gone() -> None:
    here = Here()
    before = ZoneSpells({}, {"mzold": Stand(Spell.UP, 1), "pzOld": Stand(Spell.UP, 1)})
    await here.watch.begin(before, here.steady.now_ms)
    assert await here.spells() == {"mzold": Spell.GONE, "pzOld": Spell.DELETED}


async def test_a_private_zone_that_is_disabled_is_gone_until_it_is_enabled() -> None:
    here = Here()
    here.put("pzOne")
    here.standing = {"pzOne": True}
    assert await here.spells() == {"pzOne": Spell.UP}
    here.standing = {}
    await here.change("pzOne", disabled=True)
    assert await here.spells(5_000) == {"pzOne": Spell.GONE}
    await here.change("pzOne", disabled=False)
    assert await here.spells(5_000) == {"pzOne": Spell.DOWN}
    here.standing = {"pzOne": True}
    assert await here.spells(5_000) == {"pzOne": Spell.UP}


async def test_a_private_zone_that_is_deleted_is_spoken_of_once_more_and_then_forgotten() -> None:
    here = Here()
    here.put("pzOne")
    here.standing = {"pzOne": True}
    await here.step()
    await here.delete("pzOne")
    assert await here.spells() == {"pzOne": Spell.DELETED}
    assert await here.spells(5_000) == {}
    here.standing = {}
    assert await here.spells(5_000) == {}
    assert here.watch.spoken_of == set()


async def test_of_a_zone_that_comes_and_goes_without_a_collector_nothing_is_said() -> None:
    """Or a tenant could make every tick longer, zone by zone."""
    here = Here()
    here.put("pzOne")
    await here.delete("pzOne")
    assert await here.spells() == {}


def test_a_deleted_zone_is_forgotten_an_hour_later() -> None:
    surroundings = Surroundings()
    for spell in (Spell.UP, Spell.DELETED):
        surroundings = surroundings.after(ZoneTurned(0, ZoneId("pzOne"), "prOne", spell))
    surroundings = surroundings.after(ZoneTurned(0, ZoneId("pzTwo"), "prOne", Spell.GONE))
    surroundings = surroundings.after(Tick(3_600_000, "prOne", 0, takes_agents=True))
    assert surroundings.zones.zones(["pzOne", "pzTwo"]).existing == frozenset()
    surroundings = surroundings.after(Tick(3_600_001, "prOne", 0, takes_agents=True))
    assert (set(surroundings.zones.stands), set(surroundings.zones.said)) == ({"pzTwo"}, {"pzTwo"})
