"""Whose observations of remote checks are taken."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.agents import ALICE, remote_check
from tests.services.collector_cast import OURS, House
from tests.services.test_agents import NOW
from vedette.ports.unit import StoreUnavailable
from vedette.services.not_taken import NotTaken
from vedette.wire.moment import Moment


@pytest.fixture
def house() -> House:
    return House()


async def test_a_poller_s_observation_is_of_the_zone_with_its_own_corrected_time(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic")
    house.collectors.heard(poller, NOW - 90_000, is_blind=False, now=Moment(NOW, 0))
    assert await house.post(poller, "chA", timestamp_ms=NOW - 700) is None
    (seen,) = house.account.observed
    assert (seen.tenant_id, seen.entity_id, seen.check_id, seen.zone_id) == (ALICE, "enRemote", "chA", "pzAttic")
    assert (seen.agent_id, seen.sender, seen.buffers, seen.check_revision) == (None, "one:guid-one", False, 0)
    assert (seen.at_ms, seen.arrival_ms, seen.took_ms) == (NOW - 700, NOW, None)


async def test_a_poller_s_clock_that_is_ahead_gives_no_time_in_the_future(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic")
    await house.post(poller, "chA", timestamp_ms=NOW + 5_000)
    assert house.account.observed[0].at_ms == NOW


async def test_our_collector_says_revision_duration_round_blindness_and_target(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic", features=OURS)
    house.collectors.heard(poller, NOW - 90_000, is_blind=False, now=Moment(NOW, 0))
    await house.post(poller, "chA", timestamp_ms=NOW - 90_700, check_revision=1, took_ms=40, round_id="r1",
                     is_blind=True, target="192.0.2.1")  # fmt: skip
    (seen,) = house.account.observed
    assert (seen.buffers, seen.check_revision, seen.took_ms, seen.round_id) == (True, 1, 40, "r1")
    assert (seen.is_blind, seen.target, seen.at_ms) == (True, "192.0.2.1", NOW - 700)


async def test_what_is_assigned_to_another_collector_or_to_nobody_here_is_not_taken(house: House) -> None:
    house.put(*(remote_check(f"ch{number}", "pzAttic") for number in range(20)), remote_check("chElse", "mzdfw"),
              remote_check("chOff", "pzAttic", disabled=True))  # fmt: skip
    one, two = await house.connect("one", "pzAttic"), await house.connect("two", "pzAttic")
    house.steady_ms = 3_600_000
    other = await house.post(one, next(iter(two.running)))
    assert other == NotTaken("check_id: this check is assigned to another collector of its monitoring zone")
    for check_id in ("chElse", "chOff", "chNone"):
        verdict = await house.post(one, check_id)
        assert verdict == NotTaken("check_id: no enabled check that is polled from this collector's monitoring zone")
    assert house.account.observed == []
    assert house.collectors.counts["not_taken"] == 4


async def test_what_is_on_its_way_when_a_check_moves_is_taken_still_for_a_while(house: House) -> None:
    house.put(*(remote_check(f"ch{number}", "pzAttic") for number in range(20)))
    one = await house.connect("one", "pzAttic")
    two = await house.connect("two", "pzAttic")
    moved = next(iter(two.running))
    house.steady_ms = 119_999
    assert await house.post(one, moved) is None
    house.steady_ms = 120_000
    assert await house.post(one, moved) is not None


async def test_what_a_stock_poller_saw_of_a_check_before_it_took_its_change_is_of_the_check_before(
    house: House,
) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic")
    poller.is_mute = True
    house.put(remote_check("chA", "pzAttic", period=30))
    await house.follow()
    await house.post(poller, "chA")
    house.steady_ms = 60_000
    await house.post(poller, "chA")
    poller.is_mute = False
    poller.answer(house.steady_ms)
    await house.post(poller, "chA")
    assert [seen.check_revision for seen in house.account.observed] == [1, 0, 0]


async def test_the_first_posts_wait_until_it_is_known_what_the_collector_runs(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    early = await house.connect("one", "pzAttic")
    await house.disconnect(early)
    house.collectors.connected(early)
    posting = house.post(early, "chA")
    task = asyncio.ensure_future(posting)
    await asyncio.sleep(0)
    assert not task.done()
    await house.collectors.step(0)
    assert await task is None


async def test_a_post_that_cannot_be_stored_is_for_the_collector_to_keep(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic")
    house.account.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await house.post(poller, "chA")


async def test_a_name_that_two_collectors_share_gives_neither_the_other_s_zone(house: House) -> None:
    house.put(remote_check("chDfw", "mzdfw"), remote_check("chOrd", "mzord"))
    dfw = await house.connect("one", "mzdfw", features=OURS, guid="same")
    ord_ = await house.connect("one", "mzord", features=OURS, guid="same")
    assert (set(dfw.running), set(ord_.running)) == ({"chDfw"}, {"chOrd"})
    assert await house.post(ord_, "chDfw") is not None
    assert await house.post(dfw, "chOrd") is not None
    assert house.account.observed == []
