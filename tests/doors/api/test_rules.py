"""What may be in a resource, and what resources demand of one another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.api.house import Cast, House, http_check


def _key(fault: dict[str, Any]) -> str:
    """Which key a validation fault names."""
    assert (fault["type"], fault["code"]) == ("badRequest", 400)
    message = fault["message"]
    assert message.startswith("Validation error for key '")
    return str(message.removeprefix("Validation error for key '").removesuffix("'"))


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "label"),
        ({"label": ""}, "label"),
        ({"label": None}, "label"),
        ({"label": 1}, "label"),
        ({"label": "x" * 256}, "label"),
        ({"label": "a\0b"}, "label"),
        ({"agent_id": "a b", "label": "x"}, "agent_id"),
        ({"label": "x", "agent_id": "ä"}, "agent_id"),
        ({"label": "x", "ip_addresses": {"a": "no"}}, "ip_addresses.a"),
        ({"label": "x", "ip_addresses": ["192.0.2.1"]}, "ip_addresses"),
        ({"label": "x", "ip_addresses": {str(n): "192.0.2.1" for n in range(65)}}, "ip_addresses"),
        ({"label": "x", "ip_addresses": {"a": "fe80::1%eth0"}}, "ip_addresses.a"),
        ({"label": "x", "managed": "maybe"}, "managed"),
        ({"label": "x", "metadata": {"a": 1}}, "metadata.a"),
        ({"label": "x", "metadata": {"": "a"}}, "metadata"),
        ({"label": "x", "uri": []}, "uri"),
        ({"uri": 1, "label": 2}, "uri"),
        ({"label": 2, "uri": 1}, "label"),
    ],
)
def test_an_entity_that_is_not_valid_names_the_first_key_in_document_order(
    cast: Cast, body: dict[str, Any], key: str
) -> None:
    assert _key(cast.alice.refused("POST", "/entities", body)) == key


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"type": "remote.nothing"}, "type"),
        ({"type": None}, "type"),
        ({"details": {}}, "details.url"),
        ({"details": None}, "details.url"),
        ({"details": "x"}, "details"),
        ({"details": {"url": "ftp://a/"}}, "details.url"),
        ({"details": {"url": "http://a/", "colour": "red"}}, "details.colour"),
        ({"details": {"url": "http://a/", "method": "LOOK"}}, "details.method"),
        ({"details": {"url": "http://a/", "body": "("}}, "details.body"),
        ({"details": {"url": "http://a/", "headers": {"Host": "x"}}}, "details.headers"),
        ({"period": 29}, "period"),
        ({"period": 1801}, "period"),
        ({"period": True}, "period"),
        ({"period": 60.5}, "period"),
        ({"period": "sixty"}, "period"),
        ({"timeout": 60}, "timeout"),
        ({"timeout": 1}, "timeout"),
        ({"monitoring_zones_poll": []}, "monitoring_zones_poll"),
        ({"monitoring_zones_poll": None}, "monitoring_zones_poll"),
        ({"monitoring_zones_poll": ["mzdfw", "mzdfw"]}, "monitoring_zones_poll"),
        ({"target_hostname": "example.org"}, "target_hostname"),
        ({"target_alias": "elsewhere"}, "target_alias"),
        ({"target_alias": None, "target_hostname": "-x-"}, "target_hostname"),
        ({"target_resolver": "IPv5"}, "target_resolver"),
        ({"disabled": "perhaps"}, "disabled"),
        ({"metadata": {"a": {}}}, "metadata.a"),
    ],
)
def test_a_check_that_is_not_valid_names_the_key(cast: Cast, change: dict[str, Any], key: str) -> None:
    entity = cast.alice.entity()

    assert _key(cast.alice.refused("POST", f"/entities/{entity}/checks", http_check() | change)) == key


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"type": "remote.http", "details": {}, "period": 1}, "details.url"),
        ({"type": "remote.http", "period": 1, "details": {}}, "period"),
        ({"details": {}, "type": "remote.http", "period": 1}, "details.url"),
        ({"details": {"anything": {}}, "type": "remote.nothing", "period": 1}, "type"),
        ({"period": 1, "details": "x"}, "period"),
    ],
)
def test_details_are_judged_at_their_place_in_the_document(cast: Cast, body: dict[str, Any], key: str) -> None:
    assert _key(cast.alice.refused("POST", f"/entities/{cast.alice.entity()}/checks", body)) == key


def test_what_is_missing_is_said(cast: Cast) -> None:
    fault = cast.alice.refused("POST", f"/entities/{cast.alice.entity()}/checks", {"type": "remote.http"})

    assert fault["message"] == "Validation error for key 'details.url'"
    assert fault["details"] == "Missing required key (url)"


def test_numbers_and_booleans_may_come_as_text_and_are_kept_as_what_they_are(cast: Cast) -> None:
    entity = cast.alice.entity(managed="true")
    details = {"url": "http://example.org/", "follow_redirects": "false"}
    check = cast.alice.check(entity, period="90", timeout="20", disabled="TRUE", details=details)

    shown = cast.alice.get(f"/entities/{entity}/checks/{check}")

    assert cast.alice.get(f"/entities/{entity}")["managed"] is True
    assert (shown["period"], shown["timeout"], shown["disabled"]) == (90, 20, True)
    assert shown["details"]["follow_redirects"] is False


def test_maps_and_texts_come_back_as_they_were_sent(cast: Cast) -> None:
    sent = {"label": "wëb 😀", "ip_addresses": {"b": "2001:DB8::1", "a": "192.0.2.1"}, "metadata": {"k": "v\n\t"}}
    entity = cast.alice.entity(**sent)
    loose = {"text": "x", "number": 1.5, "yes": True}
    check = cast.alice.check(entity, target_alias="a", metadata=loose)

    shown = cast.alice.get(f"/entities/{entity}")

    assert {name: shown[name] for name in sent} == sent
    assert list(shown["ip_addresses"]) == ["b", "a"]
    assert cast.alice.get(f"/entities/{entity}/checks/{check}")["metadata"] == loose


def test_defaults_are_the_documented_ones(cast: Cast) -> None:
    entity = cast.alice.entity(ip_addresses=None)
    shown = cast.alice.get(f"/entities/{entity}")
    check = cast.alice.get(f"/entities/{entity}/checks/{cast.alice.check(entity, target_alias=None)}")
    quick = cast.alice.get(f"/entities/{entity}/checks/{cast.alice.check(entity, target_alias='', period=30)}")

    assert (shown["agent_id"], shown["ip_addresses"], shown["managed"], shown["metadata"]) == (None, {}, False, None)
    assert (check["period"], check["timeout"], check["disabled"], check["label"]) == (60, 30, False, None)
    assert (quick["timeout"], quick["target_alias"]) == (29, None)


def test_null_unsets_what_is_optional_and_leaves_alone_what_is_not(cast: Cast) -> None:
    entity = cast.alice.entity(agent_id="web1", metadata={"a": "b"}, uri="https://example.org/")
    check = cast.alice.check(entity, label="x", timeout=10, metadata={"a": "b"})
    path = f"/entities/{entity}/checks/{check}"

    cast.alice.update(f"/entities/{entity}", label=None, agent_id=None, metadata=None, uri=None)
    cast.alice.update(path, type=None, details=None, label=None, timeout=None, metadata=None)

    shown, check_shown = cast.alice.get(f"/entities/{entity}"), cast.alice.get(path)
    assert (shown["label"], shown["agent_id"], shown["metadata"], shown["uri"]) == ("web1", None, None, None)
    assert (check_shown["type"], check_shown["details"]["url"]) == ("remote.http", "http://example.org/")
    assert (check_shown["label"], check_shown["timeout"], check_shown["metadata"]) == (None, 30, None)


def test_setting_one_target_unsets_the_other(cast: Cast) -> None:
    entity = cast.alice.entity()
    path = f"/entities/{entity}/checks/{cast.alice.check(entity)}"

    cast.alice.update(path, target_hostname="example.org")
    by_name = cast.alice.get(path)
    cast.alice.update(path, target_alias="default", target_hostname=None)
    by_alias = cast.alice.get(path)

    assert (by_name["target_alias"], by_name["target_hostname"]) == (None, "example.org")
    assert (by_alias["target_alias"], by_alias["target_hostname"]) == ("default", None)


def test_members_of_a_map_in_another_order_are_no_change(cast: Cast) -> None:
    entity = cast.alice.entity(metadata={"a": "1", "b": "2"})
    before = cast.alice.get(f"/entities/{entity}")

    cast.alice.update(f"/entities/{entity}", metadata={"b": "2", "a": "1"})

    assert cast.alice.get(f"/entities/{entity}") == before


def test_immutable_attributes_take_only_the_value_they_have(cast: Cast) -> None:
    entity, plan = cast.alice.entity(), cast.alice.plan()
    check, other = cast.alice.check(entity), cast.alice.check(entity)
    alarm = cast.alice.alarm(entity, check, plan)

    cast.alice.update(f"/entities/{entity}/checks/{check}", type="remote.http")
    cast.alice.update(f"/entities/{entity}/alarms/{alarm}", check_id=check)

    assert _key(cast.alice.refused("PUT", f"/entities/{entity}/checks/{check}", {"type": "agent.memory"})) == "type"
    assert _key(cast.alice.refused("PUT", f"/entities/{entity}/alarms/{alarm}", {"check_id": other})) == "check_id"


def test_a_check_by_agent_has_neither_zones_nor_target(cast: Cast) -> None:
    entity = cast.alice.entity()
    check = cast.alice.create(f"/entities/{entity}/checks", type="agent.memory", target_alias="default")

    shown = cast.alice.get(f"/entities/{entity}/checks/{check}")

    assert (shown["monitoring_zones_poll"], shown["target_alias"], shown["target_hostname"]) == (None, None, None)


@pytest.mark.parametrize(
    ("collection", "body", "key"),
    [
        ("checks", http_check(monitoring_zones_poll=["dfw"]), "monitoring_zones_poll.0"),
        ("alarms", {"check_id": "en0000000000", "notification_plan_id": "npManaged"}, "check_id"),
        ("alarms", {"check_id": "ch0000000000", "notification_plan_id": "nt0000000000"}, "notification_plan_id"),
    ],
)
def test_an_id_of_another_kind_is_an_invalid_key_prefix(
    cast: Cast, collection: str, body: dict[str, Any], key: str
) -> None:
    fault = cast.alice.refused("POST", f"/entities/{cast.alice.entity()}/{collection}", body)

    assert (fault["type"], fault["code"], fault["message"]) == (
        "invalidKeyPrefix",
        400,
        f"Validation error for key '{key}'",
    )


def test_what_is_referred_to_must_exist_in_the_same_tenant(cast: Cast) -> None:
    entity = cast.alice.entity()
    check = cast.alice.check(entity)
    foreign_plan, foreign_hook = cast.charlie.plan(), cast.charlie.notification()
    foreign_check = cast.charlie.check(cast.charlie.entity())
    elsewhere = cast.alice.check(cast.alice.entity())
    alarms = f"/entities/{entity}/alarms"
    asked = [
        (alarms, {"check_id": check, "notification_plan_id": foreign_plan}, "NotificationPlan", foreign_plan),
        (alarms, {"check_id": foreign_check, "notification_plan_id": "npManaged"}, "Check", foreign_check),
        (alarms, {"check_id": elsewhere, "notification_plan_id": "npManaged"}, "Check", elsewhere),
        ("/notification_plans", {"label": "x", "ok_state": [foreign_hook]}, "Notification", foreign_hook),
        (f"/entities/{entity}/checks", http_check(monitoring_zones_poll=["mznone"]), "MonitoringZone", "mznone"),
    ]

    for path, body, noun, key in asked:
        fault = cast.alice.refused("POST", path, body)
        assert (fault["type"], fault["message"]) == ("requiredNotFoundError", "Required object does not exist")
        assert fault["details"] == f'Object "{noun}" with key "{key}" does not exist'


def test_criteria_that_cannot_be_parsed_say_where(cast: Cast) -> None:
    entity = cast.alice.entity()
    body = {
        "check_id": cast.alice.check(entity),
        "notification_plan_id": "npManaged",
        "criteria": "if (metric['a'] > ) {",
    }

    fault = cast.alice.refused("POST", f"/entities/{entity}/alarms", body)

    assert (fault["type"], fault["code"]) == ("alarmParseError", 400)
    assert set(fault["details"]) == {"input", "error_position", "error_line", "error_column", "error_token", "message"}
    assert fault["details"]["input"] == body["criteria"]


def test_removing_an_entity_removes_its_checks_and_alarms(cast: Cast) -> None:
    entity, other, plan = cast.alice.entity(), cast.alice.entity(), cast.alice.plan()
    kept = cast.alice.check(other)
    cast.alice.alarm(entity, cast.alice.check(entity), plan)
    assert cast.alice.refused("DELETE", f"/notification_plans/{plan}")["type"] == "forbiddenError"

    cast.alice.delete(f"/entities/{entity}")

    assert cast.alice.refused("GET", f"/entities/{entity}/alarms")["type"] == "parentNotFoundError"
    assert cast.alice.get(f"/entities/{other}/checks/{kept}")["id"] == kept
    cast.alice.delete(f"/notification_plans/{plan}")


def test_removing_a_check_removes_its_alarms(cast: Cast) -> None:
    entity, plan = cast.alice.entity(), cast.alice.plan()
    check, other = cast.alice.check(entity), cast.alice.check(entity)
    gone, kept = cast.alice.alarm(entity, check, plan), cast.alice.alarm(entity, other, plan)

    cast.alice.delete(f"/entities/{entity}/checks/{check}")

    assert [alarm["id"] for alarm in cast.alice.get(f"/entities/{entity}/alarms")["values"]] == [kept]
    assert cast.alice.refused("GET", f"/entities/{entity}/alarms/{gone}")["type"] == "notFoundError"


def test_a_plan_that_alarms_use_stays(cast: Cast) -> None:
    entity, plan = cast.alice.entity(), cast.alice.plan()
    check = cast.alice.check(entity)
    alarms = sorted(cast.alice.alarm(entity, check, plan) for _ in range(2))

    fault = cast.alice.refused("DELETE", f"/notification_plans/{plan}")

    assert (fault["type"], fault["code"]) == ("forbiddenError", 403)
    assert fault["message"] == f"Notification plans cannot be removed while alarms are using it: {' '.join(alarms)}"


def test_a_notification_that_plans_use_stays(cast: Cast) -> None:
    hook = cast.alice.notification()
    plan = cast.alice.plan(critical_state=[hook], warning_state=[hook, "ntTechnicalContactsEmail"])

    fault = cast.alice.refused("DELETE", f"/notifications/{hook}")

    assert (fault["type"], fault["code"], fault["details"]["type"]) == ("childrenExistError", 400, "NotificationPlan")
    cast.alice.update(f"/notification_plans/{plan}", critical_state=[], warning_state=None)
    cast.alice.delete(f"/notifications/{hook}")


def test_an_agent_is_bound_to_one_entity_of_a_tenant(cast: Cast) -> None:
    entity, other = cast.alice.entity(agent_id="web1"), cast.alice.entity()
    cast.charlie.entity(agent_id="web1")

    faults = [
        cast.alice.refused("POST", "/entities", {"label": "x", "agent_id": "web1"}),
        cast.alice.refused("PUT", f"/entities/{other}", {"agent_id": "web1"}),
    ]

    assert {(fault["type"], fault["code"]) for fault in faults} == {("indexCardinalityConstraintViolation", 400)}
    cast.alice.update(f"/entities/{entity}", agent_id=None)
    cast.alice.update(f"/entities/{other}", agent_id="web1")


def test_more_objects_than_the_tenants_own_limit_are_refused(house: House, cast: Cast) -> None:
    house.limit(cast.alice.tenant, checks=2)
    entity = cast.alice.entity()
    checks = [cast.alice.check(entity) for _ in range(2)]

    fault = cast.alice.refused("POST", f"/entities/{entity}/checks", http_check())

    assert (fault["type"], fault["code"]) == ("limitReached", 400)
    assert cast.alice.get("/limits")["resource"]["checks"] == 2
    cast.alice.delete(f"/entities/{entity}/checks/{checks[0]}")
    cast.alice.check(entity)


def test_the_default_limit_of_another_tenant_is_its_own(house: House, cast: Cast) -> None:
    house.limit(cast.alice.tenant, checks=0)

    assert cast.charlie.check(cast.charlie.entity())
    assert cast.alice.refused("POST", f"/entities/{cast.alice.entity()}/checks", http_check())["type"] == "limitReached"
