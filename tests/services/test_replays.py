"""A replay of what happened comes to what happened, whatever that was."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tests.fakes.chain import CRITERIA, ZONES, Chain, alarm, changed, check, document, entity, observation, plan
from vedette.domain.documents import Document, Kind
from vedette.domain.happenings import AgentClosed, AgentConnected, Happening, Spell, Tick, ZoneTurned
from vedette.domain.history import DeliveryState
from vedette.domain.ids import AgentId, TenantId, ZoneId
from vedette.domain.timeline import at_of
from vedette.engine.replayed import Step
from vedette.ports.past import Revision
from vedette.ports.unit import Write
from vedette.services.past_configuration import Objects
from vedette.services.replays import Replays, Stores

MINUTE_MS = 60_000
BEGIN_MS = 1_700_000_000_000
STRICT = CRITERIA.replace("'^5'", "'^[345]'")


class KeptRevisions:
    """What was changed or removed, kept by the test."""

    def __init__(self) -> None:
        self.rows: list[Revision] = []

    async def of(self, tenant_id: TenantId, ids: Sequence[str], from_ms: int, limit: int) -> Sequence[Revision]:
        return [one for one in self.rows if one.document.id in ids and one.until_ms > from_ms]

    async def of_kind(self, tenant_id: TenantId, kind: Kind, from_ms: int, limit: int) -> Sequence[Revision]:
        return [one for one in self.rows if one.document.kind is kind and one.until_ms > from_ms]

    def forget_before(self, until_ms: int, limit: int) -> Write:
        raise NotImplementedError


class Days:
    """Random times of an alarm, lived through by the real services."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.chain = Chain()
        self.revisions = KeptRevisions()
        self.now_ms = BEGIN_MS
        self.sick: set[str] = set()
        self.kept = [dated(one) for one in (entity(), check(), alarm(), plan(), plan(key="npTwo", receivers=["ntTwo"]))]
        self.chain.clock.now_ms = BEGIN_MS
        self.chain.put(*self.kept)

    async def live(self, minutes: int) -> None:
        for _ in range(minutes):
            self.now_ms = (self.now_ms // MINUTE_MS + 1) * MINUTE_MS  # windows open and close at these moments only
            if self.random.random() < 0.15:
                self.sick = {zone for zone in ZONES if self.random.random() < 0.5}
            await self._until(self.now_ms)
            if self.random.random() < 0.1:
                spell = self.random.choice(tuple(Spell))
                await self.chain.happen(ZoneTurned(self.now_ms, ZoneId(self.random.choice(ZONES)), "prOne", spell))
            if self.random.random() < 0.1:
                self.now_ms += 1
                self._change()
                await self._until(self.now_ms)
            for zone in self.random.sample(ZONES, self.random.choice((3, 3, 3, 2, 1))):
                await self._see(zone)

    async def _until(self, at_ms: int) -> None:
        """Held tellings are looked at again as soon as anything can have changed."""
        self.chain.clock.now_ms = at_ms
        while await self.chain.evaluator.step():
            pass

    async def _see(self, zone: str) -> None:
        self.now_ms += self.random.randrange(1, 900)
        code = self.random.choice(("500", "503", "404", None)) if zone in self.sick else "200"
        late_ms = self.random.choice((0, 0, 0, 2_000, 70_000))
        more: dict[str, Any] = {"arrival_ms": self.now_ms, "buffers": self.random.random() < 0.5}
        seen = observation(zone, code, self.now_ms - late_ms, check_revision=self._find("chOne").revision, **more)
        self.chain.clock.now_ms = self.now_ms
        for _ in range(self.random.choice((1, 1, 1, 2))):
            await self.chain.observe(seen)

    def _change(self) -> None:
        kind = self.random.choice(("criteria", "plan", "disabled", "zones", "period", "suppress", "lift", "label"))
        match kind:
            case "criteria":
                self._update(
                    "alOne", criteria=self.random.choice((CRITERIA, STRICT, ":set consecutiveCount=2 " + STRICT))
                )
            case "plan":
                self._update("alOne", notification_plan_id=self.random.choice(("npOne", "npTwo")))
            case "disabled":
                key = self.random.choice(("alOne", "chOne"))
                self._update(key, disabled=not msgspec.json.decode(self._find(key).public)["disabled"])
            case "zones":
                self._update("chOne", monitoring_zones_poll=self.random.sample(ZONES, self.random.choice((2, 3))))
            case "period":
                self._update("chOne", period=self.random.choice((60, 90)))
            case "label":
                self._update("enOne", label=f"label {self.now_ms}")
            case "suppress":
                self._suppress()
            case "lift":
                self._lift()

    def _find(self, key: str) -> Document:
        return next(one for one in self.kept if one.id == key)

    def _update(self, key: str, **public: Any) -> None:
        before = self._find(key)
        if msgspec.json.decode(before.public).items() >= public.items():
            return  # a change that changes no value is none
        after = dated(changed(before, **public), before.created_at, self.now_ms)
        self.kept[self.kept.index(before)] = after
        self.chain.put(after)
        self.revisions.rows.append(Revision(before, self.now_ms))

    def _suppress(self) -> None:
        lists: dict[str, list[str]] = {"notification_plans": [], "entities": [], "checks": [], "alarms": []}
        listed = self.random.choice(({"entities": ["enOne"]}, {"notification_plans": ["npOne"]}))
        minute_ms = self.now_ms // MINUTE_MS * MINUTE_MS
        start_ms = self.random.choice((self.now_ms, minute_ms + MINUTE_MS * self.random.randrange(1, 4)))
        end_ms = minute_ms + MINUTE_MS * self.random.randrange(4, 30)
        times = {"start_time": start_ms, "end_time": end_ms, "recurrence": None, "timezone": None}
        made = dated(document(Kind.SUPPRESSION, f"sp{self.now_ms}", {**lists, **listed, **times}), self.now_ms)
        self.kept.append(made)
        self.chain.put(made)

    def _lift(self) -> None:
        for one in [one for one in self.kept if one.kind is Kind.SUPPRESSION][:1]:
            self.kept.remove(one)
            self.chain.database.commit_now(self.chain.documents.remove(one))
            self.revisions.rows.append(Revision(one, self.now_ms))

    def replays(self) -> Replays:
        chain = self.chain
        return Replays(
            Stores(
                past=chain.past,
                revisions=self.revisions,
                documents=chain.documents,
                changelogs=chain.changelogs,
                outbox=chain.outbox,
                memory=chain.memory,
            ),
            confirm_after_ms=0,
        )

    @property
    def objects(self) -> Objects:
        return Objects(entity=self._find("enOne"), check=self._find("chOne"), alarm=self._find("alOne"))


def dated(one: Document, created_at: int = BEGIN_MS, updated_at: int | None = None) -> Document:
    return msgspec.structs.replace(one, created_at=created_at, updated_at=updated_at or created_at)


async def steps_of(days: Days, from_ms: int) -> list[Step]:
    replays = days.replays()
    running = await replays.begin(days.objects, from_ms)
    return [step async for step in replays.steps(running, "chOne", days.now_ms + 1)]


@pytest.mark.parametrize("seed", range(25))
async def test_a_replay_from_the_beginning_agrees_with_what_was_decided_and_told(seed: int) -> None:
    days = Days(seed)
    await days.live(120)

    steps = await steps_of(days, BEGIN_MS)

    changes = [
        (step.at_ms, step.change.previous, step.change.state, step.change.status, step.change.reason, step.change.votes)
        for step in steps
        if step.change is not None
    ]
    recorded = [
        (one.at_ms, one.previous_state, one.state, one.status, one.reason, one.votes)
        for one in days.chain.changelogs.all()
    ]
    assert changes == recorded
    told = [(one.plan_id, one.previous, one.state, one.status, one.changed_ms) for step in steps for one in step.told]
    deliveries = [one for one in days.chain.outbox.all() if one.delivery_state is not DeliveryState.SUPPRESSED]
    assert told == [(one.plan_id, one.previous_state, one.state, one.status, one.at_ms) for one in deliveries]
    withheld = [(step.at_ms, step.withheld.suppressions) for step in steps if step.withheld is not None]
    assert withheld == [(one.at_ms, one.suppressions) for one in days.chain.suppression_logs.all()]


@pytest.mark.parametrize("seed", range(100, 110))
async def test_a_replay_begun_in_the_middle_finds_the_same_pages(seed: int) -> None:
    days = Days(seed)
    await days.live(300)
    from_ms = BEGIN_MS + 100 * MINUTE_MS

    steps = [step for step in await steps_of(days, from_ms) if step.at_ms >= from_ms]

    told = [(one.plan_id, one.state, one.changed_ms) for step in steps for one in step.told]
    deliveries = [one for one in days.chain.outbox.all() if one.delivery_state is not DeliveryState.SUPPRESSED]
    assert told == [(one.plan_id, one.state, one.at_ms) for one in deliveries if at_of(one.key) >= from_ms]


async def test_a_zone_stands_in_a_replay_as_the_best_that_living_processes_say_of_it() -> None:
    """Of two processes one has no collectors: after its start it says so, and means itself. Then the other one dies."""
    days = Days(0)
    chain = days.chain

    async def tick(at_s: int, *processes: str) -> None:
        at_ms = BEGIN_MS + at_s * 1000
        await chain.happen(*(Tick(at_ms, process, at_ms, takes_agents=True) for process in processes))

    async def say(process: str, spell: Spell, at_s: int) -> None:
        await chain.happen(*(ZoneTurned(BEGIN_MS + at_s * 1000, ZoneId(zone), process, spell) for zone in ZONES))

    async def see(code: str, at_s: int) -> None:
        for nth, zone in enumerate(ZONES):
            await chain.observe(observation(zone, code, BEGIN_MS + at_s * 1000 + nth))

    await say("prOne", Spell.UP, 0)
    await tick(1, "prOne")
    await say("prTwo", Spell.UP, 2)
    await say("prTwo", Spell.DOWN, 12)
    for at_s in range(15, 120, 5):
        await tick(at_s, "prOne", "prTwo")
    await see("200", 121)
    await see("500", 181)
    for at_s in range(185, 205, 5):  # the first one no longer ticks
        await tick(at_s, "prTwo")
    days.now_ms = BEGIN_MS + 205_000

    steps = await steps_of(days, BEGIN_MS)

    assert [step.change.state.value for step in steps if step.change] == ["OK", "CRITICAL"] == chain.states
    running = await days.replays().begin(days.objects, days.now_ms)
    async for _ in days.replays().steps(running, "chOne", days.now_ms):
        pass
    assert running.replay.electorate is not None
    assert running.replay.electorate.up == ()


class Host:
    """An agent with one check, its connection, and the process that it is connected to."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.chain.clock.now_ms = BEGIN_MS
        remote: dict[str, Any] = {"monitoring_zones_poll": None, "target_alias": None, "timeout": None}
        self.kept = [
            dated(changed(entity(), agent_id="host")),
            dated(check(type="agent.memory", details={}, **remote)),
            dated(alarm(criteria="return new AlarmStatus(OK, 'fine');")),
        ]
        self.chain.put(*self.kept, plan())

    async def live(
        self, silent: Sequence[range], seconds: int, closes_at: int, deaf: range, also: Happening | None = None
    ) -> None:
        """It reports every minute but while it is silent; the process ticks but while it is deaf."""
        opened = AgentConnected(BEGIN_MS, self.kept[0].tenant_id, AgentId("host"), "prOne", "cnOne", is_fast=False)
        await self.chain.happen(opened, *([] if also is None else [also]))
        for at_s in range(0, seconds, 5):
            at_ms = BEGIN_MS + at_s * 1000
            if at_s == closes_at:
                gone = AgentClosed(at_ms, self.kept[0].tenant_id, AgentId("host"), "cnOne", at_ms)
                await self.chain.happen(gone)
            if at_s % 60 == 0 and not any(at_s in stretch for stretch in silent):
                seen = observation(None, "200", at_ms, check_type="agent.memory", sender="host:g")
                await self.chain.observe(msgspec.structs.replace(seen, check_revision=0))
            if at_s not in deaf:
                await self.chain.happen(Tick(at_ms, "prOne", at_ms, takes_agents=True))

    async def replayed(self, from_s: int, to_s: int) -> list[Step]:
        chain = self.chain
        stores = Stores(
            past=chain.past, revisions=KeptRevisions(), documents=chain.documents, changelogs=chain.changelogs,
            outbox=chain.outbox, memory=chain.memory,
        )  # fmt: skip
        replays = Replays(stores, confirm_after_ms=0)
        objects = Objects(entity=self.kept[0], check=self.kept[1], alarm=self.kept[2])
        running = await replays.begin(objects, BEGIN_MS + from_s * 1000)
        return [step async for step in replays.steps(running, "chOne", BEGIN_MS + to_s * 1000)]


async def test_silence_of_an_agent_is_found_again() -> None:
    """Silent twice: the second time while its process could not have heard it, which puts it off."""
    host = Host()
    await host.live([range(600, 1500), range(2400, 4000)], 4200, closes_at=2500, deaf=range(2520, 2700))

    steps = await host.replayed(0, 4200)

    recorded = [(one.at_ms, one.state, one.status) for one in host.chain.changelogs.all()]
    assert [status for _, _, status in recorded] == [
        "fine", "No data received for 240 seconds", "fine", "Agent disconnected", "fine"
    ]  # fmt: skip
    assert [(step.at_ms, step.change.state, step.change.status) for step in steps if step.change] == recorded


async def test_an_agent_of_another_tenant_by_the_same_name_has_no_part_in_a_replay() -> None:
    """Were it taken for ours, its feature would make our limit 112 s."""
    host = Host()
    stranger = AgentConnected(BEGIN_MS, TenantId("acCharlie"), AgentId("host"), "prOne", "cnFar", is_fast=True)
    await host.live([range(600, 1500)], 1800, closes_at=-1, deaf=range(0), also=stranger)

    steps = await host.replayed(0, 1800)

    found = [(step.at_ms, step.change.state, step.change.status) for step in steps if step.change]
    assert found == [(one.at_ms, one.state, one.status) for one in host.chain.changelogs.all()]
    assert "No data received for 240 seconds" in [status for _, _, status in found]


async def test_silence_is_found_by_a_replay_that_begins_late() -> None:
    host = Host()
    await host.live([range(3600, 4200)], 4800, closes_at=-1, deaf=range(0))

    steps = await host.replayed(3500, 4800)

    late_ms = BEGIN_MS + 3_500_000
    recorded = [(one.at_ms, one.state, one.status) for one in host.chain.changelogs.all() if one.at_ms >= late_ms]
    found = [(step.at_ms, step.change.state, step.change.status) for step in steps if step.change]
    assert [state.value for _, state, _ in recorded] == ["CRITICAL", "OK"]
    assert found == recorded
