"""Confirm rounds over a real SQLite file: what is kept, who is asked, and what a round brings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from tests.fakes.chain import ALICE, ZONES, alarm, all_up, changed, check, entity, notification, observation, plan
from tests.fakes.chance import FakeClock, FakeEntropy
from tests.fakes.keyring import FakeKeyring
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.domain.documents import Document, Kind
from vedette.domain.happenings import Spell, ZoneTurned
from vedette.domain.history import Delivery, StateChange
from vedette.domain.ids import CheckId, TenantId, ZoneId
from vedette.engine.confirm import Round
from vedette.ports.accounts import Tenant
from vedette.ports.history import Span
from vedette.ports.probing import Confirmation
from vedette.ports.unit import Commit, Conflict, StoreUnavailable, Write
from vedette.services import evaluate
from vedette.services.confirming import Means, Rounds
from vedette.services.evaluate import Evaluator
from vedette.services.ingest import Ingest
from vedette.services.watched import WatchedChecks

A, B, C = ZONES
EVERYTHING = Span(first=bytes(16), last=b"\xff" * 16, marker=None, limit=1000)
ONCE = """:set consistencyLevel=ONE
if (metric['code'] regex '^5') { return new AlarmStatus(CRITICAL, 'HTTP #{code}'); }"""


class Process:
    """One evaluating process over a store; `asked` is what it asked collectors for."""

    def __init__(self, kept: Stores, clock: FakeClock, steady: FakeClock, commit: Commit, after_ms: int = 5000) -> None:
        self.asked: list[tuple[ZoneId, Confirmation]] = []
        self.evaluator = Evaluator(
            evaluate.Stores(
                observations=kept.observations,
                past=kept.past,
                alarm_states=kept.alarm_states,
                memory=kept.memory,
                silence_timers=kept.silence_timers,
                changelogs=kept.changelogs,
                suppression_logs=kept.suppression_logs,
                outbox=kept.outbox,
                documents=kept.documents,
                commit=commit,
            ),
            WatchedChecks(kept.documents, FakeKeyring()),
            FakeEntropy(),
            lambda: None,
            clock,
        )
        means = Means(
            after_ms=after_ms,
            can=lambda: frozenset(ZONES),
            ask=lambda zone_id, asked: self.asked.append((zone_id, asked)),
            clock=clock,
            steady_ms=steady,
        )
        self.evaluator.confirm(Rounds(kept.confirm_rounds, means))

    async def run(self) -> None:
        while await self.evaluator.step():
            pass

    @property
    def asks(self) -> list[tuple[str, str, int]]:
        """(zone, round, in milliseconds) since the last look."""
        asked, self.asked = self.asked, []
        return [(zone, one.round_id, one.in_ms) for zone, one in asked]


class Stage:
    """Alice's check, alarm, plan and webhook in a database, and the processes that evaluate."""

    def __init__(self, kept: Stores) -> None:
        self.kept = kept
        self.clock = FakeClock()
        self.steady = FakeClock(1_000_000)
        self.base_ms = self.clock.now_ms
        self.ingest = Ingest(kept.observations, kept.commit, lambda: None)
        self.process = self.a_process()

    def a_process(self, commit: Commit | None = None, after_ms: int = 5000) -> Process:
        return Process(self.kept, self.clock, self.steady, commit or self.kept.commit, after_ms)

    async def put(self, *documents: Document) -> None:
        for stored in documents:
            before = await self.kept.documents.find(ALICE, stored.kind, stored.id)
            if before is None:
                await self.kept.commit(self.kept.documents.add(stored))
            else:
                await self.kept.commit(self.kept.documents.update(stored, before.revision))

    def wait_until(self, at_s: float) -> None:
        """Both clocks go on."""
        ahead_ms = self.base_ms + round(at_s * 1000) - self.clock.now_ms
        self.clock.now_ms += ahead_ms
        self.steady.now_ms += ahead_ms

    async def take(self, zone: str, code: str | None, at_s: float, round_id: str = "", took_ms: int = 100) -> None:
        """Ingests what a zone saw; its probe ended and it arrived at a moment."""
        self.wait_until(at_s)
        await self.ingest([observation(zone, code, self.clock.now_ms, round_id=round_id, took_ms=took_ms)])

    async def see(self, zone: str, code: str | None, at_s: float, round_id: str = "", took_ms: int = 100) -> None:
        await self.take(zone, code, at_s, round_id, took_ms)
        await self.process.run()

    async def is_fine(self) -> None:
        """All zones have seen that the target is up, and the round of the first state is long over."""
        for zone in ZONES:
            await self.see(zone, "200", -90)
        for zone in ZONES:
            await self.see(zone, "200", -30)
        self.process.asked.clear()

    async def rounds(self) -> list[Round]:
        return [kept.round for kept in await self.kept.confirm_rounds.all()]

    async def the_round(self) -> Round:
        [latest] = await self.rounds()
        return latest

    async def changes(self) -> list[StateChange]:
        """Oldest first, without the first."""
        return sorted(await self.kept.changelogs.list(ALICE, None, EVERYTHING), key=lambda change: change.key)[1:]

    async def states(self) -> list[str]:
        return [change.state.value for change in await self.changes()]

    async def deliveries(self) -> Sequence[Delivery]:
        return await self.kept.outbox.history(ALICE, "alOne", None, EVERYTHING)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    database = SqliteDatabase(tmp_path / "vedette.db")
    await database.start()
    kept = stores(database)
    await kept.commit(kept.accounts.add_tenant(Tenant(id=TenantId(ALICE), created_at=0)))
    made = Stage(kept)
    await made.put(notification(), plan(), entity(), check(), alarm())
    await kept.commit(kept.memory.keep(all_up()))
    yield made
    await database.stop()


async def test_a_vote_against_the_state_asks_every_zone_once_more(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    latest = await stage.the_round()
    assert latest.asked == tuple(ZONES)
    assert latest.until_ms - latest.began_ms == 5_000 + 30_000 + 5_000
    assert stage.process.asks == [(zone, latest.id, 5000) for zone in ZONES]
    assert await stage.states() == []


async def test_a_fault_that_lasts_pages_once_when_enough_zones_bear_it_out(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    latest = await stage.the_round()
    await stage.see(B, "503", 1)
    await stage.see(C, "200", 5.1, latest.id)
    await stage.see(A, "503", 5.2, latest.id)
    assert await stage.states() == []
    await stage.see(B, "503", 5.3, latest.id)
    [change] = await stage.changes()
    assert (change.state, change.status, change.analyzed_by) == ("CRITICAL", "HTTP 503", B)
    assert len(await stage.deliveries()) == 1
    assert (await stage.the_round()).has_ended


async def test_a_fault_shorter_than_that_pages_nobody(stage: Stage) -> None:
    await stage.is_fine()
    for number, zone in enumerate(ZONES):
        await stage.see(zone, "503", number)
    latest = await stage.the_round()
    for number, zone in enumerate(ZONES):
        await stage.see(zone, "200", 5.1 + number, latest.id)
    assert await stage.states() == []
    assert await stage.deliveries() == []


async def test_nobody_is_asked_before_the_round_is_on_disk(stage: Stage) -> None:
    await stage.is_fine()

    async def fails(*_: Write) -> None:
        raise StoreUnavailable("the disk is full")

    process = stage.a_process(fails)
    await stage.take(A, "503", 0)
    with pytest.raises(StoreUnavailable):
        await process.evaluator.step()
    assert process.asked == []
    assert all(one.has_ended for one in await stage.rounds())


async def test_another_process_goes_on_with_a_round_and_asks_again_who_has_not_answered(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    latest = await stage.the_round()
    stage.wait_until(3)
    stage.process = stage.a_process()
    await stage.process.run()
    assert stage.process.asks == [(zone, latest.id, 2000) for zone in ZONES]
    await stage.see(A, "503", 5.1, latest.id)

    stage.wait_until(6)
    stage.process = stage.a_process()
    await stage.process.run()
    assert stage.process.asks == [(zone, latest.id, 0) for zone in (B, C)]
    await stage.see(B, "503", 6.1, latest.id)
    assert await stage.states() == ["CRITICAL"]


async def test_who_does_not_answer_is_asked_again_until_the_round_ends(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    latest = await stage.the_round()
    await stage.see(A, "503", 5.1, latest.id)
    await stage.see(B, "200", 5.2, latest.id)
    stage.process.asked.clear()
    for second in range(6, 60):
        stage.wait_until(second)
        await stage.process.run()
    asks = stage.process.asks
    assert {zone for zone, _, _ in asks} == {C}
    assert 10 < len(asks) < 20


async def test_the_end_of_a_round_decides_without_those_that_have_not_answered(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "500", 1)
    await stage.see(C, "200", 5.1, (await stage.the_round()).id)
    stage.wait_until(39.9)
    await stage.process.run()
    assert await stage.states() == []
    stage.wait_until(40)
    await stage.process.run()
    [change] = await stage.changes()
    assert (change.state, change.status, change.analyzed_by) == ("CRITICAL", "HTTP 500", B)
    assert change.at_ms == stage.clock.now_ms
    [delivery] = await stage.deliveries()
    details = msgspec.json.decode(delivery.payload)["details"]
    assert (details["metrics"]["code"]["data"], details["timestamp"]) == ("500", stage.base_ms + 1000)


async def test_rounds_end_in_their_time_though_there_is_always_something_to_evaluate(stage: Stage) -> None:
    """Observations of other checks, as a busy server has them at every step."""
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "500", 1)
    for second in range(2, 62):
        stage.wait_until(second)
        other = msgspec.structs.replace(observation(A, "200", stage.clock.now_ms), check_id=CheckId("chOther"))
        await stage.ingest([other])
        assert await stage.process.evaluator.step()
        if second == 39:
            assert await stage.states() == []
            assert len([one for one in stage.process.asks if one[0] == C]) > 10
    assert await stage.states() == ["CRITICAL"]
    assert await stage.rounds() == []


async def test_an_observation_that_finds_a_round_overdue_is_decided_after_its_end(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "500", 1)
    await stage.take(C, "503", 41)
    await stage.process.run()
    [change] = await stage.changes()
    assert (change.analyzed_by, change.at_ms) == (B, stage.base_ms + 40_000)


async def test_a_round_ends_in_its_time_though_our_clock_is_set_back(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "500", 1)
    stage.clock.now_ms -= 3_600_000
    stage.steady.now_ms += 39_000
    await stage.process.run()
    assert await stage.states() == ["CRITICAL"]


async def test_a_round_read_by_a_process_whose_clock_is_behind_lasts_no_longer_than_a_round(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "500", 1)
    stage.clock.now_ms -= 3_600_000
    stage.process = stage.a_process()
    await stage.process.run()
    assert {in_ms for _, _, in_ms in stage.process.asks} == {5000}
    stage.steady.now_ms += 40_000
    await stage.process.run()
    assert await stage.states() == ["CRITICAL"]


async def test_the_last_answer_ends_a_round_though_it_is_not_evaluated(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "500", 1)
    latest = await stage.the_round()
    for number, zone in enumerate(ZONES):
        blind = observation(zone, None, stage.base_ms + 5100 + number, round_id=latest.id, is_blind=True)
        await stage.ingest([blind])
    await stage.process.run()
    [change] = await stage.changes()
    assert (change.state, change.status) == ("CRITICAL", "HTTP 500")


async def test_a_round_is_for_all_alarms_of_the_check_that_take_part(stage: Stage) -> None:
    await stage.put(
        changed(alarm(key="alTwo"), criteria="if (metric['code'] != '200') { return WARNING }"),
        changed(alarm(key="alThree"), criteria=ONCE),
    )
    await stage.is_fine()
    before = await stage.changes()
    await stage.see(A, "503", 0)
    latest = await stage.the_round()
    assert len(stage.process.asks) == 3
    after = (await stage.changes())[len(before) :]
    assert [(change.alarm_id, change.state) for change in after] == [("alThree", "CRITICAL")]
    await stage.see(A, "200", 5.1, latest.id)
    await stage.see(B, "503", 5.2, latest.id)
    await stage.see(C, "503", 5.3, latest.id)
    after = (await stage.changes())[len(before) :]
    assert sorted((change.alarm_id, change.state) for change in after) == [
        ("alOne", "CRITICAL"),
        ("alThree", "CRITICAL"),  # not OK at 5.1: what the round saw is points only for it
        ("alTwo", "WARNING"),
    ]


async def test_the_votes_kept_with_a_change_say_which_of_them_counted(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    latest = await stage.the_round()
    await stage.see(C, "503", 4)
    await stage.see(A, "503", 5.1, latest.id)
    await stage.see(B, "503", 5.2, latest.id)
    [change] = await stage.changes()
    assert {zone: vote["counted"] for zone, vote in change.votes.items()} == {A: True, B: True, C: False}


async def test_a_zone_that_goes_down_in_a_round_does_not_let_earlier_votes_decide(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "503", 1)
    stage.wait_until(2)
    down = ZoneTurned(stage.clock.now_ms, ZoneId(C), "prOne", Spell.DOWN)
    await stage.kept.commit(stage.kept.observations.append([down]))
    await stage.process.run()
    assert await stage.states() == []
    latest = await stage.the_round()
    await stage.see(A, "503", 5.1, latest.id)
    await stage.see(B, "503", 5.2, latest.id)
    assert await stage.states() == ["CRITICAL"]


async def test_two_processes_tell_once_and_hold_one_round(stage: Stage) -> None:
    await stage.is_fine()
    other = stage.a_process()
    await other.run()
    await stage.take(A, "503", 0)
    await stage.process.run()
    await other.run()
    latest = await stage.the_round()
    await stage.take(B, "503", 1)
    await other.run()
    await stage.process.run()
    stage.wait_until(40)
    for process in (stage.process, other, stage.process):
        await process.run()
    assert (await stage.the_round()).id == latest.id
    assert await stage.states() == ["CRITICAL"]
    assert len(await stage.deliveries()) == 1


async def test_two_processes_that_make_each_other_start_over_do_not_ask_over_and_over(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    latest = await stage.the_round()
    asked_at = []
    for tenth in range(1, 60):
        await stage.see(A, "503", tenth / 10)
        other = stage.a_process()
        await stage.take(B, "200", tenth / 10 + 0.05)
        await other.run()  # so that this process finds its cursor moved
        await stage.process.run()
        asked_at += [tenth / 10 for _, round_id, _ in stage.process.asks if round_id == latest.id]
    assert 3 < len(asked_at) <= 3 * 4


async def test_a_process_that_loses_the_race_for_the_end_of_a_round_starts_over(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "503", 1)
    races: list[Commit] = [stage.kept.commit]

    async def loses(*writes: Write) -> None:
        if races:
            races.pop()
            raise Conflict("confirm_round")
        await stage.kept.commit(*writes)

    process = stage.a_process(loses)
    await process.run()
    stage.wait_until(40)
    await process.run()
    assert await stage.states() == []
    await process.run()
    assert await stage.states() == ["CRITICAL"]


async def test_a_round_is_forgotten_when_another_one_may_begin(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    latest = await stage.the_round()
    for number, zone in enumerate(ZONES):
        await stage.see(zone, "200", 5.1 + number, latest.id)
    stage.wait_until(59.9)
    await stage.process.run()
    assert await stage.rounds() != []
    stage.wait_until(60)
    await stage.process.run()
    assert await stage.rounds() == []


async def test_another_round_follows_one_that_was_not_forgotten_yet(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    first = await stage.the_round()
    for number, zone in enumerate(ZONES):
        await stage.see(zone, "200", 5.1 + number, first.id)
    await stage.take(A, "503", 60)
    await stage.process.run()
    second = await stage.the_round()
    assert second.began_ms - first.began_ms == 60_000
    assert second.answered == ()


@pytest.mark.parametrize("seconds", [40, 60])
async def test_the_round_of_a_check_that_is_deleted_goes_with_its_time(stage: Stage, seconds: int) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    gone = await stage.kept.documents.find(ALICE, Kind.CHECK, "chOne")
    assert gone is not None
    await stage.kept.commit(stage.kept.documents.remove(gone))
    await stage.see(B, "503", 5.1, (await stage.the_round()).id)
    stage.wait_until(seconds)
    await stage.process.run()
    stage.wait_until(60)
    await stage.process.run()
    assert await stage.rounds() == []


async def test_without_confirm_after_votes_count_at_once(stage: Stage) -> None:
    stage.process = stage.a_process(after_ms=0)
    await stage.is_fine()
    await stage.see(A, "503", 0)
    await stage.see(B, "503", 0.1)
    assert await stage.states() == ["CRITICAL"]
    assert stage.process.asked == []
    assert await stage.rounds() == []


async def test_a_round_under_way_ends_though_there_are_to_be_none_any_more(stage: Stage) -> None:
    await stage.is_fine()
    await stage.see(A, "503", 0)
    stage.process = stage.a_process(after_ms=0)
    await stage.see(B, "503", 1)
    assert await stage.states() == []
    stage.wait_until(40)
    await stage.process.run()
    assert await stage.states() == ["CRITICAL"]
