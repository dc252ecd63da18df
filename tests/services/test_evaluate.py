from __future__ import annotations

import msgspec

from tests.fakes.chain import ALICE, CHARLIE, Chain, alarm, changed, check, entity, notification, observation, plan
from tests.fakes.stores import FakeAlarmStates
from vedette.domain.happenings import Spell
from vedette.domain.states import State
from vedette.engine.states import AlarmState


async def a_chain() -> Chain:
    chain = Chain()
    chain.put_all()
    return chain


async def test_the_first_decision_writes_a_changelog_entry_and_a_first_ok_pages_nobody() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    [change] = chain.changelogs.all()
    assert (change.previous_state, change.state, change.status, change.reason) == (
        State.UNKNOWN,
        State.OK,
        "fine",
        "CHANGED",
    )
    assert chain.outbox.all() == []


async def test_a_quorum_against_the_state_is_one_change_and_one_delivery_a_receiver() -> None:
    chain = await a_chain()
    chain.put(changed(plan(), critical_state=["ntOne", "ntTwo", "ntOne"]))
    await chain.see("200", 0)
    await chain.see("503", 60)
    assert chain.states == ["OK", "CRITICAL"]
    deliveries = chain.outbox.all()
    assert [delivery.notification_id for delivery in deliveries] == ["ntOne", "ntTwo"]
    assert {delivery.event_id for delivery in deliveries} == {
        f"acAlice:enOne:alOne:chOne:{chain.clock.now_ms + 60_010}:CRITICAL"
    }
    assert chain.changelogs.all()[-1].analyzed_by == "mzord"


async def test_one_zone_against_the_others_changes_nothing() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw"])
    assert chain.states == ["OK"]


async def test_the_votes_are_kept_as_evidence_with_the_change() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw", "mzord"])
    votes = chain.changelogs.all()[-1].votes
    assert {zone: vote["state"] for zone, vote in votes.items()} == {
        "mzdfw": "CRITICAL",
        "mzord": "CRITICAL",
        "mzlon": "OK",
    }
    assert votes["mzord"] == {
        "state": "CRITICAL",
        "status": "HTTP 503",
        "timestamp": chain.clock.now_ms + 60_010,
        "run": ["CRITICAL"],
        "counted": True,
    }


async def test_the_previous_state_in_an_event_is_the_one_last_told_to_that_plan() -> None:
    chain = await a_chain()
    await chain.see("503", 0)
    await chain.see("404", 60)
    await chain.see("200", 120)
    await chain.dispatch()
    assert chain.told == [("OK", "CRITICAL"), ("CRITICAL", "WARNING"), ("WARNING", "OK")]


async def test_a_plan_that_the_alarm_left_while_it_was_critical_is_told_the_next_ok() -> None:
    chain = await a_chain()
    chain.put(plan(key="npTwo", receivers=["ntTwo"]), notification(key="ntTwo"))
    await chain.see("503", 0)
    chain.put(changed(alarm(), notification_plan_id="npTwo"))
    await chain.see("503", 60)
    await chain.see("200", 120)
    told = [(delivery.plan_id, delivery.state, delivery.at_ms - chain.clock.now_ms) for delivery in chain.outbox.all()]
    assert told[:2] == [("npOne", "CRITICAL", 10), ("npTwo", "CRITICAL", 10)]
    assert sorted(told[2:]) == [("npOne", "OK", 120_010), ("npTwo", "OK", 120_010)]


async def test_the_built_in_plans_bring_a_changelog_entry_and_no_delivery() -> None:
    for built_in in ("npTechnicalContactsEmail", "npManaged"):
        chain = await a_chain()
        chain.put(changed(alarm(), notification_plan_id=built_in))
        await chain.see("503", 0)
        assert chain.states == ["CRITICAL"]
        assert chain.outbox.all() == []


async def test_the_built_in_notification_in_a_plan_is_passed_over() -> None:
    chain = await a_chain()
    chain.put(changed(plan(), critical_state=["ntTechnicalContactsEmail", "ntOne"]))
    await chain.see("503", 0)
    assert [delivery.notification_id for delivery in chain.outbox.all()] == ["ntOne"]


async def test_a_disabled_alarm_or_check_is_not_evaluated() -> None:
    for disabled in (changed(alarm(), disabled=True), changed(check(), disabled=True)):
        chain = await a_chain()
        chain.put(disabled)
        await chain.see("503", 0)
        assert chain.states == []


async def test_enabling_again_clears_votes_and_keeps_the_state() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 10, ["mzdfw"])
    off = changed(alarm(), disabled=True)
    chain.put(off)
    chain.put(changed(off, disabled=False))
    await chain.see("503", 20, ["mzord"])
    assert chain.states == ["OK"]
    await chain.see("503", 70, ["mzdfw"])
    assert chain.states == ["OK", "CRITICAL"]


async def test_enabling_while_nobody_evaluated_clears_votes_too() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 10, ["mzdfw"])
    off = changed(check(), disabled=True)
    chain.put(off, changed(off, disabled=False))
    chain.start()
    await chain.observe(observation("mzord", "503", chain.clock.now_ms + 20_000, check_revision=3))
    assert chain.states == ["OK"]


async def test_a_new_label_clears_nothing() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw"])
    chain.put(changed(alarm(), label="another"))
    await chain.see("503", 70, ["mzord"])
    assert chain.states == ["OK", "CRITICAL"]


async def test_new_criteria_clear_votes_and_keep_the_state() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw"])
    chain.put(changed(alarm(), criteria="return CRITICAL"))
    await chain.see("200", 70, ["mzord"])
    assert chain.states == ["OK"]
    await chain.see("200", 120, ["mzdfw"])
    assert chain.states == ["OK", "CRITICAL"]


async def test_another_address_behind_the_target_alias_clears_votes() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw"])
    chain.put(changed(entity(), ip_addresses={"default": "127.0.0.2"}))
    await chain.see("503", 70, ["mzord"])
    assert chain.states == ["OK"]


async def test_an_observation_made_under_an_earlier_revision_of_the_check_is_a_point_only() -> None:
    chain = await a_chain()
    chain.put(changed(check(), period=120))
    await chain.see("503", 0)
    assert chain.states == []
    assert len(chain.database.table("log")) == 3


async def test_the_hot_path_reads_neither_configuration_nor_states() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    reads = chain.documents.reads, chain.alarm_states.reads
    for minute in range(1, 10):
        await chain.see("200", 60 * minute)
    assert (chain.documents.reads, chain.alarm_states.reads) == reads


async def test_a_new_alarm_on_a_check_under_watch_is_evaluated() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    chain.put(alarm(key="alTwo", criteria="return WARNING"))
    await chain.see("200", 60)
    assert chain.states == ["OK", "WARNING"]


async def test_a_restart_goes_on_from_the_cursor_and_evaluates_nothing_twice() -> None:
    chain = await a_chain()
    await chain.see("503", 0)
    chain.start()
    assert not await chain.evaluator.step()
    await chain.see("200", 60)
    assert chain.states == ["CRITICAL", "OK"]
    assert len(chain.outbox.all()) == 2


async def test_observations_taken_before_a_crash_are_evaluated_after_it() -> None:
    chain = await a_chain()
    now = chain.clock.now_ms
    await chain.ingest([observation(zone, "503", now + n) for n, zone in enumerate(("mzdfw", "mzord"))])
    chain.start()
    await chain.observe()
    assert chain.states == ["CRITICAL"]


async def test_two_evaluators_at_once_decide_once() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    first = chain.evaluator
    chain.start()
    second = chain.evaluator
    assert not await second.step()
    now = chain.clock.now_ms + 60_000
    await chain.ingest([observation(zone, "503", now + n) for n, zone in enumerate(("mzdfw", "mzord"))])
    assert await first.step()
    assert await second.step()
    assert not await second.step()
    assert not await first.step()
    assert chain.states == ["OK", "CRITICAL"]
    assert len(chain.outbox.all()) == 1


async def test_losing_the_race_for_the_cursor_undoes_the_whole_batch() -> None:
    chain = await a_chain()
    await chain.ingest([observation(zone, "503", chain.clock.now_ms + n) for n, zone in enumerate(("mzdfw", "mzord"))])
    first = chain.evaluator
    chain.start()

    def the_other_is_faster() -> None:
        chain.database.commit_now(chain.observations.advance("evaluate", 0, 2))

    chain.database.before_commit = the_other_is_faster
    assert await first.step()
    assert chain.changelogs.all() == []
    assert chain.outbox.all() == []
    assert not await first.step()


async def test_a_check_deleted_meanwhile_does_not_hold_up_the_others() -> None:
    chain = await a_chain()
    chain.put(check(key="chTwo"), alarm(key="alTwo", check_id="chTwo", criteria="return CRITICAL"))
    now = chain.clock.now_ms
    batch = [observation(zone, "503", now + n) for n, zone in enumerate(("mzdfw", "mzord"))]
    await chain.ingest([*batch, *(msgspec.structs.replace(one, check_id="chTwo") for one in batch)])
    doomed = chain.database.table("documents")["chTwo"]
    chain.database.before_commit = lambda: chain.database.commit_now(chain.documents.remove(doomed))
    await chain.observe()
    assert [change.alarm_id for change in chain.changelogs.all()] == ["alOne"]


async def test_an_observation_that_never_goes_through_is_left_behind() -> None:
    chain = await a_chain()
    chain.put(check(key="chTwo"), alarm(key="alTwo", check_id="chTwo", criteria="return CRITICAL"))
    chain.alarm_states = StaleReads(chain.database)
    chain.start()
    now = chain.clock.now_ms
    poison = msgspec.structs.replace(observation("mzdfw", "503", now), check_id="chTwo")
    await chain.observe(poison, *(observation(zone, "503", now + n) for n, zone in enumerate(("mzdfw", "mzord"))))
    assert [change.alarm_id for change in chain.changelogs.all()] == ["alOne"]


class StaleReads(FakeAlarmStates):
    """Says of one alarm what is not so, as a damaged store may: its compare-and-set never holds."""

    async def find(self, alarm_id: str) -> AlarmState | None:
        if alarm_id == "alTwo":
            return AlarmState(alarm_id=alarm_id, tenant_id=ALICE, revision=7)
        return await super().find(alarm_id)


async def test_observations_of_another_tenant_do_not_reach_the_alarm() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    now = chain.clock.now_ms + 60_000
    forged = [observation(zone, "503", now + n, tenant_id=CHARLIE) for n, zone in enumerate(("mzdfw", "mzord"))]
    await chain.observe(*forged)
    assert chain.states == ["OK"]


async def test_zones_that_are_down_do_not_vote() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.turn("mzord", Spell.DOWN, 30)
    await chain.turn("mzlon", Spell.BLIND, 31)
    await chain.see("503", 60)
    assert chain.states == ["OK"]


async def test_changes_of_one_alarm_are_told_in_order_even_within_one_millisecond() -> None:
    chain = await a_chain()
    criteria = ":set consistencyLevel=ONE if (metric['code'] != '200') { return CRITICAL }"
    chain.put(changed(alarm(), criteria=criteria))
    now = chain.clock.now_ms
    await chain.observe(
        observation("mzdfw", "503", now), observation("mzord", "200", now), observation("mzlon", "503", now)
    )
    assert chain.states == ["CRITICAL", "OK", "CRITICAL"]
    assert [delivery.state for delivery in chain.outbox.all()] == ["CRITICAL", "OK", "CRITICAL"]


async def test_secrets_of_a_check_are_part_of_what_votes_were_made_under() -> None:
    chain = await a_chain()
    sealed = chain.keyring.seal(b'{"auth_password":"one"}', "document:chOne")
    chain.put(msgspec.structs.replace(changed(check()), secrets=sealed))
    now = chain.clock.now_ms
    await chain.observe(*(observation(zone, "200", now, check_revision=2) for zone in ("mzdfw", "mzord")))
    await chain.observe(observation("mzdfw", "503", now + 60_000, check_revision=2))
    again = msgspec.structs.replace(
        changed(changed(check())), secrets=chain.keyring.seal(b'{"auth_password":"two"}', "document:chOne")
    )
    chain.put(again)
    await chain.observe(observation("mzord", "503", now + 61_000, check_revision=3))
    assert chain.states == ["OK"]
