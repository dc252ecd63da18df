"""Silence of agents, from the log to the changelog: timers, restarts, changes of configuration."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.fakes.chain import ALICE, CHARLIE, Chain, alarm, changed, check, entity, notification, observation, plan
from tests.fakes.database import FakeDatabase
from vedette.domain.documents import Document
from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Tick
from vedette.domain.ids import AgentId
from vedette.ports.unit import StoreUnavailable, Write

HOST = AgentId("host")
NEVER_WORSE = "return new AlarmStatus(OK, 'fine');"


async def a_chain(*, connected: bool = True) -> Chain:
    """An agent that is connected, with a check of a period of 60 s: the limit is 240 s."""
    chain = Chain()
    remote: dict[str, Any] = {"monitoring_zones_poll": None, "target_alias": None, "timeout": None}
    chain.put(
        changed(entity(), agent_id="host"),
        check(type="agent.memory", details={}, **remote),
        alarm(criteria=NEVER_WORSE),
        plan(),
        notification(),
    )
    if connected:
        await chain.happen(opened(chain, 0))
    return chain


def at(chain: Chain, at_s: float) -> int:
    return chain.clock.now_ms + int(at_s * 1000)


def opened(chain: Chain, at_s: float, key: str = "cnOne", *, is_fast: bool = False) -> AgentConnected:
    return AgentConnected(at(chain, at_s), ALICE, HOST, "prOne", key, is_fast)


def closed(chain: Chain, at_s: float, key: str = "cnOne") -> AgentClosed:
    return AgentClosed(at(chain, at_s), ALICE, HOST, key, at(chain, at_s))


async def report(chain: Chain, at_s: float, **more: Any) -> None:
    await chain.observe(observation(None, "200", at(chain, at_s), check_type="agent.memory", sender="host:g", **more))


def changes(chain: Chain) -> list[tuple[str, str, int]]:
    """(state, status, seconds) of the changelog."""
    begin_ms = chain.clock.now_ms
    return [(one.state.value, one.status, (one.at_ms - begin_ms) // 1000) for one in chain.changelogs.all()]


async def test_an_agent_that_falls_silent_is_critical_once_and_somebody_is_told() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 600)
    assert changes(chain) == [("OK", "fine", 0), ("CRITICAL", "No data received for 240 seconds", 240)]
    await chain.dispatch()
    assert chain.told == [("OK", "CRITICAL")]
    [event] = chain.receiver.events
    assert event["details"]["observations"] == [
        {
            "monitoring_zone_id": None,
            "state": "CRITICAL",
            "status": "No data received for 240 seconds",
            "timestamp": at(chain, 0),
            "collectorState": "UP",
        }
    ]


async def test_an_agent_that_has_no_connection_is_said_to_be_disconnected_and_recovers() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.happen(closed(chain, 1))
    await chain.tick(0, 300)
    await report(chain, 301)
    assert changes(chain) == [
        ("OK", "fine", 0),
        ("CRITICAL", "Agent disconnected", 245),
        ("OK", "fine", 301),
    ]
    await chain.tick(305, 600)
    assert [state for state, *_ in changes(chain)] == ["OK", "CRITICAL", "OK", "CRITICAL"]


async def test_nothing_is_stored_as_a_point() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 300)
    kept = [entry for entry in chain.database.table("log").values() if not isinstance(entry, Tick | AgentConnected)]
    assert len(kept) == 1


async def test_each_alarm_of_the_check_has_its_own_limit() -> None:
    chain = await a_chain()
    chain.put(alarm(key="alTwo", criteria=":set consecutiveCount=3 " + NEVER_WORSE))
    for at_s in (0, 60, 120):
        await report(chain, at_s)
        await chain.tick(at_s + 5, at_s + 55)
    await chain.tick(180, 480)
    critical = [(one.alarm_id, (one.at_ms - at(chain, 0)) // 1000) for one in chain.changelogs.all()][2:]
    assert critical == [("alOne", 360), ("alTwo", 460)]


async def test_timers_survive_a_restart() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 100)
    chain.start()
    await chain.tick(105, 235)
    assert changes(chain)[1:] == []
    chain.start()
    await chain.tick(240, 300)
    assert changes(chain)[1:] == [("CRITICAL", "No data received for 240 seconds", 240)]


async def test_what_was_reported_just_before_a_restart_is_known_after_it() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await report(chain, 60)
    chain.start()
    await chain.tick(65, 400)
    assert changes(chain)[1:] == [("CRITICAL", "No data received for 245 seconds", 305)]


async def test_an_evaluation_that_lags_behind_decides_by_the_log_and_not_by_its_own_clock() -> None:
    chain = await a_chain()
    await report(chain, 0)
    entries: list[Any] = []
    for at_s in range(0, 600, 5):
        entries.append(Tick(at(chain, at_s), "prOne", at(chain, at_s), takes_agents=True))
        if at_s % 60 == 0:
            entries.append(observation(None, "200", at(chain, at_s + 1), check_type="agent.memory", sender="host:g"))
    await chain.happen(*entries)
    assert changes(chain)[1:] == []


async def test_a_change_that_the_log_has_not_come_to_yet_is_no_reason_to_judge_earlier() -> None:
    chain = await a_chain()
    chain.put(changed(chain.database.table("documents")["chOne"], period=600))
    await report(chain, 0, check_revision=2)
    await chain.tick(0, 200)
    shorter = changed(chain.database.table("documents")["chOne"], period=30)
    chain.put(dated(shorter, at(chain, 500)))
    await chain.tick(205, 705)
    assert changes(chain)[1:] == []
    await chain.tick(710, 710)
    assert [state for state, *_ in changes(chain)[1:]] == ["CRITICAL"]


async def test_dying_between_a_silence_and_its_commit_decides_it_once() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 235)
    commit = chain.database.commit
    chain.start(failing_once(chain.database))
    await commit(chain.observations.append([Tick(at(chain, 240), "prOne", at(chain, 240), takes_agents=True)]))
    with pytest.raises(StoreUnavailable):
        await chain.evaluator.step()
    assert changes(chain)[1:] == []
    await chain.observe()
    await chain.tick(245, 400)
    assert len(changes(chain)) == 2
    assert len(chain.outbox.all()) == 1


def failing_once(database: FakeDatabase) -> Any:
    """A commit that first fails."""
    failures = 1

    async def commit(*writes: Write) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnavailable("not now")
        await database.commit(*writes)

    return commit


async def test_an_agent_whose_plugin_stamps_what_it_says_with_earlier_times_has_not_been_silent() -> None:
    """Known by when it came, also where that is read out of the log again."""
    chain = await a_chain()
    await report(chain, 0)
    for at_s in range(5, 400, 5):
        if at_s % 60 == 0:
            earlier = observation(None, "200", at(chain, at_s - 3600), check_type="agent.memory", sender="host:g")
            await chain.observe(msgspec.structs.replace(earlier, arrival_ms=at(chain, at_s)))
        chain.start()
        await chain.tick(at_s, at_s)
    assert changes(chain) == [("OK", "fine", 0)]


async def test_an_agent_that_comes_back_fast_when_its_check_is_due_makes_nobody_start_over() -> None:
    """What was read of a timer is compared before the timer is hastened."""
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 100)
    tick = Tick(at(chain, 115), "prOne", at(chain, 115), takes_agents=True)
    with capture_logs() as logs:
        await chain.happen(opened(chain, 82, "cnTwo", is_fast=True), tick)
    assert [one["event"] for one in logs if one["event"] == "evaluation_conflict"] == []


async def test_two_evaluators_at_once_decide_a_silence_once() -> None:
    chain = await a_chain()
    await report(chain, 0)
    first = chain.evaluator
    chain.start()
    for at_s in range(0, 300, 5):
        tick = Tick(at(chain, at_s), "prOne", at(chain, at_s), takes_agents=True)
        await chain.database.commit(chain.observations.append([tick]))
        await first.step()
        await chain.evaluator.step()
    await chain.observe()
    assert len(changes(chain)) == 2


async def test_a_check_that_was_never_reported_keeps_its_state() -> None:
    chain = await a_chain()
    await chain.tick(0, 1200)
    assert changes(chain) == []


async def test_another_agent_that_never_reported_the_check_is_not_silent() -> None:
    chain = await a_chain()
    await report(chain, 0)
    chain.put(changed(chain.database.table("documents")["enOne"], agent_id="other"))
    await chain.tick(0, 1200)
    assert changes(chain)[1:] == []


async def test_a_disabled_check_has_no_timers_and_enabling_starts_the_clock() -> None:
    chain = await a_chain()
    await report(chain, 0)
    off = changed(chain.database.table("documents")["chOne"], disabled=True)
    await chain.tick(0, 100)
    chain.put(dated(off, at(chain, 100)))
    await chain.tick(105, 900)
    assert changes(chain)[1:] == []
    chain.put(dated(changed(off, disabled=False), at(chain, 901)))
    await chain.tick(905, 1135)
    assert changes(chain)[1:] == []
    await chain.tick(1140, 1145)
    assert [state for state, *_ in changes(chain)[1:]] == ["CRITICAL"]


def dated(document: Document, at_ms: int) -> Document:
    """As changed at a moment."""
    return msgspec.structs.replace(document, updated_at=at_ms)


async def test_a_new_alarm_on_a_silent_check_is_told_after_the_limit() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 300)
    chain.put(dated(alarm(key="alTwo", criteria=NEVER_WORSE), at(chain, 301)))
    await chain.tick(305, 540)
    assert [one.alarm_id for one in chain.changelogs.all()] == ["alOne", "alOne"]
    await chain.tick(545, 600)
    assert [one.alarm_id for one in chain.changelogs.all()] == ["alOne", "alOne", "alTwo"]


async def test_an_alarm_made_long_after_the_last_report_of_a_check_without_alarms_knows_of_it() -> None:
    chain = await a_chain()
    chain.database.table("documents").pop("alOne")
    await report(chain, 0)
    await chain.tick(0, 300)
    chain.put(dated(alarm(key="alTwo", criteria=NEVER_WORSE), at(chain, 301)))
    await chain.tick(305, 545)
    assert changes(chain) == [("CRITICAL", "No data received for 545 seconds", 545)]


async def test_a_shorter_period_makes_a_shorter_limit_from_then_on() -> None:
    chain = await a_chain()
    chain.put(changed(chain.database.table("documents")["chOne"], period=600))
    await report(chain, 0, check_revision=2)
    await chain.tick(0, 100)
    shorter = changed(chain.database.table("documents")["chOne"], period=30)
    chain.put(dated(shorter, at(chain, 101)))
    await chain.tick(105, 310)
    assert changes(chain)[1:] == []
    await chain.tick(315, 315)
    assert [state for state, *_ in changes(chain)[1:]] == ["CRITICAL"]


async def test_an_agent_that_comes_back_fast_is_judged_by_its_shorter_limit_from_then_on() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 100)
    await chain.happen(closed(chain, 101), opened(chain, 102, "cnTwo", is_fast=True))
    await chain.tick(105, 210)
    assert changes(chain)[1:] == []
    await chain.tick(215, 240)
    assert changes(chain)[1:] == [("CRITICAL", "No data received for 215 seconds", 215)]


async def test_a_fetch_puts_it_off() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 200)
    await chain.happen(AgentFetched(at(chain, 201), ALICE, HOST))
    await chain.tick(205, 440)
    assert changes(chain)[1:] == []
    await chain.tick(445, 445)
    assert len(changes(chain)) == 2


async def test_a_gap_between_ticks_starts_every_clock_again() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 100)
    await chain.tick(115, 350)
    assert changes(chain)[1:] == []
    await chain.tick(355, 355)
    assert len(changes(chain)) == 2


async def test_a_crash_that_lasted_starts_every_clock_again() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 100)
    chain.start()
    await chain.happen(
        *(Tick(at(chain, at_s), "prTwo", 1_000 * at_s, takes_agents=True) for at_s in range(3600, 3840, 5))
    )
    assert changes(chain)[1:] == []
    await chain.happen(Tick(at(chain, 3840), "prTwo", 3_840_000, takes_agents=True))
    assert changes(chain)[1:] == [("CRITICAL", "Agent disconnected", 3840)]


async def test_ticks_of_a_process_that_takes_no_agents_say_nothing_of_them() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.tick(0, 100)
    for at_s in range(105, 160, 5):
        await chain.happen(Tick(at(chain, at_s), "prTwo", at(chain, at_s), takes_agents=False))
    await chain.tick(160, 395)
    assert changes(chain)[1:] == []
    await chain.tick(400, 400)
    assert len(changes(chain)) == 2


async def test_a_deleted_check_leaves_no_timer() -> None:
    chain = await a_chain()
    await report(chain, 0)
    for key in ("alOne", "chOne"):
        chain.database.commit_now(chain.documents.remove(chain.database.table("documents")[key]))
    await chain.tick(0, 400)
    assert changes(chain)[1:] == []


async def test_an_observation_costs_silence_neither_a_read_nor_a_write() -> None:
    chain = await a_chain()
    await report(chain, 0)
    reads, timers = chain.silence_timers.reads, dict(chain.database.table("silence_timers"))
    for minute in range(1, 5):
        await report(chain, 10 * minute)
    assert chain.silence_timers.reads == reads
    assert chain.database.table("silence_timers") == timers


async def test_silence_of_one_tenants_agent_is_nothing_of_anothers_agent_of_the_same_name() -> None:
    chain = await a_chain()
    await report(chain, 0)
    await chain.happen(AgentFetched(at(chain, 200), CHARLIE, HOST))
    await chain.tick(0, 240)
    assert len(changes(chain)) == 2
