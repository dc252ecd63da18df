"""What the client library, unmodified, knows beyond plain resources: views, tests, agents, zones, installers."""

from __future__ import annotations

import sys

import pytest

from tests.acceptance.answering_agent import AT, HOST_INFO, AnsweringAgent
from tests.acceptance.server import Server
from tests.acceptance.waiting import until

if sys.version_info >= (3, 12):
    pytest.skip("rackspace-monitoring does not import on Python 3.12", allow_module_level=True)

from rackspace_monitoring.drivers.rackspace import RackspaceMonitoringValidationError

from tests.acceptance.library import CRITERIA, MARKS, Driver, target

pytestmark = MARKS


def test_private_zones_are_created_listed_changed_and_deleted(driver: Driver) -> None:
    zone = driver.create_monitoring_zone(label="attic", maximum_checks=10)

    assert (zone.label, zone.maximum_checks, zone.disabled) == ("attic", 10, False)
    assert driver.update_monitoring_zone(zone, {"label": "cellar"}).label == "cellar"
    listed = {one.id: one.label for one in driver.list_monitoring_zones()}
    assert listed[zone.id] == "cellar"
    assert len(listed) > 1
    assert driver.delete_monitoring_zone(zone)
    assert zone.id not in {one.id for one in driver.list_monitoring_zones()}


def test_views_are_walked_over(driver: Driver) -> None:
    entities = [
        driver.create_entity(label=f"web{number}", ip_addresses={"default": "127.0.0.1"}) for number in range(3)
    ]
    check = driver.create_check(
        entities[0], label="http", type="remote.http", details={"url": "http://127.0.0.1/"},
        monitoring_zones=["mzdfw"], target_alias="default",
    )  # fmt: skip
    alarm = driver.create_alarm(
        entities[0], check_id=check.id, criteria=CRITERIA, notification_plan_id="npTechnicalContactsEmail"
    )

    overview = {one["entity"].id: one for one in driver.ex_views_overview()}
    metrics = {one["entity_id"]: one for one in driver.ex_views_metric_list()}

    assert set(overview) == set(metrics) == {entity.id for entity in entities}
    assert [one.id for one in overview[entities[0].id]["checks"]] == [check.id]
    assert [one.id for one in overview[entities[0].id]["alarms"]] == [alarm.id]
    assert driver.usage()["resource"]["entities"]["used"] == 3


def test_a_check_and_an_alarm_are_tested_together(driver: Driver) -> None:
    entity = driver.create_entity(label="web", ip_addresses={"default": "127.0.0.1"})
    with target() as port:
        described = {
            "type": "remote.http", "details": {"url": f"http://127.0.0.1:{port}/"}, "monitoring_zones": ["mzdfw"],
            "target_alias": "default", "timeout": 10,
        }  # fmt: skip
        [found] = driver.test_check_and_alarm(entity, CRITERIA, **described)
        check = driver.create_check(entity, label="http", **described)
        [again] = driver.test_existing_check(check)

    assert found["state"] == "CRITICAL"
    assert (again["monitoring_zone_id"], again["metrics"]["code"]["data"]) == ("mzdfw", "404")


def test_agents_and_their_connections_are_listed(server: Server, driver: Driver) -> None:
    token = driver.create_agent_token(label="web")
    with AnsweringAgent(server.agent, server.ca_file, token.id, "web"):
        until(driver.list_agents, "the agent is listed")
        [agent] = driver.list_agents()
        until(lambda: driver.list_agent_connections("web"), "its connection is listed")
        [connection] = driver.list_agent_connections("web")
        entity = driver.create_entity(label="web", agent_id="web")
        told = driver.get_agent_host_info("web", "memory")
        types = driver.get_agent_host_info_types("web")
        targets = driver.get_entity_agent_targets(entity.id, "agent.filesystem")
        [view] = driver.ex_views_agent_host_info(["web"], ["memory"])
        [tested] = driver.test_check(entity=entity, type="agent.memory")

    assert agent.id == connection.agent_id == "web"
    assert (connection.agent_ip, connection.endpoint) == ("127.0.0.1", "{}:{}".format(*server.agent))
    assert told == view["host_info"]["memory"] == {"timestamp": AT, "info": HOST_INFO["MEMORY"], "error": None}
    assert "processes" in types["info"]["types"]
    assert [one["id"] for one in targets["values"]] == ["/", "/proc"]
    assert tested["metrics"]["total"]["data"] == "41020640"


def test_an_agent_that_never_was_is_its_validation_error(driver: Driver) -> None:
    entity = driver.create_entity(label="web")

    for call in (
        lambda: driver.get_entity_host_info(entity.id, "memory"),
        lambda: driver.get_entity_agent_targets(entity.id, "agent.disk"),
        lambda: list(driver.ex_views_agent_host_info(["none"], ["memory"])),
    ):
        with pytest.raises(RackspaceMonitoringValidationError) as caught:
            call()
        assert caught.value.type == "agentDoesNotExist"


def test_an_installer_says_where_it_is(driver: Driver) -> None:
    entity = driver.create_entity(label="web")

    made = driver.create_agent_installer(entity.id)

    assert made["shell_url"] == made["json_url"] + ".sh"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a socket of ICMP errors")
def test_a_traceroute_is_performed(driver: Driver) -> None:
    zone = driver.get_monitoring_zone("mzdfw")

    [hop] = driver.ex_traceroute(zone, "127.0.0.1")

    assert (hop["number"], hop["ip"]) == (1, "127.0.0.1")
