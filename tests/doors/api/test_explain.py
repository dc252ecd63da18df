"""Why an alarm is, or was, as it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contracts.examples import attempt, delivery, state_change
from tests.doors.api.house import Cast, House
from tests.doors.api.story import Story
from vedette.app.storage import open_stores
from vedette.domain.documents import Kind
from vedette.domain.happenings import Spell, ZoneTurned
from vedette.domain.history import DeliveryState
from vedette.domain.ids import AlarmId, CheckId, EntityId, NotificationId, PlanId, ZoneId
from vedette.domain.states import State
from vedette.domain.timeline import key_at


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """It evaluates nothing itself: what is in the log was there before its start."""
    with House(tmp_path_factory.mktemp("house") / "var", roles="api") as running:
        yield running


@pytest.fixture
def story(house: House, cast: Cast) -> Story:
    return Story(house, cast)


def explained(story: Story, at_s: float) -> dict[str, Any]:
    shown: dict[str, Any] = story.alice.get(f"{story.address}/explain", at=story.at(at_s))
    return shown


def outage(story: Story) -> None:
    """All is well for three minutes, then one zone sees an error, and 20 s later a second one."""
    for minute in range(3):
        story.see("200", 60 * minute)
    story.see("503", 180, ["mzdfw"])
    story.see("200", 185, ["mzlon"])
    story.see("503", 200, ["mzord"])


def test_why_nobody_was_told_yet(story: Story) -> None:
    outage(story)
    shown = explained(story, 190)
    assert (shown["state"], shown["reason"]) == ("OK", "NO_QUORUM")
    assert shown["because"] == "It stays OK: 2 of 3 zones that are up must agree; votes that count: 2 OK, 1 CRITICAL."
    assert shown["arithmetic"] == {
        "consistency_level": "QUORUM", "consecutive_count": 1, "zones": 3, "up": 3, "need": 2, "counted": 3,
        "votes": {"OK": 2, "WARNING": 0, "CRITICAL": 1}, "fresh_for": 90_000,
    }  # fmt: skip
    assert [(one["monitoring_zone_id"], one["vote"], one["age"]) for one in shown["zones"]] == [
        ("mzdfw", "CRITICAL", 10_000), ("mzord", "OK", 69_990), ("mzlon", "OK", 5_000)
    ]  # fmt: skip


def test_why_somebody_was_told(story: Story) -> None:
    outage(story)
    shown = explained(story, 210)
    assert (shown["state"], shown["status"], shown["changed_at"]) == ("CRITICAL", "HTTP 503", story.at(200))
    assert shown["told"] == {story.plan: "CRITICAL"}
    assert shown["plan"]["receivers"]["CRITICAL"] == [story.receiver]
    assert shown["statement"] == {
        "line": 1,
        "text": 'if (metric["code"] regex "^5") {\n  return new AlarmStatus(CRITICAL, "HTTP #{code}");\n}',
        "values": {'metric["code"]': "503"},
    }
    newest = shown["observations"][0]
    assert (newest["monitoring_zone_id"], newest["reason"], newest["alarm_state"]) == ("mzord", "CHANGED", "CRITICAL")
    assert newest["result"] == {"state": "CRITICAL", "status": "HTTP 503"}


def test_the_statement_shown_is_one_that_speaks_for_the_state(story: Story) -> None:
    outage(story)
    story.see("200", 215, ["mzlon"])
    assert explained(story, 220)["statement"]["line"] == 1


def test_what_did_not_count_is_shown_with_why(story: Story) -> None:
    story.see("200", 0)
    story.see("200", 0)  # the same again
    story.see("500", 60, ["mzdfw"], is_blind=True)
    story.see("500", 61, ["mzsyd"])
    shown = explained(story, 70)
    assert [(one["not_counted_as"], one["counted"]) for one in shown["observations"]] == [
        ("NOT_OF_CHECK", False), ("BLIND", False), *[("DUPLICATE", False)] * 3, *[(None, True)] * 3
    ]  # fmt: skip
    assert shown["observations"][1]["not_counted_because"] == "its collector could not see its canaries"
    assert shown["observations"][0]["statement"] is None


def test_an_observation_without_an_answer_has_no_statement(story: Story) -> None:
    story.see(None, 0)
    shown = explained(story, 1)
    assert (shown["state"], shown["statement"]) == ("CRITICAL", None)
    assert shown["observations"][0]["result"] == {"state": "CRITICAL", "status": "connection refused"}


def test_a_zone_that_was_down_did_not_vote(story: Story) -> None:
    zones = [f"pz{story.alice.tenant}{letter}" for letter in "ABC"]  # zones of nobody else's: they turn for all
    story.change(Kind.CHECK, story.check, -1, monitoring_zones_poll=zones)
    story.see("200", 0, zones, check_revision=2)
    for zone in zones[:2]:
        story.log(ZoneTurned(story.at(30), ZoneId(zone), "prOne", Spell.DOWN))
    story.see("500", 60, zones[2:], check_revision=2)
    shown = explained(story, 61)
    assert (shown["state"], shown["reason"]) == ("OK", "ELECTORATE_TOO_SMALL")
    assert shown["because"] == "It stays OK: only 1 of 3 zones are up, and 2 must agree."
    assert [one["not_counted_because"] for one in shown["zones"]] == ["the zone is not up", "the zone is not up", None]


def test_runs_show_how_far_they_are(house: House, cast: Cast) -> None:
    criteria = ":set consecutiveCount=3\nif (metric['code'] == '500') { return CRITICAL }"
    story = Story(house, cast, criteria=criteria)
    for minute in range(4):
        story.see("200", 60 * minute)
    story.see("500", 240)
    shown = explained(story, 250)
    assert (shown["state"], shown["reason"]) == ("OK", "NOT_CONSECUTIVE_YET")
    assert shown["zones"][0]["run"] == ["OK", "OK", "CRITICAL"]
    assert shown["zones"][0]["run_length"] == 3


def test_rates_are_shown_as_they_were_computed(house: House, cast: Cast) -> None:
    story = Story(house, cast, criteria="if (rate(metric['code']) > 1) { return new AlarmStatus(WARNING, 'fast') }")
    story.see("100", 0, ["mzdfw"])
    story.see("220", 60, ["mzdfw"])
    newest, first = explained(story, 61)["observations"]
    assert newest["statement"]["values"] == {'metric["code"]': "220", 'rate(metric["code"])': 2.0}
    assert first["result"]["status"] == "rate(code) cannot be computed yet: no earlier observation has the metric"
    assert first["reason"] == "NOT_YET_COMPUTABLE"


def test_the_configuration_is_that_of_the_time(story: Story) -> None:
    outage(story)
    story.change(Kind.ALARM, story.alarm, 400, criteria="return CRITICAL")
    story.change(Kind.CHECK, story.check, 400, monitoring_zones_poll=["mzdfw"])
    assert explained(story, 190)["arithmetic"]["zones"] == 3
    assert explained(story, 500)["arithmetic"]["zones"] == 1
    assert explained(story, 500)["criteria"] == "return CRITICAL"


def test_a_disabled_alarm_says_so(story: Story) -> None:
    outage(story)
    story.change(Kind.ALARM, story.alarm, 100, disabled=True)
    shown = explained(story, 210)
    assert (shown["reason"], shown["arithmetic"], shown["zones"]) == (None, None, [])
    assert shown["because"].startswith("It is not evaluated")
    assert shown["observations"][0]["not_counted_because"] == "the alarm was not evaluated then"


def test_suppressions_of_the_time_are_named_even_when_they_are_gone(story: Story) -> None:
    outage(story)
    key = story.suppress(150, 3600)
    story.remove(Kind.SUPPRESSION, key, 300)
    shown = explained(story, 210)
    assert [(one["id"], one["active"]) for one in shown["suppressions"]] == [(key, True)]
    assert (shown["told"], shown["is_held_back"]) == ({}, True)
    assert explained(story, 310)["suppressions"] == []
    assert explained(story, 310)["told"] == {story.plan: "CRITICAL"}, "it was told when the suppression went"


def test_what_is_removed_through_the_api_is_kept_until_the_moment_it_went(story: Story, house: House) -> None:
    times = {"start_time": 0, "end_time": int(time.time() * 1000) + 3_600_000}
    key = story.alice.create("/suppressions", entities=[story.entity], **times)
    before_ms = int(time.time() * 1000)
    story.alice.update(f"/suppressions/{key}", end_time=times["end_time"] + 1)
    story.alice.delete(f"/suppressions/{key}")

    async def kept() -> list[tuple[int, int]]:
        async with open_stores(house.config) as stores:
            found = await stores.revisions.of(story.alice.tenant, [key], 0, 9)
            return sorted((one.document.revision, one.until_ms) for one in found)

    (first, changed_ms), (second, removed_ms) = house.run(kept())
    assert (first, second) == (1, 2)
    assert before_ms <= changed_ms <= removed_ms <= int(time.time() * 1000)


def test_the_recorded_change_and_deliveries_with_their_attempts_are_shown(story: Story) -> None:
    outage(story)
    of: dict[str, Any] = {
        "tenant_id": story.alice.tenant, "entity_id": EntityId(story.entity), "check_id": CheckId(story.check),
        "alarm_id": AlarmId(story.alarm),
    }  # fmt: skip
    key = key_at(story.at(200))
    sent = delivery(
        key, plan_id=PlanId(story.plan), notification_id=NotificationId(story.receiver), at_ms=story.at(200), **of
    )
    tried = attempt(sent, 1, started_ms=story.at(201))
    story.commit(
        lambda stores: [stores.changelogs.add(state_change(key, at_ms=story.at(200), **of)), stores.outbox.add(sent)]
    )
    story.commit(lambda stores: [stores.outbox.claim(sent, story.at(230), tried)])
    shown = explained(story, 210)
    assert (shown["change"]["timestamp"], shown["change"]["state"]) == (story.at(200), "CRITICAL")
    assert shown["replay"]["agrees"]
    [told] = shown["notifications"]
    assert (told["delivery"], told["notification_id"]) == (DeliveryState.PENDING, story.receiver)
    assert told["attempts"] == [
        {"number": 1, "started_at": story.at(201), "finished_at": None, "success": None, "message": ""}
    ]
    assert explained(story, 190)["notifications"] == []
    assert explained(story, 190)["change"] is None


def test_what_the_replay_is_made_from_is_said(story: Story) -> None:
    outage(story)
    replay = explained(story, 210)["replay"]
    assert replay["data_from"] == story.at(60), "as far back as votes reach"
    assert replay["configuration_from"] < story.begin
    assert (replay["state"], replay["recorded_state"], replay["agrees"]) == ("CRITICAL", State.UNKNOWN, False)


def test_by_default_it_is_about_now(story: Story) -> None:
    outage(story)
    shown = story.alice.get(f"{story.address}/explain")
    assert shown["observations"] == []
    assert (shown["state"], shown["reason"]) == ("UNKNOWN", "NO_FRESH_OBSERVATIONS")


@pytest.mark.parametrize("at", ["tomorrow", "1", str(1 << 52), "-5"])
def test_a_moment_that_nothing_is_kept_of_is_refused(story: Story, at: str) -> None:
    fault = story.alice.refused("GET", f"{story.address}/explain", params={"at": at})
    assert (fault["type"], fault["message"]) == ("badRequest", "Validation error for key 'at'")


def test_everybody_of_the_tenant_may_ask_and_nobody_else(story: Story, cast: Cast) -> None:
    address = f"{story.address}/explain"
    for caller in (cast.alice, cast.carol, cast.bob):
        assert caller.call("GET", address).status_code == 200
    assert cast.charlie.refused("GET", address)["type"] == "parentNotFoundError"
    none = f"/entities/{story.entity}/alarms/alNone/explain"
    assert cast.bob.refused("GET", none)["type"] == "notFoundError"
    elsewhere = f"/entities/{cast.alice.entity()}/alarms/{story.alarm}/explain"
    assert cast.bob.refused("GET", elsewhere)["type"] == "notFoundError"
