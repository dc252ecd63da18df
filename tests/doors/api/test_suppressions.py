"""Reference: suppressions, suppression logs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contracts.examples import suppression_log
from tests.doors.api.house import Caller, Cast, House
from vedette.app.storage import open_stores
from vedette.domain.history import SuppressionLog
from vedette.domain.timeline import key_at, uuid_of

HOUR = 3_600_000


def now() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def ids(cast: Cast) -> dict[str, str]:
    """What Alice has: an entity, its check, their alarm and its plan."""
    entity = cast.alice.entity()
    check, plan = cast.alice.check(entity), cast.alice.plan()
    return {"entity": entity, "check": check, "plan": plan, "alarm": cast.alice.alarm(entity, check, plan)}


def for_an_hour(**more: Any) -> dict[str, Any]:
    return {"start_time": 0, "end_time": now() + HOUR} | more


def lists(ids: dict[str, str]) -> dict[str, list[str]]:
    return {
        "notification_plans": [ids["plan"]],
        "entities": [ids["entity"]],
        "checks": [f"{ids['entity']}:{ids['check']}"],
        "alarms": [f"{ids['entity']}:{ids['alarm']}"],
    }


def test_one_is_shown_as_it_was_made(cast: Cast, ids: dict[str, str]) -> None:
    begin, end = now() + HOUR, now() + 2 * HOUR
    body = lists(ids) | {"start_time": begin, "end_time": str(end), "label": "at night"}
    key = cast.carol.create("/suppressions", **body)
    shown = cast.bob.get(f"/suppressions/{key}")
    documented = ["id", "notification_plans", "entities", "checks", "alarms", "start_time", "end_time"]
    assert key.startswith("sp")
    assert list(shown)[:7] == documented
    assert shown.pop("created_at") == shown.pop("updated_at")
    assert shown == lists(ids) | {
        "id": key, "start_time": begin, "end_time": end, "label": "at night", "recurrence": None, "timezone": None
    }  # fmt: skip
    assert cast.bob.get("/suppressions")["values"][0]["id"] == key
    cast.alice.delete(f"/suppressions/{key}")
    assert cast.bob.get("/suppressions")["values"] == []


def test_built_in_plans_can_be_suppressed(cast: Cast) -> None:
    assert cast.alice.create("/suppressions", **for_an_hour(notification_plans=["npTechnicalContactsEmail"]))


@pytest.mark.parametrize(
    ("body", "kind", "key"),
    [
        ({}, "badRequest", "notification_plans, entities, checks, alarms"),
        ({"entities": []}, "badRequest", "notification_plans, entities, checks, alarms"),
        ({"entities": "enA"}, "badRequest", "entities"),
        ({"entities": ["chA"]}, "invalidKeyPrefix", "entities.0"),
        ({"entities": [f"en{n}" for n in range(513)]}, "badRequest", "entities"),
        ({"checks": ["chA"]}, "badRequest", "checks.0"),
        ({"checks": ["enA:alA"]}, "invalidKeyPrefix", "checks.0"),
        ({"alarms": ["enA:chA"]}, "invalidKeyPrefix", "alarms.0"),
        ({"alarms": ["enA:alA:alB"]}, "badRequest", "alarms.0"),
        ({"notification_plans": ["ntA"]}, "invalidKeyPrefix", "notification_plans.0"),
        ({"start_time": "soon"}, "badRequest", "start_time"),
        ({"start_time": -1}, "badRequest", "start_time"),
        ({"end_time": 1e17}, "badRequest", "end_time"),
        ({"label": ""}, "badRequest", "label"),
    ],
)
def test_what_does_not_fit_is_named(cast: Cast, body: dict[str, Any], kind: str, key: str) -> None:
    fault = cast.alice.refused("POST", "/suppressions", for_an_hour() | body)
    assert (fault["type"], fault["message"]) == (kind, f"Validation error for key '{key}'")


@pytest.mark.parametrize(
    ("body", "noun", "key"),
    [
        ({"entities": ["enNone"]}, "Entity", "enNone"),
        ({"checks": ["enNone:chNone"]}, "Check", "enNone:chNone"),
        ({"alarms": ["enNone:alNone"]}, "Alarm", "enNone:alNone"),
        ({"notification_plans": ["npNone"]}, "NotificationPlan", "npNone"),
    ],
)
def test_what_is_listed_must_exist(cast: Cast, body: dict[str, Any], noun: str, key: str) -> None:
    fault = cast.alice.refused("POST", "/suppressions", for_an_hour() | body)
    assert fault["type"] == "requiredNotFoundError"
    assert fault["details"] == f'Object "{noun}" with key "{key}" does not exist'


def test_anothers_objects_and_a_check_of_another_entity_do_not_exist(cast: Cast, ids: dict[str, str]) -> None:
    for body in (lists(ids), {"checks": [f"{cast.alice.entity()}:{ids['check']}"]}):
        caller = cast.charlie if "entities" in body else cast.alice
        assert caller.refused("POST", "/suppressions", for_an_hour() | body)["type"] == "requiredNotFoundError"


def suppression(caller: Caller, ids: dict[str, str], **body: Any) -> dict[str, Any]:
    key = caller.create("/suppressions", **{"entities": [ids["entity"]]} | body)
    return dict(caller.get(f"/suppressions/{key}"))


def test_zero_and_what_was_a_moment_ago_is_now(cast: Cast, ids: dict[str, str]) -> None:
    before = now()
    for start in (0, before - 50_000):
        shown = suppression(cast.alice, ids, start_time=start, end_time=before - 30_000)
        assert before <= shown["start_time"] == shown["end_time"] <= now()
    assert before <= suppression(cast.alice, ids)["start_time"] <= now()


@pytest.mark.parametrize("key", ["start_time", "end_time"])
def test_what_was_longer_ago_is_refused(cast: Cast, ids: dict[str, str], key: str) -> None:
    fault = cast.alice.refused("POST", "/suppressions", {"entities": [ids["entity"]], key: now() - 61_000})
    assert fault["message"] == f"Validation error for key '{key}'"
    assert "0, which is now" in fault["details"]


def test_an_end_before_the_start_is_refused_and_one_at_the_start_is_not(cast: Cast, ids: dict[str, str]) -> None:
    begin = now() + HOUR
    fault = cast.alice.refused(
        "POST", "/suppressions", {"entities": [ids["entity"]], "start_time": begin, "end_time": begin - 1}
    )
    assert fault["message"] == "Validation error for key 'end_time'"
    assert suppression(cast.alice, ids, start_time=begin, end_time=begin)["end_time"] == begin


def test_everything_can_be_changed_before_it_begins(cast: Cast, ids: dict[str, str]) -> None:
    begin = now() + HOUR
    key = suppression(cast.alice, ids, start_time=begin, end_time=begin + HOUR)["id"]
    changes = {"entities": [], "checks": lists(ids)["checks"], "start_time": begin + 1, "label": "later"}
    cast.alice.update(f"/suppressions/{key}", **changes)
    shown = cast.alice.get(f"/suppressions/{key}")
    assert {name: shown[name] for name in changes} == changes
    assert shown["end_time"] == begin + HOUR


def test_once_it_has_begun_only_its_end_can_be_changed(cast: Cast, ids: dict[str, str]) -> None:
    shown = suppression(cast.alice, ids, end_time=now() + HOUR)
    address = f"/suppressions/{shown['id']}"
    for change in ({"entities": [cast.alice.entity()]}, {"start_time": now() + 1_000}, {"label": "x"}):
        fault = cast.alice.refused("PUT", address, change)
        assert fault["message"] == f"Validation error for key '{next(iter(change))}'"
        assert "only end_time" in fault["details"]
    cast.alice.update(address, **shown | {"end_time": now() + 2 * HOUR})  # a whole model, as some clients send it
    cast.alice.update(address, end_time=0)
    assert shown["start_time"] <= cast.alice.get(address)["end_time"] <= now()
    assert cast.alice.refused("PUT", address, {"end_time": now() - 61_000})["type"] == "badRequest"


def test_a_recurring_one_that_has_begun_can_only_be_ended(cast: Cast, ids: dict[str, str]) -> None:
    more = {"recurrence": "FREQ=WEEKLY;BYDAY=SA", "timezone": "Europe/London", "end_time": now() + HOUR}
    address = f"/suppressions/{suppression(cast.alice, ids, **more)['id']}"
    fault = cast.alice.refused("PUT", address, {"end_time": now() + 2 * HOUR})
    assert "can only be ended" in fault["details"]
    cast.alice.update(address, end_time=0)
    assert cast.alice.get(address)["recurrence"] is None


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"recurrence": "FREQ=SECONDLY"}, "recurrence"),
        ({"recurrence": "every Monday"}, "recurrence"),
        ({"recurrence": ""}, "recurrence"),
        ({"recurrence": "FREQ=DAILY", "timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(
    cast: Cast, ids: dict[str, str], body: dict[str, Any], key: str
) -> None:
    fault = cast.alice.refused("POST", "/suppressions", for_an_hour(entities=[ids["entity"]]) | body)
    assert fault["message"] == f"Validation error for key '{key}'"


def shown_suppressions(caller: Caller, ids: dict[str, str]) -> list[tuple[list[str] | None, list[str] | None]]:
    """(active, scheduled) of the entity, the check and the alarm, by list and by id alike."""
    found = []
    for collection, key in (("", "entity"), ("/checks", "check"), ("/alarms", "alarm")):
        address = "/entities" if not collection else f"/entities/{ids['entity']}{collection}"
        one = caller.get(f"{address}/{ids[key]}")
        [listed] = [item for item in caller.get(address)["values"] if item["id"] == ids[key]]
        assert one == listed
        found.append((one["active_suppressions"], one["scheduled_suppressions"]))
    return found


def test_objects_show_the_suppressions_that_name_them(cast: Cast, ids: dict[str, str]) -> None:
    assert shown_suppressions(cast.bob, ids) == [(None, None)] * 3
    key = suppression(cast.alice, ids, end_time=now() + HOUR)["id"]
    later = cast.alice.create(
        "/suppressions", checks=lists(ids)["checks"], start_time=now() + HOUR, end_time=now() + 2 * HOUR
    )
    assert shown_suppressions(cast.bob, ids) == [([key], None), ([key], [later]), ([key], [later])]
    cast.alice.update(f"/suppressions/{key}", end_time=0)
    plan = cast.alice.create("/suppressions", **for_an_hour(notification_plans=[ids["plan"]]))
    assert shown_suppressions(cast.bob, ids) == [(None, None), (None, [later]), ([plan], [later])]
    cast.alice.delete(f"/suppressions/{plan}")
    cast.alice.delete(f"/suppressions/{later}")
    assert shown_suppressions(cast.bob, ids) == [(None, None)] * 3


def test_what_is_deleted_is_dropped_and_the_last_of_it_ends_the_suppression(cast: Cast, ids: dict[str, str]) -> None:
    other = cast.alice.entity()
    end = now() + HOUR
    body = {"entities": [other], "checks": lists(ids)["checks"], "alarms": lists(ids)["alarms"], "end_time": end}
    key = cast.alice.create("/suppressions", **body)
    cast.alice.delete(f"/entities/{ids['entity']}")
    shown = cast.alice.get(f"/suppressions/{key}")
    assert (shown["entities"], shown["checks"], shown["alarms"], shown["end_time"]) == ([other], [], [], end)
    cast.alice.delete(f"/entities/{other}")
    shown = cast.alice.get(f"/suppressions/{key}")
    assert shown["entities"] == []
    assert shown["end_time"] <= now()
    assert [one["id"] for one in cast.alice.audits()[-1]["previous_state"]] == [other, key]


def test_a_suppression_of_deleted_plans_never_comes_to_mean_all_plans(cast: Cast, ids: dict[str, str]) -> None:
    plan, begin = cast.alice.plan(), now() + HOUR
    key = cast.alice.create(
        "/suppressions", entities=[ids["entity"]], notification_plans=[plan], start_time=begin, end_time=begin + HOUR
    )
    cast.alice.delete(f"/notification_plans/{plan}")
    shown = cast.alice.get(f"/suppressions/{key}")
    assert shown["notification_plans"] == []
    assert shown["start_time"] <= shown["end_time"] <= now()
    assert shown_suppressions(cast.alice, ids) == [(None, None)] * 3


def test_a_suppression_is_nobody_elses(cast: Cast, ids: dict[str, str]) -> None:
    key = suppression(cast.alice, ids)["id"]
    for method in ("GET", "PUT", "DELETE"):
        fault = cast.charlie.refused(method, f"/suppressions/{key}", {} if method == "PUT" else None)
        assert fault["details"] == f'Object "Suppression" with key "{key}" does not exist'


def test_suppression_logs_are_a_time_series(house: House, cast: Cast) -> None:
    begin = now() - HOUR
    logs = [suppression_log(key_at(begin + n), tenant_id=cast.alice.tenant, at_ms=begin + n) for n in range(3)]
    house.run(add(house, logs))
    page = cast.bob.get("/suppression_logs", limit=2)
    assert page["values"][0] == {
        "id": uuid_of(logs[0].key), "entity_id": "enA", "alarm_id": "alA", "check_id": "chA",
        "notification_plan_id": "npA", "suppressions": ["spA", "spB"], "state": "CRITICAL", "timestamp": begin,
        "transaction_id": "transaction",
    }  # fmt: skip
    assert page["metadata"]["next_marker"] == uuid_of(logs[2].key)
    rest = cast.bob.get("/suppression_logs", marker=page["metadata"]["next_marker"])
    assert [one["timestamp"] for one in rest["values"]] == [begin + 2]
    assert cast.charlie.get("/suppression_logs")["values"] == []


async def add(house: House, logs: list[SuppressionLog]) -> None:
    async with open_stores(house.config) as stores:
        await stores.commit(*map(stores.suppression_logs.add, logs))
