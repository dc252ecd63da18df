"""The agent of this host: a real process over real TLS, with a token of the API."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.acceptance.bare_agent import BareAgent, RefusedError
from tests.acceptance.client import Client
from tests.acceptance.host_agent import HostAgent
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.waiting import until

ALWAYS = 'if (metric["actual_used"] > 0) { return new AlarmStatus(WARNING, "#{actual_used} bytes are used"); }'
AGENT_ID = "this-host"


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
