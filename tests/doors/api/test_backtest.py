"""What an alarm would have done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.examples import delivery, state_change
from tests.doors.api.house import Cast, House
from tests.doors.api.story import Story
from vedette.domain.documents import Kind
from vedette.domain.history import DeliveryState
from vedette.domain.ids import AlarmId, CheckId, EntityId, NotificationId, PlanId
from vedette.domain.states import State
from vedette.domain.timeline import key_at

ONE = ":set consistencyLevel=ONE\nif (metric['code'] regex '^5') { return CRITICAL }"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """It evaluates nothing itself: what is in the log was there before its start."""
    with House(tmp_path_factory.mktemp("house") / "var", roles="api") as running:
        yield running


@pytest.fixture
def story(house: House, cast: Cast) -> Story:
    return lived(house, cast)


def lived(house: House, cast: Cast) -> Story:
    """Ten minutes: one zone sees an error at 3 minutes, two of them from 6 to 8."""
    told = Story(house, cast)
    for minute in range(10):
        sick = ["mzdfw"] if minute == 3 else ["mzdfw", "mzord"] if 6 <= minute < 8 else []
        told.see("503", 60 * minute, sick)
        told.see("200", 60 * minute + 1, [zone for zone in ("mzdfw", "mzord", "mzlon") if zone not in sick])
    return told


def found_by(story: Story, to_s: float = 600, from_s: float = 30, **body: Any) -> Any:
    body = {"from": story.at(from_s), "to": story.at(to_s)} | body
    answer = story.alice.call("POST", f"{story.address}/backtest", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def turns(side: dict[str, Any], story: Story) -> list[tuple[int, str]]:
    return [((one["timestamp"] - story.begin) // 1000, one["state"]) for one in side["timeline"]]


def pages(listed: list[dict[str, Any]], story: Story) -> list[tuple[int, str]]:
    return [((one["timestamp"] - story.begin) // 1000, one["state"]) for one in listed]


def test_under_its_own_criteria_it_does_what_it_did(story: Story) -> None:
    found = found_by(story)
    assert found["would"]["state"] == "OK"
    assert turns(found["would"], story) == [(360, "CRITICAL"), (481, "OK")]
    assert pages(found["would"]["notifications"], story) == [(360, "CRITICAL"), (481, "OK")]
    assert found["would"]["notifications"][0]["notification_ids"] == [story.receiver]
    assert found["would"]["durations"] == {
        "UNKNOWN": 0, "OK": 449_010, "WARNING": 0, "CRITICAL": 120_990
    }  # fmt: skip
    assert found["observations"] == 27


def test_over_each_database_it_finds_the_same(dsn: str | None, tmp_path: Path) -> None:
    settings = {} if dsn is None else {"database": dsn}
    with House(tmp_path / "var", roles="api", **settings) as house:
        story = lived(house, house.cast())
        key = story.suppress(300, 420)
        story.remove(Kind.SUPPRESSION, key, 500)
        found = found_by(story, criteria=ONE)
        assert pages(found["would"]["notifications"], story) == [
            (180, "CRITICAL"), (241, "OK"), (420, "CRITICAL"), (481, "OK")
        ]  # fmt: skip
        assert story.alice.get(f"{story.address}/explain", at=story.at(400))["suppressions"][0]["id"] == key


def test_other_criteria_show_what_they_would_have_done(story: Story) -> None:
    found = found_by(story, criteria=ONE)
    assert turns(found["would"], story) == [(180, "CRITICAL"), (241, "OK"), (360, "CRITICAL"), (481, "OK")]
    assert (found["would"]["changes"], found["would"]["notified"]) == (4, 4)


def test_no_criteria_at_all_is_availability(story: Story) -> None:
    assert found_by(story, criteria=None)["would"]["changes"] == 0


def test_it_is_compared_with_what_was(story: Story) -> None:
    """It had paged for the first error too, and for one that nothing was seen of."""
    of: dict[str, Any] = {
        "tenant_id": story.alice.tenant, "entity_id": EntityId(story.entity), "check_id": CheckId(story.check),
        "alarm_id": AlarmId(story.alarm),
    }  # fmt: skip
    to = {"plan_id": PlanId(story.plan), "notification_id": NotificationId(story.receiver)}
    happened = [(180, State.CRITICAL), (241, State.OK), (361, State.CRITICAL), (482, State.OK)]
    for at_s, state in happened:
        key = key_at(story.at(at_s))
        change = state_change(key, at_ms=story.at(at_s), state=state, **of)
        sent = delivery(key, at_ms=story.at(at_s), state=state, delivery_state=DeliveryState.DELIVERED, **to | of)
        story.commit(lambda stores, sent=sent, change=change: [stores.changelogs.add(change), stores.outbox.add(sent)])
    quiet = delivery(key_at(story.at(500)), delivery_state=DeliveryState.SUPPRESSED, at_ms=story.at(500), **to | of)
    story.commit(lambda stores: [stores.outbox.add(quiet)])

    found = found_by(story)

    assert turns(found["was"], story) == [(180, "CRITICAL"), (241, "OK"), (361, "CRITICAL"), (482, "OK")]
    assert {name: found["was"][name] for name in ("state", "changes", "notified", "suppressed")} == {
        "state": "UNKNOWN", "changes": 4, "notified": 4, "suppressed": 1
    }  # fmt: skip
    compared = found["comparison"]
    assert {name: compared[name] for name in ("same", "additional", "spared")} == {
        "same": 2, "additional": 0, "spared": 2
    }  # fmt: skip
    assert pages(compared["spared_notifications"], story) == [(180, "CRITICAL"), (241, "OK")]


def test_suppressions_of_the_time_hold_pages_back(story: Story) -> None:
    key = story.suppress(300, 420)
    found = found_by(story)
    assert [(one["state"], one["suppressions"]) for one in found["would"]["withheld"]] == [("CRITICAL", [key])]
    assert pages(found["would"]["notifications"], story) == [(420, "CRITICAL"), (481, "OK")]
    assert found["would"]["suppressed"] == 1


def test_a_suppression_that_was_removed_counts_for_as_long_as_it_was(story: Story) -> None:
    key = story.suppress(300, 10_000)
    story.remove(Kind.SUPPRESSION, key, 450)
    assert pages(found_by(story)["would"]["notifications"], story) == [(450, "CRITICAL"), (481, "OK")]


def test_a_recurring_suppression_is_followed(story: Story) -> None:
    day_ms = 86_400_000
    times = {"start_time": story.at(350) - 3 * day_ms, "end_time": story.at(400) - 3 * day_ms}
    story.suppress(0, 1, recurrence="FREQ=DAILY", timezone="UTC", **times)
    assert pages(found_by(story)["would"]["notifications"], story) == [(400, "CRITICAL"), (481, "OK")]


def test_a_plan_without_receivers_pages_nobody(story: Story) -> None:
    story.change(Kind.PLAN, story.plan, 100, critical_state=[])
    found = found_by(story)
    assert pages(found["would"]["notifications"], story) == [(481, "OK")]
    assert found["would"]["changes"] == 2


def test_the_check_is_taken_as_it_was(story: Story) -> None:
    """Afterwards it is polled from one zone; of that time it is not."""
    story.change(Kind.CHECK, story.check, 700, monitoring_zones_poll=["mzdfw"])
    assert turns(found_by(story)["would"], story) == [(360, "CRITICAL"), (481, "OK")]
    assert turns(found_by(story, criteria=ONE)["would"], story)[0] == (180, "CRITICAL")


def test_while_the_alarm_was_disabled_nothing_happens_unless_criteria_are_tried(story: Story) -> None:
    story.change(Kind.ALARM, story.alarm, 330, disabled=True)
    assert found_by(story)["would"]["changes"] == 0
    assert found_by(story, criteria=ONE)["would"]["changes"] == 4


def test_it_says_since_when_there_is_anything_to_go_by(story: Story) -> None:
    before = found_by(story, from_s=-3600)
    assert (before["data_from"], before["configuration_from"]) == (story.begin + 1000, story.at(-3600))
    assert before["would"]["state"] == "UNKNOWN"
    nothing = found_by(story, from_s=2000, to_s=3000)
    assert (nothing["data_from"], nothing["observations"]) == (None, 0)


def test_until_now_where_no_end_is_given(story: Story) -> None:
    found = found_by(story, to=None)
    assert found["would"]["changes"] == 2
    assert found["to"] > story.at(7_000)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "from"),
        ({"from": "soon"}, "from"),
        ({"from": 1}, "from"),
        ({"from": 1 << 53}, "from"),
        ({"from": 0, "to": 1 << 52}, "to"),
        ({"from": 5, "to": 5}, "from"),
    ],
)
def test_a_stretch_that_is_none_is_refused(story: Story, body: dict[str, Any], key: str) -> None:
    fault = story.alice.refused("POST", f"{story.address}/backtest", body)
    assert (fault["type"], fault["message"]) == ("badRequest", f"Validation error for key '{key}'")


def test_criteria_that_do_not_parse_are_refused_with_their_place(story: Story) -> None:
    body = {"from": story.begin, "criteria": "if (x) { return OK }"}
    fault = story.alice.refused("POST", f"{story.address}/backtest", body)
    assert (fault["type"], fault["details"]["error_column"]) == ("alarmParseError", 5)


def test_it_is_for_those_who_may_change_alarms_and_leaves_an_audit_entry(story: Story, cast: Cast) -> None:
    body = {"from": story.begin}
    address = f"{story.address}/backtest"
    assert cast.bob.refused("POST", address, body)["type"] == "missingCapabilitiesError"
    assert cast.charlie.refused("POST", address, body)["type"] == "parentNotFoundError"
    none = f"/entities/{story.entity}/alarms/alNone/backtest"
    assert cast.carol.refused("POST", none, body)["type"] == "notFoundError"
    answer = cast.carol.call("POST", address, body)
    assert (answer.status_code, answer.headers["X-RateLimit-Type"]) == (200, "test_alarm")
    assert [one["statusCode"] for one in cast.alice.audits()] == [403, 404, 200]
