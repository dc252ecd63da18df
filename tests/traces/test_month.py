"""A month of faults: who is paged, and that it is right. What is right, `judging` states from the truth."""

from __future__ import annotations

import msgspec
import pytest

from tests.traces import judging
from tests.traces.host import Host
from tests.traces.judging import Judgement
from tests.traces.paging import ONE_ZONE, THREE_ZONES, Rule, Telling, Watch, of_host, of_target
from tests.traces.truth import MINUTE_MS, Manner, Truth, month
from vedette.domain.states import State

CONFIRMED, PLAIN, COUNTED = THREE_ZONES
SEED = 1


@pytest.fixture(scope="module")
def truth() -> Truth:
    return month(SEED)


@pytest.fixture(scope="module")
def watch(truth: Truth) -> Watch:
    return Watch(truth)


@pytest.fixture(scope="module")
def told(watch: Watch) -> list[Telling]:
    return of_target(watch, CONFIRMED)


def _judged(truth: Truth, rule: Rule) -> Judgement:
    watch = Watch(truth, rule.zones, has_canaries=rule.has_canaries)
    return judging.of_target(truth, rule, of_target(watch, rule))


def test_the_month_has_every_kind_of_fault(truth: Truth) -> None:
    lengths_ms = [outage.lasts_ms for outage in truth.outages]
    assert min(lengths_ms) < 10_000
    assert max(lengths_ms) > 60 * MINUTE_MS
    assert {outage.manner for outage in truth.outages} == set(Manner)
    for broken in truth.zones.values():
        assert min(len(broken.lost), len(broken.flaps), len(broken.blind), len(broken.dead), len(broken.cut)) > 5
    assert min(len(truth.server), len(truth.down), len(truth.off), len(truth.renewed)) > 3


def test_three_zones_that_confirm_page_every_outage_in_time_and_nothing_else(truth: Truth, told: list[Telling]) -> None:
    judged = judging.of_target(truth, CONFIRMED, told)
    assert judged.due > 20
    assert judged.is_right, judged
    assert max(judged.delays_ms) <= 90_000


def test_three_zones_page_as_well_without_rounds(truth: Truth, watch: Watch) -> None:
    judged = judging.of_target(truth, PLAIN, of_target(watch, PLAIN))
    assert judged.is_right, judged
    assert max(judged.delays_ms) <= 90_000


def test_three_zones_page_as_well_on_the_second_failure() -> None:
    truth = month(SEED, days=10)
    judged = _judged(truth, COUNTED)
    assert judged.due > 5
    assert judged.is_right, judged
    assert max(judged.delays_ms) <= 150_000


def test_one_zone_alone_would_have_paged_for_nothing(truth: Truth) -> None:
    judged = _judged(truth, ONE_ZONE[0])
    assert len(judged.false) > 2 * judged.due


@pytest.mark.parametrize(("is_fast", "days"), [(True, 30), (False, 10)], ids=["ours", "stock"])
def test_an_agent_is_missed_in_time_and_only_when_it_is_away(is_fast: bool, days: int) -> None:
    truth = month(SEED, days)
    host = Host(truth, is_fast=is_fast)
    judged = judging.of_host(truth, host, of_host(host.log()))
    assert judged.due > 5
    assert judged.pages < len(host.away)
    assert judged.is_right, judged
    assert max(judged.delays_ms) <= host.limit_ms + 75_000


def test_where_faults_that_no_canary_sees_meet_nothing_is_missed_and_rounds_spare_pages() -> None:
    truth = month(SEED, days=10, is_apart=False)
    watch = Watch(truth)
    confirmed, plain = (judging.of_target(truth, rule, of_target(watch, rule)) for rule in (CONFIRMED, PLAIN))
    for judged in (confirmed, plain):
        assert judged.due > 5
        assert msgspec.structs.replace(judged, false=()).is_right, judged
    assert len(confirmed.false) < len(plain.false)


def _first_page(told: list[Telling]) -> int:
    return next(number for number, one in enumerate(told) if one.state is State.CRITICAL)


def test_a_page_that_is_not_sent_is_found_missing(truth: Truth, told: list[Telling]) -> None:
    judged = judging.of_target(truth, CONFIRMED, [one for one in told if one.state is not State.CRITICAL])
    assert len(judged.missed) >= judged.due


def test_a_page_that_comes_late_is_found(truth: Truth, told: list[Telling]) -> None:
    late = [
        msgspec.structs.replace(one, at_ms=one.at_ms + 2 * MINUTE_MS) if one.state is State.CRITICAL else one
        for one in told
    ]
    judged = judging.of_target(truth, CONFIRMED, sorted(late, key=lambda one: one.at_ms))
    assert len(judged.late) > judged.due / 2


def test_a_page_for_nothing_is_found(truth: Truth, told: list[Telling]) -> None:
    at_ms = told[_first_page(told)].at_ms - 20 * MINUTE_MS
    judged = judging.of_target(truth, CONFIRMED, [Telling(at_ms, State.CRITICAL), *told])
    assert judged.false == [at_ms]


def test_an_all_clear_in_an_outage_and_one_that_never_comes_are_found(truth: Truth, told: list[Telling]) -> None:
    longest = max(truth.outages, key=lambda one: one.lasts_ms)
    clear = Telling(longest.end_ms - MINUTE_MS, State.OK)
    judged = judging.of_target(truth, CONFIRMED, sorted([*told, clear], key=lambda one: one.at_ms))
    assert judged.false_clears == [clear.at_ms]
    assert judging.of_target(truth, CONFIRMED, [one for one in told if one.state is State.CRITICAL]).stuck


def test_a_host_that_nobody_speaks_of_is_found_missing(truth: Truth) -> None:
    judged = judging.of_host(truth, Host(truth, is_fast=True), [])
    assert len(judged.missed) >= judged.due > 20
