"""The agent of this host: a real process over real TLS, with a token of the API."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from tests.acceptance.bare_agent import BareAgent, RefusedError
from tests.acceptance.client import Client
from tests.acceptance.host_agent import HostAgent
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.waiting import until

ALWAYS = 'if (metric["actual_used"] > 0) { return new AlarmStatus(WARNING, "#{actual_used} bytes are used"); }'
AGENT_ID = "this-host"
DOCUMENTED = {
    "cpus",
    "date",
    "disks",
    "filesystems",
    "memory",
    "network_interfaces",
    "nil",
    "processes",
    "system",
    "who",
}
CHECKS: tuple[dict[str, Any], ...] = (
    {"type": "agent.cpu"},
    {"type": "agent.filesystem", "details": {"target": "/"}},
    {"type": "agent.network", "details": {"target": "lo"}},
    {"type": "agent.filesystem_state"},
    {"type": "agent.plugin", "details": {"file": "none.sh"}},
)


class Watched(NamedTuple):
    """An entity bound to an agent, and its two checks."""

    entity: str
    memory: str
    load: str


@pytest.fixture
def watched(client: Client) -> Watched:
    entity = client.create("entities", label="this host", agent_id=AGENT_ID)
    memory = client.create(f"entities/{entity}/checks", type="agent.memory", label="memory", period=30)
    load = client.create(f"entities/{entity}/checks", type="agent.load_average", label="load", period=30)
    return Watched(entity, memory, load)


def test_an_agent_posts_metrics_that_can_be_plotted_and_an_alarm_on_them_fires(
    tmp_path: Path, server: Server, client: Client, receiver: Receiver, watched: Watched
) -> None:
    client.create(
        f"entities/{watched.entity}/alarms",
        label="used",
        check_id=watched.memory,
        notification_plan_id=client.tell(receiver.url),
        criteria=ALWAYS,
    )
    token = client.create("agent_tokens", label="this host")

    with HostAgent(tmp_path, server, token, AGENT_ID) as agent:
        until(lambda: receiver.bodies, "a webhook", seen=lambda: agent.output)
        until(lambda: client.points(watched.entity, watched.load, "1m"), "the load's points", seen=lambda: agent.output)
        assert agent.terminated() == 0

    (event,) = receiver.events
    used = event["details"]["metrics"]["actual_used"]
    (point,) = client.points(watched.entity, watched.memory, "actual_used")
    assert (event["details"]["state"], event["check"]["id"]) == ("WARNING", watched.memory)
    assert event["details"]["status"] == f"{used['data']} bytes are used"
    assert (used["unit"], used["data"]) == ("bytes", point["average"])
    assert token not in server.log + agent.output


def test_a_check_made_while_the_agent_is_connected_is_run_at_once(
    tmp_path: Path, server: Server, client: Client
) -> None:
    entity = client.create("entities", label="this host", agent_id=AGENT_ID)
    token = client.create("agent_tokens", label="this host")

    with HostAgent(tmp_path, server, token, AGENT_ID) as agent:
        agent.says("running 0 checks")
        check = client.create(f"entities/{entity}/checks", type="agent.memory", label="memory", period=30)
        until(lambda: client.points(entity, check, "total"), "the check's points", seen=lambda: agent.output)


def test_an_agent_with_a_wrong_token_is_refused_and_says_why(
    tmp_path: Path, server: Server, client: Client, watched: Watched
) -> None:
    wrong = client.create("agent_tokens", label="this host")[::-1]

    with HostAgent(tmp_path, server, wrong, AGENT_ID) as agent:
        host, port = server.agent
        agent.says(f"{host}:{port} refused this agent: The agent token is unknown")
        assert wrong not in agent.output
        until(lambda: "agent.refused" in server.log, "the server says so too", seen=lambda: server.log)
        assert wrong not in server.log
        assert agent.terminated() == 0
    assert client.points(watched.entity, watched.memory, "actual_used") == []


@pytest.mark.usefixtures("watched")
def test_deleting_a_token_closes_its_connections_and_the_agent_is_told_at_its_next_handshake(
    tmp_path: Path, server: Server, client: Client
) -> None:
    token, other = (client.create("agent_tokens", label=label) for label in ("this host", "another"))

    with HostAgent(tmp_path, server, token, AGENT_ID) as agent, bare(server, other) as untouched:
        agent.says("running 2 checks")
        with bare(server, token) as mute:
            client.delete(f"agent_tokens/{token}")
            assert mute.is_closed_by_server()
        agent.says("refused this agent: The agent token was revoked")
        with pytest.raises(RefusedError, match="The agent token was revoked"):
            bare(server, token)
        assert "timestamp" in untouched.ask("heartbeat.post", {"timestamp": 0})


def bare(server: Server, token: str) -> BareAgent:
    return BareAgent(server.agent, server.ca_file, token, "bare-host")


def test_what_is_asked_of_an_agent_is_answered_from_its_host(
    tmp_path: Path, server: Server, client: Client, watched: Watched
) -> None:
    token = client.create("agent_tokens", label="this host")
    with HostAgent(tmp_path, server, token, AGENT_ID) as agent:
        until(lambda: listed(client), "it is listed", seen=lambda: agent.output)
        types = client.get(f"agents/{AGENT_ID}/host_info_types")["info"]["types"]
        told = {name: client.get(f"agents/{AGENT_ID}/host_info/{name}") for name in DOCUMENTED}
        lacking = client.get(f"agents/{AGENT_ID}/host_info/wordpress")
        targets = client.get(f"entities/{watched.entity}/agent/check_types/agent.filesystem/targets")["values"]
        described = [tried(client, f"entities/{watched.entity}/test-check", body) for body in CHECKS]
        [stored] = tried(client, f"entities/{watched.entity}/checks/{watched.memory}/test")

    assert set(types) >= DOCUMENTED
    assert {name for name, one in told.items() if one["error"]} == set()
    assert told["memory"]["info"]["total"] == psutil.virtual_memory().total
    assert os.getpid() in {one["pid"] for one in told["processes"]["info"]}
    assert (told["system"]["info"]["arch"], len(told["cpus"]["info"])) == (platform.machine(), psutil.cpu_count())
    assert "lo" in {one["name"] for one in told["network_interfaces"]["info"]}
    assert lacking["error"] == "Agent does not support this Host Info type"
    assert {"id": "/", "label": "/"} in targets
    assert [(found["available"], found["status"]) for [found] in described] == [(True, "success")] * 4 + [
        (False, "No such plugin: none.sh")
    ]
    assert stored["metrics"]["total"]["data"] == str(psutil.virtual_memory().total)


def listed(client: Client) -> object:
    """Its live connections; none for an agent that was never seen."""
    return client.call("GET", f"agents/{AGENT_ID}/connections").json().get("values")


def tried(client: Client, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = client.call("POST", path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()
