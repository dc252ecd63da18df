"""What connected agents are asked through the API: answers as documented, and every other end as a fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.acceptance.answering_agent import AT, HOST_INFO, AnsweringAgent
from tests.acceptance.waiting import until
from tests.doors.api.house import Caller, Cast, House

Connect = Callable[..., AnsweringAgent]


@pytest.fixture
def connect(house: House, cast: Cast) -> Iterator[Connect]:
    """Connects an agent `web` of Alice's; it is listed when this returns."""
    with ExitStack() as agents:

        def connect(*mute: str, caller: Caller = cast.alice) -> AnsweringAgent:
            assert house.app.agent is not None
            address = (house.app.agent.host, house.app.agent.port)
            token = caller.create("/agent_tokens", label="web")
            ca_file = house.config.data_dir / "tls" / "ca.pem"
            agent = agents.enter_context(AnsweringAgent(address, ca_file, token, "web", *mute))
            until(lambda: caller.call("GET", "/agents/web/connections").json().get("values"), "the agent is listed")
            return agent

        yield connect


@pytest.fixture
def entity(cast: Cast) -> str:
    return cast.alice.entity(agent_id="web")


@pytest.mark.parametrize(
    ("name", "wire"),
    [("cpus", "CPU"), ("disks", "DISK"), ("filesystems", "FILESYSTEM"), ("memory", "MEMORY"), ("who", "WHO"),
     ("network_interfaces", "NETWORK"), ("network_interaces", "NETWORK"), ("processes", "PROCS"), ("nil", "NIL")],
)  # fmt: skip
def test_host_info_is_what_the_agent_says(connect: Connect, cast: Cast, entity: str, name: str, wire: str) -> None:
    agent = connect()
    expected = {"timestamp": AT, "info": HOST_INFO[wire], "error": None}
    assert cast.bob.get(f"/agents/web/host_info/{name}") == expected
    assert cast.bob.get(f"/entities/{entity}/agent/host_info/{name}") == expected
    assert [one["params"] for one in agent.asked] == [{"type": wire}] * 2


def test_the_system_is_an_object_and_what_it_lacks_is_its_error(connect: Connect, cast: Cast) -> None:
    connect()
    assert cast.bob.get("/agents/web/host_info/system")["info"] == HOST_INFO["SYSTEM"][0]
    lacking = cast.bob.get("/agents/web/host_info/wordpress")
    assert (lacking["info"], lacking["error"]) == ([], "Agent does not support this Host Info type")


def test_types_have_the_reference_s_names(connect: Connect, cast: Cast) -> None:
    connect()
    found = cast.bob.get("/agents/web/host_info_types")
    assert set(found["info"]["types"]) == {
        "cpus", "disks", "filesystems", "memory", "network_interfaces", "nil", "processes", "system", "who"
    }  # fmt: skip


def test_targets_have_ids_and_labels(connect: Connect, cast: Cast, entity: str) -> None:
    connect()
    found = cast.bob.get(f"/entities/{entity}/agent/check_types/agent.filesystem/targets")
    assert found["values"] == [{"id": "/", "label": "/"}, {"id": "/proc", "label": "/proc"}]
    assert found["metadata"] == {"count": 2, "limit": None, "marker": None, "next_marker": None, "next_href": None}
    assert found["targets"] == found["values"]


def test_a_view_asks_for_several_types(connect: Connect, cast: Cast, entity: str) -> None:
    connect()
    [one] = cast.bob.get("/views/agent_host_info", entityId=entity, include=["cpus", "memory"])["values"]
    assert (one["agent_id"], list(one["host_info"])) == ("web", ["cpus", "memory"])
    assert one["host_info"]["memory"] == {"timestamp": AT, "error": None, "info": HOST_INFO["MEMORY"]}


def test_a_check_is_run_by_the_agent_new_or_stored(connect: Connect, cast: Cast, entity: str) -> None:
    agent = connect()
    body = {"type": "agent.mysql", "details": {"username": "u", "password": "hunter2"}, "timeout": 20, "period": 60}
    stored = cast.alice.create(f"/entities/{entity}/checks", **body, disabled=True)
    for path, given in ((f"/entities/{entity}/test-check", body), (f"/entities/{entity}/checks/{stored}/test", None)):
        answer = cast.carol.call("POST", path, given)
        assert answer.status_code == 200, answer.text
        [found] = answer.json()
        assert found.pop("timestamp") > AT
        assert found == {
            "monitoring_zone_id": None, "available": True, "status": "success",
            "metrics": {"total": {"type": "l", "data": "41020640", "unit": "kilobytes"}},
        }  # fmt: skip
    tried = [json.loads(one["params"]["checkParams"]) for one in agent.asked if one["method"] == "check.test"]
    assert tried == [{"id": "chTest", "type": "agent.mysql", "period": 60, "timeout": 20, "disabled": False,
                      "details": {"username": "u", "password": "hunter2"}}] * 2  # fmt: skip
    assert "hunter2" not in str(cast.alice.audits())


def test_what_a_test_says_can_be_given_to_test_alarm(connect: Connect, cast: Cast, entity: str) -> None:
    connect()
    data = cast.carol.call("POST", f"/entities/{entity}/test-check", {"type": "agent.memory"}).json()
    criteria = "if (metric['total'] > 5) { return new AlarmStatus(WARNING, '#{total}'); }"
    found = cast.carol.call("POST", f"/entities/{entity}/test-alarm", {"criteria": criteria, "check_data": data}).json()
    assert (found[-1]["state"], found[-1]["status"]) == ("WARNING", "41020640")


def asked(caller: Caller, method: str, path: str, body: Any = None) -> tuple[str, int, str]:
    fault = caller.refused(method, path, body)
    return fault["type"], fault["code"], fault["details"]


def test_an_upgrade_is_asked_only_of_who_announces_it(connect: Connect, cast: Cast) -> None:
    connect()
    assert asked(cast.carol, "POST", "/agents/web/upgrade") == (
        "notImplementedError", 501, "Agent web does not know upgrade.request"
    )  # fmt: skip


def test_who_does_not_answer_in_time_is_told_clearly(
    connect: Connect, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.services.agent_requests.LIMIT_MS", 1_000)
    connect("host_info.get")
    assert asked(cast.bob, "GET", "/agents/web/host_info/memory") == (
        "requestTimeout", 500, "Agent web did not answer host_info.get within 1 s"
    )  # fmt: skip


def test_an_agent_that_goes_while_it_is_asked_is_not_connected(connect: Connect, cast: Cast) -> None:
    connect().deadly = frozenset({"host_info.get"})
    assert asked(cast.bob, "GET", "/agents/web/host_info/memory") == (
        "agentNotConnected", 400, "Agent web went before it answered host_info.get"
    )  # fmt: skip
    assert asked(cast.bob, "GET", "/agents/web/host_info/memory")[:2] == ("agentNotConnected", 400)


def test_nobody_asks_another_tenant_s_agent(connect: Connect, cast: Cast) -> None:
    agent = connect()
    assert asked(cast.charlie, "GET", "/agents/web/host_info/memory")[0] == "agentDoesNotExist"
    assert agent.asked == []
