"""The operator's own alarm: zones that are down, blind or lag, and alarms that too few zones are up for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.chain import ZONES, Chain, changed, check
from vedette.app.measures import Measures
from vedette.domain.happenings import Spell
from vedette.services.operator_alarms import OperatorAlarms


@pytest.fixture
def chain() -> Chain:
    chain = Chain()
    chain.put_all()
    return chain


def said(logs: Sequence[Any]) -> list[tuple[str, str, str]]:
    """(event, about, zone)."""
    return [
        (one["event"], one["about"], one.get("zone_id", ""))
        for one in logs
        if str(one["event"]).startswith("operator_alarm")
    ]


async def test_a_zone_that_is_down_for_three_minutes_is_said_once_and_when_it_is_over(chain: Chain) -> None:
    await chain.tick(0, 0)
    await chain.turn("mzlon", Spell.DOWN, 1)
    with capture_logs() as logs:
        await chain.tick(5, 180)
        assert said(logs) == []
        await chain.tick(185, 400)
        assert said(logs) == [("operator_alarm", "zone_down", "mzlon")]
        assert (chain.evaluator.operator.raised["zone_down"], chain.evaluator.operator.zones["down"]) == (1, 1)
        await chain.turn("mzlon", Spell.UP, 401)
        await chain.tick(405, 405)
    assert said(logs)[1:] == [("operator_alarm_over", "zone_down", "mzlon")]
    assert chain.evaluator.operator.zones == {"up": 3, "down": 0, "blind": 0, "lagging": 0}


async def test_a_zone_that_is_blind_for_three_minutes_is_said_to_be(chain: Chain) -> None:
    await chain.tick(0, 0)
    await chain.turn("mzlon", Spell.BLIND, 0)
    with capture_logs() as logs:
        await chain.tick(5, 180)
    assert said(logs) == [("operator_alarm", "zone_blind", "mzlon")]
    assert chain.evaluator.operator.zones == {"up": 2, "down": 0, "blind": 1, "lagging": 0}


async def test_a_zone_that_is_gone_is_nobodys_concern(chain: Chain) -> None:
    await chain.tick(0, 0)
    await chain.turn("mzlon", Spell.GONE, 0)
    with capture_logs() as logs:
        await chain.tick(5, 400)
    assert said(logs) == []


async def test_a_zone_that_is_up_and_silent_lags_and_its_alarms_stay_as_they_are(chain: Chain) -> None:
    await chain.tick(0, 0)
    await chain.see("200", 1)
    with capture_logs() as logs:
        for minute in range(1, 4):
            await chain.see("200", 60 * minute, ["mzdfw", "mzord"])
            await chain.tick(60 * minute + 5, 60 * minute + 55)
            await chain.tick(60 * minute + 60, 60 * minute + 60)
        assert said(logs) == [("operator_alarm", "zone_lagging", "mzlon")]
        assert chain.evaluator.operator.zones["lagging"] == 1
        chain.start()
        await chain.tick(245, 250)
        assert set((await chain.memory.surroundings()).lagging) == {"mzlon"}
        await chain.see("200", 251)
        await chain.tick(255, 255)
    assert (await chain.memory.surroundings()).lagging == {}
    assert chain.states == ["OK"]


async def test_a_zone_does_not_lag_for_having_been_heard_by_another_process(chain: Chain) -> None:
    """Two evaluate the one log by turns, and one of them gets none for a long time."""
    await chain.tick(0, 0)
    await chain.see("200", 1)
    other = chain.evaluator
    chain.start()
    for minute in range(1, 11):
        await chain.see("200", 60 * minute)
        await chain.tick(60 * minute + 5, 60 * minute + 55)
    chain.evaluator = other
    await chain.tick(660, 665)
    assert (await chain.memory.surroundings()).lagging == {}


async def test_a_zone_whose_check_comes_less_often_than_it_did_does_not_lag(chain: Chain) -> None:
    await chain.tick(0, 0)
    await chain.see("200", 1)
    chain.put(changed(check(), period=600))
    await chain.tick(5, 600)
    assert (await chain.memory.surroundings()).lagging == {}
    await chain.tick(605, 905)
    assert set((await chain.memory.surroundings()).lagging) == set(ZONES)


async def test_a_zone_whose_checks_have_gone_does_not_lag(chain: Chain) -> None:
    await chain.tick(0, 0)
    await chain.see("200", 1)
    chain.put(changed(check(), disabled=True))
    await chain.tick(5, 400)
    assert (await chain.memory.surroundings()).lagging == {}


async def test_a_zone_that_was_never_heard_of_does_not_lag(chain: Chain) -> None:
    await chain.tick(0, 600)
    assert (await chain.memory.surroundings()).lagging == {}


async def test_alarms_that_too_few_zones_are_up_for_are_counted_until_they_can_be_decided(chain: Chain) -> None:
    await chain.tick(0, 0)
    await chain.see("200", 1)
    with capture_logs() as logs:
        for zone in ZONES[1:]:
            await chain.turn(zone, Spell.DOWN, 2)
        await chain.tick(5, 10)
        assert said(logs) == [("operator_alarm", "electorate_too_small", "")]
        assert chain.evaluator.operator.raised["electorate_too_small"] == 1
        await chain.turn("mzord", Spell.UP, 11)
        await chain.see("200", 12)
        await chain.tick(15, 15)
    assert said(logs)[1:] == [("operator_alarm_over", "electorate_too_small", "")]


async def test_an_alarm_that_is_gone_is_not_counted_for_ever() -> None:
    operator = OperatorAlarms()
    operator.decided({"alOne": True}, 0)
    surroundings = await Chain().memory.surroundings()
    operator.look(surroundings, 7_199_999)
    assert operator.raised["electorate_too_small"] == 1
    operator.look(surroundings, 7_200_000)
    assert operator.raised["electorate_too_small"] == 0


async def test_what_is_raised_is_read_when_the_page_of_metrics_is_made(chain: Chain) -> None:
    measures = Measures()
    operator = chain.evaluator.operator
    measures.gauges("zones", "How zones stand", "standing", lambda: operator.zones)
    measures.gauges("raised", "What is raised", "about", lambda: operator.raised)
    await chain.tick(0, 0)
    await chain.turn("mzlon", Spell.BLIND, 0)
    await chain.tick(5, 180)
    page = measures.page().decode()
    assert 'zones{standing="up"} 2.0' in page
    assert 'raised{about="zone_blind"} 1.0' in page
    assert 'raised{about="zone_down"} 0.0' in page
