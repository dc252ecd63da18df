"""The collectors of zones: who is there, and who runs what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.agents import ALICE_TOKEN, CHARLIE, entity, remote_check, zone
from tests.services.collector_cast import OURS, STOCK, Here, House, Poller, host
from tests.services.test_agents import HERE, NOW
from vedette.domain.ids import CheckId
from vedette.domain.tokens import Reason
from vedette.ports.probing import Confirmation
from vedette.ports.unit import StoreUnavailable
from vedette.services.handshakes import TEXTS
from vedette.services.zone_watch import Beat
from vedette.wire.events import Unanswered
from vedette.wire.messages import Hello
from vedette.wire.moment import Moment
from vedette.wire.poller import COMMIT, CONFIRM, PREPARE, PROBES


@pytest.fixture
def house() -> House:
    return House()


# -- who may connect


@pytest.mark.parametrize(
    ("hello", "says"),
    [
        ({"zone_ids": ("pzOther",)}, "zone_ids: this token's account has no private monitoring zone pzOther"),
        ({"zone_ids": ("pzAttic", "pzOther")}, "zone_ids: this token's account has no private monitoring zone pzOther"),
        ({"zone_ids": ()}, "zone_ids: expected the monitoring zones that this collector is for"),
    ],
)
async def test_a_poller_connects_for_zones_of_its_token_s_account_only(
    house: House, hello: dict[str, Any], says: str
) -> None:
    house.put(zone("pzOther", CHARLIE))
    found = await house.refused(Hello(token=ALICE_TOKEN, agent_id="p", guid="g", features=STOCK, **hello))
    assert (found.reason, found.message) == (Reason.ZONE_NOT_ALLOWED, says)


async def test_no_more_collectors_connect_than_the_zone_may_have(house: House) -> None:
    house.put(zone("pzAttic", maximum_agents=1))
    first = await house.connect("one", "pzAttic")
    again = await house.connect("one", "pzAttic", guid="another")
    second = Hello(token=ALICE_TOKEN, agent_id="two", guid="g", features=STOCK, zone_ids=("pzAttic",))
    found = await house.refused(second)
    assert found.message == "As many collectors are connected as pzAttic may have (maximum_agents)"
    await house.disconnect(first)
    await house.disconnect(again)
    await house.connect("two", "pzAttic")


async def test_a_poller_is_no_agent_even_with_an_agent_s_name(house: House) -> None:
    house.put(entity("enWeb", "web-1"))
    poller = await house.connect("web-1", "pzAttic")
    assert (poller.identity.entity_id, poller.told) == (None, 0)


# -- who runs what


async def test_a_poller_is_handed_the_remote_checks_of_its_zone_and_no_others(house: House) -> None:
    house.put(
        remote_check("chMine", "pzAttic", target_alias="a", target_hostname=None),
        remote_check("chOff", "pzAttic", disabled=True),
        remote_check("chElsewhere", "mzdfw"),
    )
    poller = await house.connect("one", "pzAttic")
    (check,) = poller.running.values()
    assert (check.id, check.zone_id, check.entity_id, check.period) == ("chMine", "pzAttic", "enRemote", 60)
    assert (check.target_alias, check.ip_addresses, check.revision) == ("a", {"a": "192.0.2.8"}, None)
    assert poller.steps[0].params["zone_id"] == "pzAttic"


async def test_checks_are_spread_each_to_one_and_fail_over_and_come_back(house: House) -> None:
    house.put(*(remote_check(f"ch{number}", "pzAttic") for number in range(40)))
    one, two = await house.connect("one", "pzAttic"), await house.connect("two", "pzAttic")
    before = set(two.running)
    assert len(one.running) + len(two.running) == 40
    assert not set(one.running) & before
    assert before
    await house.disconnect(two)
    assert len(one.running) == 40
    back = await house.connect("two", "pzAttic")
    assert set(back.running) == before
    assert len(one.running) == 40 - len(before)


async def test_a_blind_collector_s_checks_move_and_come_back_when_it_sees(house: House) -> None:
    house.put(*(remote_check(f"ch{number}", "pzAttic") for number in range(20)))
    one = await house.connect("one", "pzAttic", features=OURS)
    two = await house.connect("two", "pzAttic", features=OURS)
    house.collectors.heard(two, NOW, is_blind=True, now=Moment(NOW, 0))
    await house.settle()
    assert (len(one.running), len(two.running)) == (20, 0)
    assert house.collectors.standing(0) == {"pzAttic": Beat(sees=True, until_ms=15_000)}
    house.collectors.heard(one, NOW, is_blind=True, now=Moment(NOW, 0))
    await house.settle()
    assert house.collectors.standing(0) == {"pzAttic": Beat(sees=False, until_ms=15_000)}
    assert len(one.running) + len(two.running) == 20
    assert two.running


async def test_a_built_in_zone_shares_its_checks_with_collectors_from_outside(house: House) -> None:
    house.put(*(remote_check(f"ch{number}", "mzdfw") for number in range(20)))
    here = Here("mzdfw")
    house.collectors.seat("mzdfw", "here", here, {"remote.tcp"}, lambda: here.is_blind)
    await house.settle()
    assert len(here.assigned) == 20
    outside = await house.connect("one", "mzdfw", features=OURS)
    assert outside.running.keys() | here.assigned.keys() == {f"ch{number}" for number in range(20)}
    assert not outside.running.keys() & here.assigned.keys()
    here.is_blind = True
    await house.settle()
    assert (len(here.assigned), len(outside.running)) == (0, 20)
    await house.disconnect(outside)
    assert len(here.assigned) == 20


async def test_what_a_zone_s_collectors_run_is_known_while_there_are_any(house: House) -> None:
    assert house.collectors.can_run("pzAttic", "remote.ssh")
    poller = await house.connect("one", "pzAttic")
    assert house.collectors.can_run("pzAttic", "remote.ping")
    assert not house.collectors.can_run("pzAttic", "remote.ssh")
    await house.disconnect(poller)
    assert house.collectors.can_run("pzAttic", "remote.ssh")


async def test_changes_reach_the_collector_that_has_the_check(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic", features=OURS)
    house.put(remote_check("chA", "pzAttic", period=90), remote_check("chB", "pzAttic"))
    await house.follow()
    assert {key: (check.period, check.revision) for key, check in poller.running.items()} == {
        "chA": (90, 2),
        "chB": (60, 1),
    }
    house.account.remove(remote_check("chA", "pzAttic"))
    house.put(remote_check("chB"))
    await house.follow()
    assert poller.running == {}


async def test_a_new_address_behind_an_alias_is_a_change(house: House) -> None:
    house.put(remote_check("chA", "pzAttic", target_alias="a", target_hostname=None))
    poller = await house.connect("one", "pzAttic")
    house.put(host("192.0.2.9"))
    await house.follow()
    assert poller.running["chA"].ip_addresses == {"a": "192.0.2.9"}


async def test_a_change_that_a_stock_poller_does_not_see_begins_nothing_anew(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic")
    steps = len(poller.steps)
    house.put(remote_check("chA", "pzAttic", label="another"))
    await house.follow()
    assert len(poller.steps) == steps


async def test_what_a_collector_said_of_its_sight_holds_for_three_of_its_own_intervals(house: House) -> None:
    """In a private zone too: ours beat every 5 s there, and a poller of other make every 30 s."""
    ours = await house.connect("ours", "pzAttic", features=OURS)
    stock = await house.connect("stock", "pzAttic")
    for live in (ours, stock):
        house.collectors.heard(live, None, is_blind=False, now=Moment(NOW, 1_000))
    assert house.collectors.standing(15_999) == {"pzAttic": Beat(sees=True, until_ms=91_000)}
    house.collectors.heard(stock, None, is_blind=True, now=Moment(NOW, 2_000))
    assert house.collectors.standing(15_999) == {"pzAttic": Beat(sees=True, until_ms=16_000)}
    assert house.collectors.standing(16_000) == {"pzAttic": Beat(sees=False, until_ms=92_000)}
    assert house.collectors.standing(92_000) == {}


async def test_a_collector_that_has_much_to_tell_counts_as_there_though_its_beats_wait_behind(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    ours = await house.connect("ours", "pzAttic", features=OURS)
    house.collectors.heard(ours, None, is_blind=False, now=Moment(NOW, 0))
    house.steady_ms = 14_000
    await house.post(ours, "chA")
    assert house.collectors.standing(28_999) == {"pzAttic": Beat(sees=True, until_ms=29_000)}


async def test_a_disabled_zone_keeps_its_collectors_without_checks(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic")
    house.put(zone("pzAttic", disabled=True))
    await house.follow()
    assert (poller.running, poller.closed, house.collectors.standing(0)) == ({}, [], {})
    house.put(zone("pzAttic"))
    await house.follow()
    assert set(poller.running) == {"chA"}


async def test_a_deleted_zone_s_collectors_are_cut(house: House) -> None:
    poller = await house.connect("one", "pzAttic")
    house.account.remove(zone("pzAttic"))
    await house.follow()
    assert (poller.closed, poller.was_told) == ([Reason.ZONE_NOT_ALLOWED], True)


async def test_one_list_serves_a_collector_of_two_zones(house: House) -> None:
    house.put(zone("pzCellar"), remote_check("chA", "pzAttic", "pzCellar"), remote_check("chB", "pzCellar"))
    poller = await house.connect("one", "pzAttic", "pzCellar")
    assert {key: check.zone_id for key, check in poller.running.items()} == {"chA": "pzAttic", "chB": "pzCellar"}
    await house.post(poller, "chA")
    await house.post(poller, "chB")
    assert [observation.zone_id for observation in house.account.observed] == ["pzAttic", "pzCellar"]


async def test_of_several_connections_of_a_process_the_newest_hands_out(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    older = await house.connect("one", "pzAttic")
    newer = await house.connect("one", "pzAttic")
    house.put(remote_check("chB", "pzAttic"))
    await house.follow()
    assert "chB" in mentioned(newer)
    assert "chB" not in mentioned(older)
    await house.disconnect(newer)
    house.put(remote_check("chC", "pzAttic"))
    await house.follow()
    assert "chC" in mentioned(older)


def mentioned(poller: Poller) -> set[str]:
    """The checks of its manifests."""
    return {entry.check_id for step in poller.steps for entry in step.params.get("manifest", ())}


async def test_an_older_connection_s_answer_counts_for_nothing_whatever_its_number(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    older = await house.connect("one", "pzAttic")
    newer = Poller(older.identity, house.collectors)
    house.collectors.connected(newer)
    house.put(remote_check("chB", "pzAttic"))
    await house.follow()
    house.collectors.answered(older, Unanswered(newer.outstanding, PREPARE), 0)
    newer.answer()
    assert newer.steps[-1].method == COMMIT


async def test_more_collectors_than_a_process_takes_are_cut(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.services.collectors.MOST_OF_A_ZONE", 1)
    first = await house.connect("one", "pzAttic")
    second = await house.connect("two", "pzAttic")
    assert (first.closed, second.closed) == ([], [Reason.TOO_MANY_COLLECTORS])
    assert "as many collectors of the zone" in TEXTS[Reason.TOO_MANY_COLLECTORS]
    again = await house.connect("one", "pzAttic")
    assert again.closed == []


async def test_a_collector_that_is_mute_is_tried_again_later_with_a_higher_version(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = Poller((await house.connect("other", "pzAttic")).identity, house.collectors)
    await house.disconnect(house.pollers[0])
    poller.is_mute = True
    house.collectors.connected(poller)
    await house.collectors.step(0)
    poller.fail(60_000)
    await house.collectors.step(60_500)
    versions = [step.params["version"] for step in poller.steps if step.method == PREPARE]
    await house.collectors.step(61_000)
    later = [step.params["version"] for step in poller.steps if step.method == PREPARE]
    assert (len(versions), len(later)) == (1, 2)
    assert later[1] > later[0] > 0


async def test_what_a_full_connection_does_not_take_is_sent_when_it_takes_more(house: House) -> None:
    house.put(*(remote_check(f"ch{number}", "pzAttic") for number in range(120)))
    poller = await house.connect("one", "pzAttic")
    poller.is_full = True
    house.put(zone("pzAttic"), *(remote_check(f"more{number}", "pzAttic") for number in range(120)))
    await house.follow()
    poller.is_full = False
    house.collectors.pump(poller, house.steady_ms)
    poller.answer()
    assert len(poller.running) == 240


@pytest.mark.parametrize(("pattern", "given"), [("a+", "(a+)"), ("x(a+)", "x(a+)"), ("(?i)a|b", "((?i)a|b)")])
async def test_a_stock_poller_gets_expressions_that_capture_and_ours_what_was_written(
    house: House, pattern: str, given: str
) -> None:
    details = {"url": "http://www.example/", "body_matches": {"k": pattern}}
    house.put(remote_check("chA", "pzAttic", type_="remote.http", details=details))
    stock = await house.connect("one", "pzAttic")
    assert stock.running["chA"].details["body_matches"] == {"k": given}
    assert stock.running["chA"].details["follow_redirects"] is True
    await house.disconnect(stock)
    ours = await house.connect("two", "pzAttic", features=OURS | {f"{PROBES}remote.http"})
    assert ours.running["chA"].details["body_matches"] == {"k": pattern}


async def test_what_would_kill_a_stock_poller_is_kept_from_it(house: House) -> None:
    house.put(
        remote_check("chBad", "pzAttic", details={"port": 80, "body_match": "("}),
        remote_check("chGood", "pzAttic"),
        remote_check("chUnknown", "pzAttic", type_="remote.ssh"),
    )
    poller = await house.connect("one", "pzAttic")
    assert set(poller.running) == {"chGood"}


async def test_while_the_store_is_gone_nothing_moves_and_it_goes_on_afterwards(house: House) -> None:
    house.put(remote_check("chA", "pzAttic"))
    poller = await house.connect("one", "pzAttic")
    await house.disconnect(poller)
    house.account.database.is_available = False
    late = Poller(poller.identity, house.collectors)
    house.collectors.connected(late)
    with pytest.raises(StoreUnavailable):
        await house.collectors.step(0)
    assert late.steps == []
    house.account.database.is_available = True
    await house.collectors.step(0)
    late.answer()
    assert set(late.running) == {"chA"}


async def test_the_collector_that_has_a_check_is_asked_to_confirm_it(house: House) -> None:
    house.put(*(remote_check(f"ch{number}", "mzdfw") for number in range(20)), remote_check("chMine", "pzAttic"))
    here = Here("mzdfw")
    house.collectors.seat("mzdfw", "here", here, {"remote.tcp"}, lambda: here.is_blind)
    outside = await house.connect("one", "mzdfw", features=OURS)
    await house.connect("stock", "pzAttic")
    assert house.collectors.can_confirm() == {"mzdfw"}
    asked = [
        Confirmation(check_id=CheckId(key), round_id="r1", in_ms=5_000)
        for key in (next(iter(here.assigned)), next(iter(outside.running)), "chMine", "chNone")
    ]
    for zone_id, one in zip(("mzdfw", "mzdfw", "pzAttic", "pzNone"), asked, strict=True):
        house.collectors.confirm(zone_id, one)
    assert here.asked == asked[:1]
    confirms = [step.params for pollers in house.pollers for step in pollers.steps if step.method == CONFIRM]
    assert confirms == [{"check_id": asked[1].check_id, "round_id": "r1", "in_ms": 5_000}]


async def test_a_collector_that_goes_while_its_zones_are_opened_stops_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look into a store takes its time; connections end meanwhile."""
    house.put(remote_check("chA", "pzAttic"), zone("pzCellar"))
    documents = house.account.documents
    find = documents.find

    async def leave_meanwhile(*key: Any) -> Any:
        if house.pollers and house.pollers[0].identity.agent_id == "brief":
            house.collectors.gone(house.pollers.pop())
        return await find(*key)

    hello = Hello(token=ALICE_TOKEN, agent_id="brief", guid="g", features=STOCK, zone_ids=("pzAttic", "pzCellar"))
    identity = await house.account.agents.authenticate(hello, HERE, NOW)
    house.pollers.append(Poller(identity, house.collectors))
    house.collectors.connected(house.pollers[0])
    monkeypatch.setattr(documents, "find", leave_meanwhile)

    await house.settle()

    assert house.pollers == []
    stays = await house.connect("stays", "pzAttic")
    assert set(stays.running) == {"chA"}
