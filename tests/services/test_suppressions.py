"""Suppressions from configuration to receivers: what is held back, what is written down, what is told when they end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.fakes.chain import (
    ALICE,
    CHARLIE,
    ZONES,
    Chain,
    alarm,
    changed,
    check,
    document,
    notification,
    observation,
    plan,
)
from vedette.domain.documents import Document, Kind
from vedette.domain.history import DeliveryState
from vedette.domain.ids import CheckId, TenantId
from vedette.ports.unit import StoreUnavailable


def suppression(chain: Chain, key: str = "spOne", tenant_id: TenantId = ALICE, **public: Any) -> Document:
    """Of the entity, from 30 s to 150 s on the clock's day."""
    base = chain.clock.now_ms
    shown: dict[str, Any] = {"label": None, "notification_plans": [], "entities": ["enOne"], "checks": [], "alarms": []}
    shown |= {"start_time": base + 30_000, "end_time": base + 150_000, "recurrence": None, "timezone": None}
    return document(Kind.SUPPRESSION, key, shown | public, tenant_id)


async def an_outage(*documents: Document, chain: Chain | None = None) -> Chain:
    """All is well at first; at 60 s every zone sees a failure."""
    chain = chain or Chain()
    chain.put_all()
    chain.put(*documents)
    await chain.see("200", 0)
    await chain.see("503", 60)
    return chain


async def a_suppressed_outage(**public: Any) -> Chain:
    chain = Chain()
    return await an_outage(suppression(chain, **public), chain=chain)


async def tick(chain: Chain, at_s: float) -> None:
    """The clock goes on without anything being observed."""
    base = chain.clock.now_ms
    chain.clock.now_ms = base + int(at_s * 1000)
    while await chain.evaluator.step():
        pass
    await chain.dispatch()
    chain.clock.now_ms = base


async def test_a_suppressed_change_is_recorded_and_told_to_nobody() -> None:
    chain = await a_suppressed_outage()
    await chain.dispatch()
    assert chain.states == ["OK", "CRITICAL"]
    assert chain.told == []
    [log] = chain.suppression_logs.all()
    change = chain.changelogs.all()[-1]
    assert (log.entity_id, log.check_id, log.alarm_id, log.plan_id) == ("enOne", "chOne", "alOne", "npOne")
    assert (log.suppressions, log.state, log.at_ms) == (("spOne",), "CRITICAL", change.at_ms)
    [delivery] = chain.outbox.all()
    assert (delivery.delivery_state, delivery.message) == (DeliveryState.SUPPRESSED, "Suppressed by spOne")
    assert (delivery.transaction_id, delivery.previous_state, delivery.state) == (log.transaction_id, "OK", "CRITICAL")


async def test_a_first_ok_is_no_suppressed_change() -> None:
    chain = Chain()
    chain.put_all()
    chain.put(suppression(chain, start_time=0))
    await chain.see("200", 0)
    assert chain.states == ["OK"]
    assert list(chain.suppression_logs.all()) == []


async def test_the_state_is_told_once_when_the_suppression_ends_with_the_time_of_the_change() -> None:
    chain = await a_suppressed_outage()
    change = chain.changelogs.all()[-1]
    await tick(chain, 149.9)
    assert chain.told == []
    await tick(chain, 150)
    await tick(chain, 151)
    assert chain.told == [("OK", "CRITICAL")]
    [event] = chain.receiver.events
    assert event["event_id"] == f"acAlice:enOne:alOne:chOne:{change.at_ms}:CRITICAL"
    assert event["details"]["status"] == "HTTP 503"
    assert event["details"]["metrics"]["code"]["data"] == "503"


async def test_what_recovered_within_the_suppression_is_told_to_nobody() -> None:
    chain = await a_suppressed_outage()
    await chain.see("200", 120)
    await tick(chain, 200)
    assert chain.told == []
    assert [log.state for log in chain.suppression_logs.all()] == ["CRITICAL", "OK"]
    assert await chain.alarm_states.tenants_held() == []


async def test_the_end_is_found_after_a_restart() -> None:
    chain = await a_suppressed_outage()
    chain.start()
    await tick(chain, 500)
    assert chain.told == [("OK", "CRITICAL")]


async def test_an_end_while_the_store_cannot_be_reached_is_found_later() -> None:
    chain = await a_suppressed_outage()
    chain.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await tick(chain, 150)
    chain.clock.now_ms -= 150_000  # where `tick` left it
    chain.database.is_available = True
    await tick(chain, 150.5)
    assert chain.told == [("OK", "CRITICAL")]


async def test_deleting_a_suppression_ends_it() -> None:
    chain = await a_suppressed_outage()
    await tick(chain, 70)
    chain.database.commit_now(chain.documents.remove(suppression(chain)))
    await tick(chain, 70.1)
    assert chain.told == [("OK", "CRITICAL")]


async def test_shortening_a_suppression_ends_it() -> None:
    chain = await a_suppressed_outage()
    await tick(chain, 70)
    chain.put(changed(suppression(chain), end_time=chain.clock.now_ms + 80_000))
    await tick(chain, 79)
    assert chain.told == []
    await tick(chain, 80)
    assert chain.told == [("OK", "CRITICAL")]


async def test_an_alarm_that_gets_a_plan_which_is_not_suppressed_is_told_at_once() -> None:
    chain = await a_suppressed_outage(notification_plans=["npOne"])
    chain.put(plan(key="npTwo", receivers=["ntTwo"]), notification(key="ntTwo"))
    chain.put(changed(alarm(), notification_plan_id="npTwo"))
    await tick(chain, 70)
    assert chain.told == [("OK", "CRITICAL")]
    assert [one.plan_id for one in chain.outbox.all() if one.delivery_state is DeliveryState.DELIVERED] == ["npTwo"]


async def test_a_new_plan_is_told_without_waiting_for_an_observation() -> None:
    chain = await an_outage()
    await chain.dispatch()
    chain.put(plan(key="npTwo", receivers=["ntTwo"]), notification(key="ntTwo"))
    chain.put(changed(alarm(), notification_plan_id="npTwo"))
    await tick(chain, 70)
    assert chain.told == [("OK", "CRITICAL"), ("OK", "CRITICAL")]


async def test_another_suppression_that_still_matches_holds_it_back() -> None:
    chain = Chain()
    later = suppression(chain, "spTwo", end_time=chain.clock.now_ms + 300_000)
    await an_outage(suppression(chain), later, chain=chain)
    assert [log.suppressions for log in chain.suppression_logs.all()] == [("spOne", "spTwo")]
    await tick(chain, 200)
    assert chain.told == []
    await tick(chain, 300)
    assert chain.told == [("OK", "CRITICAL")]


async def test_what_was_in_the_outbox_when_a_window_opened_is_still_delivered() -> None:
    chain = await an_outage()
    chain.put(suppression(chain, start_time=chain.clock.now_ms + 61_000))
    await tick(chain, 62)
    assert chain.told == [("OK", "CRITICAL")]


async def test_an_observation_that_is_evaluated_late_is_judged_by_its_own_time() -> None:
    """It was made within the window; the window has ended when it is evaluated."""
    chain = Chain()
    chain.put_all()
    chain.put(suppression(chain))
    await chain.see("200", 0)
    await tick(chain, 160)
    chain.clock.now_ms += 160_000
    await chain.see("503", 60 - 160)
    assert chain.suppression_logs.all()
    chain.clock.now_ms += 1_000
    await tick(chain, 0)
    assert chain.told == [("OK", "CRITICAL")]


async def test_a_recurring_suppression_holds_back_in_each_window() -> None:
    chain = await a_suppressed_outage(recurrence="FREQ=DAILY")
    await tick(chain, 150)
    day = 24 * 3600
    await chain.see("200", day)
    await chain.see("200", day + 200)
    await chain.see("503", day + 260, ["mzdfw", "mzord", "mzlon"])
    await chain.dispatch()
    assert chain.told == [("OK", "CRITICAL"), ("CRITICAL", "OK"), ("OK", "CRITICAL")]
    await chain.see("200", 2 * day + 60)
    await tick(chain, 2 * day + 61)
    assert len(chain.told) == 3
    await tick(chain, 2 * day + 150)
    assert chain.told[3:] == [("CRITICAL", "OK")]


async def test_another_tenants_suppression_holds_nothing_back() -> None:
    chain = Chain()
    await an_outage(suppression(chain, tenant_id=CHARLIE), chain=chain)
    await chain.dispatch()
    assert chain.told == [("OK", "CRITICAL")]


async def test_an_event_names_the_suppressions_of_its_check_and_alarm() -> None:
    chain = Chain()
    base = chain.clock.now_ms
    other_plan = suppression(chain, "spPlan", entities=[], checks=["enOne:chOne"], notification_plans=["npTwo"])
    later = suppression(chain, "spLater", start_time=base + 90_000, entities=[], alarms=["enOne:alOne"])
    await an_outage(other_plan, later, chain=chain)
    await chain.dispatch()
    [event] = chain.receiver.events
    assert (event["check"]["active_suppressions"], event["check"]["scheduled_suppressions"]) == (["spPlan"], None)
    assert (event["alarm"]["active_suppressions"], event["alarm"]["scheduled_suppressions"]) == (None, ["spLater"])


async def test_a_tenant_without_suppressions_costs_one_read_and_a_look_a_second() -> None:
    chain = Chain()
    chain.put_all()
    await chain.see("200", 0)
    reads, looks = chain.documents.reads, chain.alarm_states.looks
    for _ in range(10):
        await chain.see("200", 60)
    assert (chain.documents.reads, chain.alarm_states.looks) == (reads, looks)
    await tick(chain, 1)
    assert chain.alarm_states.looks == looks + 1


async def test_an_alarm_deleted_while_it_was_held_back_is_forgotten() -> None:
    chain = await a_suppressed_outage()
    chain.database.before_commit = lambda: chain.database.commit_now(chain.documents.remove(alarm()))
    await tick(chain, 150)
    await tick(chain, 152)
    assert chain.told == []


async def test_the_deliveries_of_one_telling_are_one_entry_and_go_out_after_earlier_ones() -> None:
    chain = Chain()
    chain.put_all()
    chain.put(changed(plan(), critical_state=["ntOne", "ntTwo", "ntThree"]), suppression(chain))
    await chain.see("200", 0)
    await chain.see("503", 60)
    await tick(chain, 160)
    deliveries = [one for one in chain.outbox.all() if one.delivery_state is not DeliveryState.SUPPRESSED]
    assert len({one.key[:14] for one in deliveries}) == 1
    assert [one.key[14:] for one in deliveries] == [b"\0\0", b"\0\1", b"\0\2"]
    await chain.see("200", 155)  # arrived before the telling, evaluated after it
    assert chain.outbox.all()[-1].state == "OK"


async def test_the_cause_of_a_change_is_kept_only_while_it_may_have_to_be_told() -> None:
    chain = await an_outage()
    state = await chain.alarm_states.find("alOne")
    assert state is not None
    assert state.cause is not None
    assert msgspec.to_builtins(state.cause.metrics["code"])[1] == "503"
    await chain.see("200", 120)
    state = await chain.alarm_states.find("alOne")
    assert state is not None
    assert state.cause is None


async def test_an_alarm_held_by_a_late_observation_does_not_wait_for_the_tenants_next_edge() -> None:
    """Another alarm of the tenant is held for long, and was looked at when the window of this one had ended."""
    chain = Chain()
    chain.put_all()
    chain.put(check(key="chTwo"), alarm(key="alTwo", check_id="chTwo"))
    of_two: dict[str, Any] = {"entities": [], "alarms": ["enOne:alTwo"], "end_time": chain.clock.now_ms + 10_000_000}
    chain.put(suppression(chain, entities=[], alarms=["enOne:alOne"]), suppression(chain, "spTwo", **of_two))
    await chain.see("200", 0)
    at_ms = chain.clock.now_ms + 60_000
    await chain.observe(*(observation(zone, "503", at_ms, check_id=CheckId("chTwo")) for zone in ZONES))
    await tick(chain, 160)
    await chain.see("503", 60)
    assert [log.alarm_id for log in chain.suppression_logs.all()] == ["alTwo", "alOne"]
    await tick(chain, 162)
    assert [message.event_id.split(":")[2] for message in chain.receiver.messages] == ["alOne"]


async def test_losing_a_race_for_the_cursor_while_somebody_is_to_be_told_tells_all_the_same() -> None:
    chain = await a_suppressed_outage()
    cursor = await chain.observations.cursor("evaluate")
    await chain.ingest([observation("mzdfw", "503", chain.clock.now_ms + 151_000)])
    chain.database.before_commit = lambda: chain.database.commit_now(
        chain.observations.advance("evaluate", cursor, cursor + 1)
    )
    await tick(chain, 152)
    assert chain.told == [("OK", "CRITICAL")]
