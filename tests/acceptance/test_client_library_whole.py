"""The client library of the field, unmodified: the rest of what it knows, and pages of everything."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.client import Client
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.waiting import until

if sys.version_info >= (3, 12):
    pytest.skip("rackspace-monitoring does not import on Python 3.12", allow_module_level=True)

from rackspace_monitoring.drivers.rackspace import RackspaceMonitoringDriver, RackspaceMonitoringValidationError

from tests.acceptance.library import CRITERIA, MARKS, Driver, target

pytestmark = MARKS
FULL = 'if (metric["used"] > 90) { return new AlarmStatus(CRITICAL); } return new AlarmStatus(OK);'


@pytest.fixture
def agent(server: Server, client: Client) -> Iterator[BareAgent]:
    token = client.create("agent_tokens", label="host")
    with BareAgent(server.agent, server.ca_file, token, "host") as agent:
        until(lambda: client.all("agents"), "the agent is known")
        yield agent


def _told(driver: Driver, receiver: Receiver) -> str:
    """The id of a plan that tells the receiver."""
    hook = driver.create_notification(label="hook", type="webhook", details={"url": receiver.url})
    plan: str = driver.create_notification_plan(label="plan", critical_state=[hook.id], ok_state=[hook.id]).id
    return plan


def test_types_are_listed_with_their_fields(driver: Driver) -> None:
    types = {one.id: one for one in driver.list_check_types()}
    assert {"remote.http", "remote.ping", "agent.memory"} <= types.keys()
    assert (types["remote.http"].is_remote, types["agent.memory"].is_remote) == (True, False)
    assert [field["name"] for field in types["remote.http"].fields if not field["optional"]] == ["url"]
    tell = {one.id: one.fields for one in driver.list_notification_types()}
    assert [field["name"] for field in tell["webhook"]] == ["url"]
    assert {"webhook", "email", "pagerduty", "sms"} <= tell.keys()


def test_suppressions_are_created_read_changed_and_deleted(driver: Driver) -> None:
    entity = driver.create_entity(label="web")
    check = driver.create_check(entity, label="memory", type="agent.memory")
    later = driver.list_audits()[0]["timestamp"] + 3_600_000
    coming = driver.create_suppression(checks=[f"{entity.id}:{check.id}"], start_time=later, end_time=later + 1000)
    assert (coming.checks, coming.entities, coming.alarms) == ([f"{entity.id}:{check.id}"], [], [])
    assert (coming.notification_plans, coming.start_time, coming.end_time) == ([], later, later + 1000)

    changed = driver.update_suppression(coming, {"entities": [entity.id], "end_time": later + 2000})
    assert (changed.entities, changed.start_time, changed.end_time) == ([entity.id], later, later + 2000)
    assert driver.get_suppression(coming.id).end_time == later + 2000
    assert [one.id for one in driver.list_suppressions()] == [coming.id]
    assert driver.get_entity(entity.id).scheduled_suppressions == [coming.id]
    assert driver.delete_suppression(changed) is True
    assert list(driver.list_suppressions()) == []


def test_what_was_suppressed_and_what_was_told_are_listed(
    driver: Driver, client: Client, receiver: Receiver, agent: BareAgent
) -> None:
    entity = driver.create_entity(label="host", agent_id="host")
    check = driver.create_check(entity, label="memory", type="agent.memory")
    told, quiet = (
        driver.create_alarm(entity, check_id=check.id, criteria=FULL, notification_plan_id=_told(driver, receiver))
        for _ in range(2)
    )
    end = driver.list_audits()[0]["timestamp"] + 3_600_000
    suppression = driver.create_suppression(alarms=[f"{entity.id}:{quiet.id}"], end_time=end)

    for used in (95, 5):
        agent.post(check.id, used=used)
    until(lambda: len(receiver.bodies) == 2, "both changes are told")
    until(lambda: len(client.all("suppression_logs")) == 2, "both changes are suppressed")

    logs = list(driver.list_suppression_logs())
    assert [log.state for log in logs] == ["CRITICAL", "OK"]
    assert {(log.entity_id, log.check_id, log.alarm_id) for log in logs} == {(entity.id, check.id, quiet.id)}
    assert {tuple(log.suppressions) for log in logs} == {(suppression.id,)}
    assert driver.ex_list_alarm_notification_history_checks(entity, told) == {"check_ids": [check.id]}
    history = list(driver.ex_list_alarm_notification_history(entity, told, check))
    assert [entry["state"] for entry in history] == ["CRITICAL", "OK"]
    backwards = driver.ex_list_alarm_notification_history(entity, told, check, reverse=True)
    assert [entry["id"] for entry in backwards] == [entry["id"] for entry in reversed(history)]
    assert history[0]["notification_results"][0]["notification_type"] == "webhook"
    unheard = driver.ex_list_alarm_notification_history(entity, quiet, check)
    assert [entry["notification_results"][0]["message"] for entry in unheard] == [f"Suppressed by {suppression.id}"] * 2


def test_notifications_are_tried(driver: Driver, receiver: Receiver) -> None:
    hook = driver.create_notification(label="hook", type="webhook", details={"url": receiver.url})
    assert driver.test_existing_notification(hook)["status"] == "success"
    assert driver.test_notification(type="webhook", details={"url": receiver.url})["status"] == "success"
    assert len(receiver.bodies) == 2


def test_a_check_and_then_an_alarm_are_tried(driver: Driver) -> None:
    with target() as port:
        entity = driver.create_entity(label="web", ip_addresses={"default": "127.0.0.1"})
        seen = driver.test_check(
            entity,
            type="remote.http",
            details={"url": f"http://127.0.0.1:{port}/"},
            monitoring_zones=["mzdfw", "mzlon"],
            target_alias="default",
        )
    assert [(one["monitoring_zone_id"], one["available"]) for one in seen] == [("mzdfw", True), ("mzlon", True)]
    assert {one["metrics"]["code"]["data"] for one in seen} == {"404"}
    states = driver.test_alarm(entity, criteria=CRITERIA, check_data=seen)
    assert {one["state"] for one in states} == {"CRITICAL"}


def test_what_a_host_could_tell_of_itself_is_asked(driver: Driver) -> None:
    with pytest.raises(RackspaceMonitoringValidationError) as raised:
        driver.get_agent_host_info_types("nobody")
    assert (raised.value.type, raised.value.details) == ("agentDoesNotExist", "Agent nobody does not exist")


def test_more_than_a_page_of_anything_is_listed_whole(driver: Driver, client: Client) -> None:
    entity = driver.create_entity(label="web")
    check, plan = (driver.create_check(entity, label="memory", type="agent.memory").id, "npTechnicalContactsEmail")
    below, count = f"entities/{entity.id}", 103
    hook = {"type": "webhook", "details": {"url": "https://example.org/"}, "label": "hook"}

    def made(collection: str, **body: object) -> list[str]:
        return sorted(client.create(collection, **body) for _ in range(count))

    checks = sorted([check, *made(f"{below}/checks", type="agent.memory")])
    alarms = made(f"{below}/alarms", check_id=check, notification_plan_id=plan)
    assert [one.id for one in driver.list_checks(entity)] == checks
    assert [one.id for one in driver.list_alarms(entity)] == alarms
    plans = sorted(["npManaged", plan, *made("notification_plans", label="plan")])
    assert [one.id for one in driver.list_notification_plans()] == plans
    hooks = sorted(["ntTechnicalContactsEmail", *made("notifications", **hook)])
    assert [one.id for one in driver.list_notifications()] == hooks
    suppressions = made("suppressions", entities=[entity.id])
    assert [one.id for one in driver.list_suppressions()] == suppressions
    tokens = made("agent_tokens", label="token")
    assert [one.id for one in driver.list_agent_tokens()] == tokens
    entities = sorted([entity.id, *made("entities", label="web")])
    assert [one["entity"].id for one in driver.ex_views_overview()] == entities
    assert [one["entity_id"] for one in driver.ex_views_metric_list()] == entities
    assert len(list(driver.list_audits())) > 7 * count
    driver.ex_delete_alarms(entity)
    assert list(driver.list_alarms(entity)) == []


def test_no_method_of_the_library_is_left_out() -> None:
    source = "".join(module.read_text() for module in Path(__file__).parent.glob("test_client_library*.py"))
    methods = {
        name
        for name, _ in inspect.getmembers(RackspaceMonitoringDriver, inspect.isfunction)
        if not name.startswith("_") and name in vars(RackspaceMonitoringDriver)
    }
    methods -= {"openstack_connection_kwargs"}
    assert {name for name in methods if f"driver.{name}" not in source} == set()
