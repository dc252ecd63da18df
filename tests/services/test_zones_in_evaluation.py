"""Zones go down, blind and up: who may vote, and alarms that are decided anew when that changes."""

from __future__ import annotations

from tests.fakes.chain import ALICE, Chain, alarm, changed, check, document, entity, observation, plan
from vedette.domain.documents import Kind
from vedette.domain.happenings import Spell, Tick, ZoneTurned
from vedette.domain.ids import ZoneId

ALL = ":set consistencyLevel=ALL if (metric['code'] regex '^5') { return new AlarmStatus(CRITICAL, 'HTTP #{code}'); }"


async def a_chain(**public: object) -> Chain:
    chain = Chain()
    chain.put_all()
    chain.put(changed(alarm(), **public))
    return chain


async def test_a_zone_that_goes_down_leaves_the_decision_to_the_others_at_once() -> None:
    chain = await a_chain(criteria=ALL)
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw", "mzord"])
    assert chain.states == ["OK"]
    await chain.turn("mzlon", Spell.DOWN, 61)
    assert chain.states == ["OK", "CRITICAL"]
    [critical] = chain.changelogs.all()[1:]
    assert (critical.at_ms, critical.status) == (chain.clock.now_ms + 61_000, "HTTP 503")
    assert critical.analyzed_by in {"mzdfw", "mzord"}
    assert critical.votes["mzlon"]["counted"] is False
    await chain.dispatch()
    [event] = chain.receiver.events
    assert event["details"]["metrics"]["code"]["data"] == "503"
    assert {one["monitoring_zone_id"]: one["collectorState"] for one in event["details"]["observations"]} == {
        "mzdfw": "UP",
        "mzord": "UP",
        "mzlon": "DOWN",
    }


async def test_it_decides_after_a_restart_too_about_checks_that_nothing_was_observed_of_since() -> None:
    chain = await a_chain(criteria=ALL)
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw", "mzord"])
    chain.start()
    await chain.turn("mzlon", Spell.BLIND, 61)
    assert chain.states == ["OK", "CRITICAL"]


async def test_a_change_whose_observation_is_no_longer_kept_is_told_with_the_vote() -> None:
    chain = await a_chain(criteria=ALL)
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw", "mzord"])
    log = chain.database.table("log")
    log.update(dict.fromkeys(log, Tick(0, "prTwo", 0, takes_agents=False)))
    await chain.turn("mzlon", Spell.DOWN, 61)
    await chain.dispatch()
    [event] = chain.receiver.events
    assert (event["details"]["status"], event["details"]["metrics"]) == ("HTTP 503", {})


async def test_how_zones_stand_survives_a_restart() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.turn("mzord", Spell.DOWN, 30)
    await chain.turn("mzlon", Spell.BLIND, 31)
    chain.start()
    await chain.see("503", 60)
    assert chain.states == ["OK"]


async def test_a_zone_that_came_back_votes_from_its_next_observation() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw"])
    await chain.turn("mzdfw", Spell.DOWN, 61)
    await chain.turn("mzdfw", Spell.UP, 66)
    await chain.see("503", 70, ["mzord"])
    assert chain.states == ["OK"]
    await chain.see("503", 75, ["mzdfw"])
    assert chain.states == ["OK", "CRITICAL"]


async def test_a_zone_that_nobody_speaks_of_exists_and_is_not_up() -> None:
    chain = await a_chain()
    chain.put(changed(check(), monitoring_zones_poll=["mzdfw", "pzOne"]))
    await chain.observe(observation("mzdfw", "503", chain.clock.now_ms, check_revision=2))
    assert chain.states == []


async def test_a_zone_that_comes_up_costs_no_look_at_its_checks_for_it_brings_no_vote() -> None:
    chain = await a_chain(criteria=ALL)
    await chain.see("200", 0)
    await chain.turn("mzlon", Spell.DOWN, 10)
    reads = chain.alarm_states.reads
    await chain.turn("mzlon", Spell.BLIND, 11)
    await chain.turn("mzlon", Spell.UP, 12)
    assert chain.alarm_states.reads == reads
    await chain.see("503", 60)
    assert chain.states == ["OK", "CRITICAL"]


async def test_a_zone_that_is_gone_is_not_counted_though_it_was_down_before() -> None:
    chain = await a_chain()
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw"])
    await chain.turn("mzlon", Spell.DOWN, 61)
    await chain.turn("mzord", Spell.DOWN, 62)
    await chain.turn("mzlon", Spell.GONE, 63)
    assert chain.states == ["OK"]
    await chain.turn("mzord", Spell.GONE, 64)
    assert chain.states == ["OK", "CRITICAL"]


async def test_alarms_of_checks_that_are_not_polled_from_the_zone_are_left_alone() -> None:
    chain = await a_chain(criteria=ALL)
    other = check(key="chTwo", monitoring_zones_poll=["mzdfw", "mzord"])
    chain.put(other, alarm(key="alTwo", check_id="chTwo", criteria=ALL))
    await chain.see("200", 0)
    reads = chain.alarm_states.reads
    await chain.turn("pzOne", Spell.UP, 10)
    assert chain.alarm_states.reads == reads


async def test_many_checks_are_gone_through_in_pages() -> None:
    chain = await a_chain(criteria=ALL)
    for number in range(250):
        chain.put(document(Kind.CHECK, f"ca{number:04}", {"type": "remote.http"}, entity_id="enOne"))
    await chain.see("200", 0)
    await chain.see("503", 60, ["mzdfw", "mzord"])
    await chain.turn("mzlon", Spell.DOWN, 61)
    assert chain.states == ["OK", "CRITICAL"]


async def test_a_zone_is_up_while_one_living_process_says_so() -> None:
    chain = await a_chain(criteria=ALL)
    now = chain.clock.now_ms
    await chain.tick(0, 0)
    await chain.happen(ZoneTurned(now, ZoneId("mzlon"), "prTwo", Spell.UP))
    await chain.see("200", 1)
    await chain.turn("mzlon", Spell.DOWN, 2)
    await chain.see("503", 3, ["mzdfw", "mzord"])
    assert chain.states == ["OK"]
    await chain.tick(5, 20)
    assert chain.states == ["OK", "CRITICAL"]


async def test_a_process_that_takes_over_speaks_for_zones_as_they_were() -> None:
    chain = await a_chain(criteria=ALL)
    await chain.tick(0, 0)
    await chain.see("200", 1)
    await chain.see("503", 60, ["mzdfw", "mzord"])
    later = chain.clock.now_ms + 90_000
    zones = ("mzdfw", "mzord", "mzlon")
    await chain.happen(*(ZoneTurned(later, ZoneId(zone), "prTwo", Spell.UP) for zone in zones))
    await chain.happen(Tick(later, "prTwo", later, takes_agents=True))
    assert chain.states == ["OK"]
    await chain.see("503", 91, ["mzlon"])
    assert chain.states == ["OK", "CRITICAL"]


async def test_an_alarm_without_a_vote_is_not_decided_by_zones() -> None:
    chain = Chain()
    chain.put(entity(), check(), alarm(), plan())
    await chain.turn("mzlon", Spell.DOWN, 1)
    assert chain.changelogs.all() == []
    assert await chain.alarm_states.list(ALICE) == []
