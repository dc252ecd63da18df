"""Which processes live, and stretches, where scripts with their one process do not reach."""

from __future__ import annotations

from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Spell, Tick, ZoneTurned
from vedette.domain.ids import AgentId, TenantId, ZoneId
from vedette.engine.presence import Presence
from vedette.engine.surroundings import Surroundings
from vedette.engine.ticks import DEAD_MS, FORGOTTEN_MS, Ticks

BEGIN = 1_700_000_000_000
ALICE = TenantId("acAlice")
HOST = AgentId("host")


def tick(at_s: float, process: str = "one", *, ahead_ms: int = 0, takes_agents: bool = True) -> Tick:
    """By a process whose clock is `ahead_ms` of ours."""
    return Tick(BEGIN + round(at_s * 1000) + ahead_ms, process, round(at_s * 1000), takes_agents)


def after(*entries: Tick) -> Ticks:
    ticks = Ticks()
    for entry in entries:
        ticks = ticks.after(entry)
    return ticks


def stretch_s(*entries: Tick) -> float:
    """When the last stretch ended, the first tick of all being the end of one."""
    return (after(*entries).stretch_ms - BEGIN) / 1000


def test_the_first_tick_of_all_ends_a_stretch() -> None:
    assert stretch_s(tick(0)) == 0


def test_a_process_that_joins_others_ends_none() -> None:
    assert stretch_s(tick(0), tick(5), tick(7, "two"), tick(10), tick(12, "two")) == 0


def test_a_process_that_stood_still_among_others_ends_one() -> None:
    assert stretch_s(tick(0), tick(1, "two"), tick(5), tick(10), tick(12, "two")) == 12


def test_a_process_that_follows_a_dead_one_ends_one_if_the_gap_was_long() -> None:
    assert stretch_s(tick(0), tick(9, "two")) == 0
    assert stretch_s(tick(0), tick(11, "two")) == 11


def test_clocks_that_differ_end_one_at_most() -> None:
    apart = [entry for at_s in range(0, 100, 5) for entry in (tick(at_s), tick(at_s + 1, "two", ahead_ms=30_000))]
    assert stretch_s(*apart) == 31


def test_ticks_of_processes_that_take_no_agents_neither_end_nor_prevent_one() -> None:
    others = [tick(at_s, "two", takes_agents=False) for at_s in (3, 8, 13, 30)]
    assert stretch_s(tick(0), tick(5), *others[:2], tick(10), others[2], tick(15), others[3]) == 0
    assert stretch_s(tick(0), *others[:3], tick(15)) == 15


def test_a_clock_that_is_set_back_is_remembered_with_what_it_had_shown() -> None:
    ticks = after(tick(0), tick(5), tick(10, ahead_ms=-60_000))
    assert (ticks.set_back_ms, ticks.stretch_ms) == (BEGIN + 5_000, BEGIN - 50_000)


def test_a_process_lives_for_three_ticks_after_its_last_and_is_forgotten_after_an_hour() -> None:
    ticks = after(tick(0), tick(2, "two"))
    assert ticks.living(BEGIN + DEAD_MS) == {"one", "two"}
    assert ticks.living(BEGIN + DEAD_MS + 1) == {"two"}
    assert (ticks.died_ms("one"), ticks.died_ms("three")) == (BEGIN, 0)
    later = ticks.after(tick(FORGOTTEN_MS / 1000, "two"))
    assert later.died_ms("one") == 0


def test_what_a_forgotten_process_said_of_zones_is_forgotten_and_how_they_stand_is_not() -> None:
    said = Surroundings().after(ZoneTurned(BEGIN, ZoneId("mzdfw"), "one", Spell.BLIND))
    now = said.after(tick(FORGOTTEN_MS / 1000, "two"))
    assert now.zones.said == {"mzdfw": {}}
    assert now.zones.stands["mzdfw"].spell is Spell.DOWN


def presence(*happenings: AgentConnected | AgentClosed | AgentFetched, ticks: Ticks) -> Presence:
    now = Presence(tenant_id=ALICE, agent_id=HOST)
    for happening in happenings:
        now = now.after(happening, ticks)
    return now


def opened(at_s: int, key: str, process: str) -> AgentConnected:
    return AgentConnected(BEGIN + 1000 * at_s, ALICE, HOST, process, key, is_fast=False)


def closed(at_s: int, key: str) -> AgentClosed:
    return AgentClosed(BEGIN + 1000 * at_s, ALICE, HOST, key, BEGIN + 1000 * at_s)


def test_an_agent_that_moves_to_another_process_was_connected_all_the_time() -> None:
    ticks = after(tick(0), tick(1, "two"))
    now = presence(opened(2, "a", "one"), opened(3, "b", "two"), closed(4, "a"), ticks=ticks)
    assert now.connections == {"b": "two"}
    assert now.moments == (BEGIN + 2_000, 0, 0)


def test_connections_of_a_dead_process_ended_with_its_last_sign() -> None:
    ticks = after(tick(0), *(tick(at_s, "two") for at_s in range(1, 30, 5)))
    now = presence(opened(0, "a", "one"), ticks=after(tick(0)))
    assert now.at(BEGIN + 26_000, ticks).moments == (BEGIN, BEGIN, 0)
    assert not now.at(BEGIN + 26_000, ticks).is_connected
    again = now.after(opened(27, "b", "two"), ticks)
    assert (again.connections, again.opened_ms) == ({"b": "two"}, BEGIN + 27_000)


def test_a_closing_of_a_connection_that_nobody_knows_says_nothing() -> None:
    ticks = after(tick(0))
    assert presence(closed(4, "a"), ticks=ticks).closed_ms == 0
    assert presence(opened(1, "a", "one"), closed(4, "x"), ticks=ticks).is_connected


def test_an_endpoint_that_takes_an_agent_lives_before_its_first_tick() -> None:
    now = Surroundings().after(opened(0, "a", "one"))
    assert now.ticks.living(BEGIN) == {"one"}
