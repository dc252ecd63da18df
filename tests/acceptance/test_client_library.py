"""The client library of the field, rackspace-monitoring 0.8.1, unmodified: what its users do every day."""

from __future__ import annotations

import sys

import pytest

from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.waiting import until

if sys.version_info >= (3, 12):
    pytest.skip("rackspace-monitoring does not import on Python 3.12", allow_module_level=True)

from libcloud.common.types import InvalidCredsError
from rackspace_monitoring.drivers.rackspace import RackspaceMonitoringValidationError
from rackspace_monitoring.providers import get_driver
from rackspace_monitoring.types import Provider

from tests.acceptance.library import CRITERIA, EVER, MARKS, Driver, connected, fault_of, target

pytestmark = MARKS


def test_wrong_credentials_are_its_own_error(server: Server) -> None:
    with pytest.raises(InvalidCredsError):
        connected(server, api_key="0" * 32)


def test_a_token_and_a_full_address_do_too(server: Server, driver: Driver) -> None:
    credentials = server.credentials
    again = get_driver(Provider.RACKSPACE)(
        credentials["username"],
        "unused",
        ex_force_base_url=credentials["monitoring_url"],
        ex_force_auth_token=driver.connection.auth_token,
        secure=False,
    )
    assert [zone.id for zone in again.list_monitoring_zones()] == ["mzdfw", "mzlon", "mzord"]


def test_entities_are_created_read_changed_and_deleted(driver: Driver) -> None:
    entity = driver.create_entity(
        label="web", ip_addresses={"default": "127.0.0.1"}, metadata={"a": "b"}, agent_id="web-1", who="me", why="test"
    )
    assert (entity.label, entity.agent_id, entity.extra) == ("web", "web-1", {"a": "b"})
    assert entity.ip_addresses == [("default", "127.0.0.1")]
    assert (entity.active_suppressions, entity.scheduled_suppressions, entity.uri) == ([], [], None)

    changed = driver.update_entity(entity, {"label": "web server", "metadata": {"c": "d"}})
    assert (changed.id, changed.label, changed.extra) == (entity.id, "web server", {"c": "d"})
    assert changed.ip_addresses == [("default", "127.0.0.1")]
    assert driver.get_entity(entity.id).label == "web server"
    assert [one.id for one in driver.list_entities()] == [entity.id]

    assert driver.delete_entity(changed, who="me", why="done") is True
    assert list(driver.list_entities()) == []


def test_checks_are_created_read_changed_and_deleted(driver: Driver) -> None:
    entity = driver.create_entity(label="web", ip_addresses={"default": "127.0.0.1"})
    check = driver.create_check(
        entity,
        label="home page",
        type="remote.http",
        details={"url": "http://127.0.0.1/", "method": "GET"},
        monitoring_zones=["mzdfw", "mzlon"],
        target_alias="default",
        period=60,
        timeout=30,
        metadata={"team": "web"},
    )
    assert (check.label, check.type, check.period, check.timeout) == ("home page", "remote.http", 60, 30)
    assert (check.monitoring_zones, check.target_alias, check.disabled) == (["mzdfw", "mzlon"], "default", False)
    assert check.metadata == {"team": "web"}
    assert check.details["url"] == "http://127.0.0.1/"

    assert driver.update_check(check, {"period": 90, "disabled": True}).period == 90
    found = driver.get_check(entity.id, check.id)
    assert (found.period, found.timeout, found.disabled, found.details) == (90, 30, True, check.details)
    agents = driver.create_check(entity, label="memory", type="agent.memory")
    assert agents.monitoring_zones is None
    assert sorted(one.id for one in driver.list_checks(entity)) == sorted([check.id, agents.id])

    assert driver.delete_check(check) is True
    driver.ex_delete_checks(entity)
    assert list(driver.list_checks(entity)) == []


def test_whom_to_tell_is_described_and_changed(driver: Driver) -> None:
    webhook = driver.create_notification(label="hook", type="webhook", details={"url": "http://127.0.0.1:9/"})
    assert (webhook.label, webhook.type, webhook.details["url"]) == ("hook", "webhook", "http://127.0.0.1:9/")
    driver.update_notification(webhook, {"label": "the hook", "details": {"url": "http://127.0.0.1:9/x"}})
    found = driver.get_notification(webhook.id)
    assert (found.label, found.details["url"]) == ("the hook", "http://127.0.0.1:9/x")
    assert webhook.id in [one.id for one in driver.list_notifications()]

    plan = driver.create_notification_plan(label="plan", critical_state=[webhook.id], ok_state=[webhook.id])
    assert (plan.label, plan.critical_state, plan.warning_state) == ("plan", [webhook.id], [])
    driver.update_notification_plan(plan, {"label": "the plan", "warning_state": [webhook.id]})
    found = driver.get_notification_plan(plan.id)
    assert (found.label, found.critical_state, found.warning_state) == ("the plan", [webhook.id], [webhook.id])
    assert {plan.id, "npTechnicalContactsEmail"} <= {one.id for one in driver.list_notification_plans()}

    assert driver.delete_notification_plan(plan) is True
    assert driver.delete_notification(webhook) is True


def test_alarms_are_created_read_changed_and_deleted(driver: Driver) -> None:
    entity = driver.create_entity(label="web", ip_addresses={"default": "127.0.0.1"})
    check = driver.create_check(entity, label="memory", type="agent.memory")
    asked = {"check_id": check.id, "criteria": CRITERIA, "notification_plan_id": "npTechnicalContactsEmail"}
    alarm = driver.create_alarm(entity, label="alarm", metadata={"a": "b"}, **asked)
    assert {name: getattr(alarm, name) for name in asked} == asked
    assert (alarm.label, alarm.entity_id, alarm.metadata) == ("alarm", entity.id, {"a": "b"})

    driver.update_alarm(alarm, {"label": "the alarm"})
    assert driver.get_alarm(entity.id, alarm.id).label == "the alarm"
    assert [one.id for one in driver.list_alarms(entity)] == [alarm.id]
    assert driver.delete_alarm(alarm) is True
    assert list(driver.list_alarms(entity)) == []


def test_agent_tokens_are_created_and_deleted(driver: Driver) -> None:
    token = driver.create_agent_token(label="host")
    assert (token.id, token.label) == (token.token, "host")
    assert driver.get_agent_token(token.id).token == token.token
    assert [one.token for one in driver.list_agent_tokens()] == [token.token]
    assert driver.delete_agent_token(token) is True
    assert list(driver.list_agent_tokens()) == []


def test_zones_and_limits_are_read(driver: Driver) -> None:
    zone = driver.get_monitoring_zone("mzdfw")
    assert (zone.country_code, zone.label) == ("US", "Dallas Fort Worth (DFW)")
    assert isinstance(zone.source_ips, list)
    limits = driver.ex_limits()
    assert set(limits["resource"]) == {"checks", "alarms"}
    assert limits["rate"]["global"]["limit"] == 50_000
    assert limits["rate"]["global"]["used"] >= 1


def test_audits_say_who_did_what_and_why(driver: Driver) -> None:
    entity = driver.create_entity(label="web", who="alice", why="a new server")
    driver.delete_entity(entity, who="bob", why="it is gone")
    newest, oldest = list(driver.list_audits(reverse=True))
    assert (oldest["method"], oldest["who"], oldest["why"]) == ("POST", "alice", "a new server")
    assert (newest["method"], newest["who"], newest["why"]) == ("DELETE", "bob", "it is gone")
    assert f"/entities/{entity.id}" in newest["url"]


def test_more_than_a_page_of_objects_is_listed_whole(driver: Driver) -> None:
    made = {driver.create_entity(label=f"entity {n}").id for n in range(123)}
    listed = [entity.id for entity in driver.list_entities()]
    assert listed == sorted(made)
    assert [entity.id for entity in driver.list_entities(ex_next_marker=listed[120])] == listed[120:]


def test_metrics_of_every_zone_are_listed_and_fetched(driver: Driver) -> None:
    with target() as port:
        entity = driver.create_entity(label="web", ip_addresses={"default": "127.0.0.1"})
        check = driver.create_check(
            entity,
            label="home page",
            type="remote.http",
            details={"url": f"http://127.0.0.1:{port}/"},
            monitoring_zones=["mzdfw", "mzlon", "mzord"],
            target_alias="default",
            period=30,
            timeout=10,
        )
        wanted = {f"{zone}.duration" for zone in ("mzdfw", "mzlon", "mzord")}
        until(lambda: wanted <= {metric.name for metric in driver.list_metrics(entity.id, check.id)}, "all zones", 45)
    (point,) = driver.fetch_data_point(entity.id, check.id, "mzdfw.duration", 0, EVER, points=10)
    assert point.numPoints == 1
    assert 0 <= point.average < 10_000


def test_changelogs_are_listed_both_ways_and_by_entity(server: Server, driver: Driver, receiver: Receiver) -> None:
    token = driver.create_agent_token(label="host").token
    webhook = driver.create_notification(label="hook", type="webhook", details={"url": receiver.url})
    plan = driver.create_notification_plan(label="plan", critical_state=[webhook.id], ok_state=[webhook.id])
    entity = driver.create_entity(label="host", agent_id="host")
    other = driver.create_entity(label="other")
    check = driver.create_check(entity, label="memory", type="agent.memory")
    criteria = 'if (metric["used"] > 90) { return new AlarmStatus(CRITICAL); } return new AlarmStatus(OK);'
    alarm = driver.create_alarm(entity, check_id=check.id, criteria=criteria, notification_plan_id=plan.id)

    with BareAgent(server.agent, server.ca_file, token, "host") as agent:
        for used in (95, 5):
            agent.post(check.id, used=used)
    until(lambda: len(receiver.bodies) == 2, "both are told")

    changes = list(driver.list_alarm_changelog())
    assert [change.previous_state for change in changes] == ["UNKNOWN", "CRITICAL"]
    assert [change.state for change in changes] == ["CRITICAL", "OK"]
    about = {(change.entity_id, change.check_id, change.alarm_id) for change in changes}
    assert about == {(entity.id, check.id, alarm.id)}
    backwards = [change.id for change in driver.list_alarm_changelog(entity=entity, reverse=True)]
    assert backwards == [change.id for change in reversed(changes)]
    assert list(driver.list_alarm_changelog(entity=other)) == []


def test_what_does_not_fit_is_its_validation_error(driver: Driver) -> None:
    entity = driver.create_entity(label="web")
    with pytest.raises(RackspaceMonitoringValidationError) as raised:
        driver.create_check(entity, label="home page", type="remote.http", details={"method": "GET"})
    assert raised.value.code == 400
    assert raised.value.message == "Validation error for key 'details.url'"
    assert raised.value.details == "Missing required key (url)"
    with pytest.raises(RackspaceMonitoringValidationError) as raised:
        driver.create_alarm(entity, check_id="chNone", criteria=CRITERIA, notification_plan_id="npNone")
    assert raised.value.type == "requiredNotFoundError"


def test_what_does_not_exist_is_an_error_with_the_faults_words(driver: Driver) -> None:
    fault = fault_of(lambda: driver.get_entity("enNone"))
    assert (fault["type"], fault["code"]) == ("notFoundError", 404)
    assert fault["message"] == "Object does not exist"
    assert fault["details"] == 'Object "Entity" with key "enNone" does not exist'


def test_a_plan_in_use_stays(driver: Driver) -> None:
    entity = driver.create_entity(label="web")
    check = driver.create_check(entity, label="memory", type="agent.memory")
    plan = driver.create_notification_plan(label="plan")
    alarm = driver.create_alarm(entity, check_id=check.id, criteria=CRITERIA, notification_plan_id=plan.id)
    assert alarm.id in fault_of(lambda: driver.delete_notification_plan(plan))["message"]
    driver.delete_entity(entity)
    assert driver.delete_notification_plan(plan) is True
