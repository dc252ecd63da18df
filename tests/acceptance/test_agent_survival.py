"""What happens to the agent of a host in its months: servers that come back, tokens, names, schedules, clocks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import Client
from tests.acceptance.host_agent import HostAgent
from tests.acceptance.relay import Relay
from tests.acceptance.server import Server
from tests.acceptance.settable_clock import SettableClock
from tests.acceptance.waiting import until

AGENT_ID = "this-host"
HOUR_S = 3_600
NOWHERE = "nowhere.invalid:50041"
SOON_MS = 60_000


@pytest.fixture
def entity(client: Client) -> str:
    return client.create("entities", label="this host", agent_id=AGENT_ID)


@pytest.fixture
def token(client: Client) -> str:
    return client.create("agent_tokens", label="this host")


def check(client: Client, entity: str) -> str:
    return client.create(f"entities/{entity}/checks", type="agent.memory", label="memory", period=30)


def first_point_ms(client: Client, agent: HostAgent, entity: str) -> int:
    """When a check that is made now is first seen to run, by its point."""
    made = check(client, entity)
    [point, *_] = until(
        lambda: client.points(entity, made, "total"), "points of a new check", 60.0, lambda: agent.output
    )
    at_ms: int = point["timestamp"]
    return at_ms


def come_back(server: Server, client: Client, address: tuple[str, int]) -> None:
    """Another life of the server at the same address for agents."""
    server.flags = ("--agent", f"{address[0]}:{address[1]}")
    server.start()
    client.base = server.api


def test_it_survives_a_server_that_stops_and_one_that_is_killed(
    tmp_path: Path, server: Server, client: Client, entity: str, token: str
) -> None:
    check(client, entity)
    address = server.agent
    with HostAgent(tmp_path, server, token, AGENT_ID) as agent:
        agent.says("running 1 checks")
        server.terminate()
        assert server.ended() == 0
        agent.says("no connection")
        come_back(server, client, address)
        agent.connects(2)
        server.kill()
        come_back(server, client, address)
        agent.connects(3)
        first_point_ms(client, agent, entity)
        assert agent.terminated() == 0


def test_it_takes_over_a_rotated_token_and_is_not_locked_out_when_the_old_one_ends(
    tmp_path: Path, server: Server, client: Client, entity: str, token: str
) -> None:
    with HostAgent(tmp_path, server, token, AGENT_ID) as agent:
        agent.connects(1)
        new = client.create(f"agent_tokens/{token}/rotate", overlap=600)
        until(lambda: agent.token == new, "the new token is stored", seen=lambda: agent.output)
        agent.connects(2)
        client.delete(f"agent_tokens/{token}")
        first_point_ms(client, agent, entity)
        assert agent.connections == 2
        assert token not in agent.output
        assert new not in agent.output


def test_each_change_of_its_schedule_reaches_it_over_the_same_connection(
    tmp_path: Path, server: Server, client: Client, entity: str, token: str
) -> None:
    first = check(client, entity)
    path = f"entities/{entity}/checks/{first}"
    with HostAgent(tmp_path, server, token, AGENT_ID) as agent:
        agent.says("running 1 checks")
        runs = [1]
        for change, count in (
            (lambda: check(client, entity), 2),
            (lambda: client.update(path, disabled=True), 1),
            (lambda: client.update(path, disabled=False), 2),
            (lambda: client.update(path, period=60), 2),
            (lambda: client.delete(path), 1),
            (lambda: client.update(f"entities/{entity}", agent_id="another-host"), 0),
            (lambda: client.update(f"entities/{entity}", agent_id=AGENT_ID), 1),
        ):
            change()
            runs.append(count)
            until(lambda: told(agent) == runs, f"it runs {runs}", 10.0, lambda: agent.output)
        assert agent.connections == 1


def told(agent: HostAgent) -> list[int]:
    """How many checks it said to run, schedule by schedule."""
    return [int(count) for count in re.findall(r"\brunning (\d+) checks", agent.output)]


def test_a_name_that_does_not_resolve_stops_it_neither_at_its_start_nor_later(
    tmp_path: Path, server: Server, client: Client, entity: str, token: str
) -> None:
    with Relay(server.agent) as relay:
        endpoints = f"{NOWHERE},127.0.0.1:{relay.address[1]}"
        with HostAgent(tmp_path, server, token, AGENT_ID, endpoints=endpoints) as agent:
            agent.connects(1)
            assert agent.output.count(f"{NOWHERE}: no connection") == 1
            relay.cut()
            agent.connects(2)
            assert agent.output.count(f"{NOWHERE}: no connection") == 2
            first_point_ms(client, agent, entity)


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_jumps_an_hour_ends_no_connection_and_moves_no_point(
    tmp_path: Path, server: Server, client: Client, entity: str, token: str, by_s: int
) -> None:
    clock = SettableClock(tmp_path / "clock")
    with HostAgent(tmp_path, server, token, AGENT_ID, program=clock.vedette) as agent:
        for ahead_s in (0, by_s, 0):
            clock.set(ahead_s)
            at_ms = first_point_ms(client, agent, entity)
            assert abs(at_ms - time.time() * 1000) < SOON_MS
        assert agent.connections == 1
        assert "no connection" not in agent.output


@pytest.fixture
def clock(tmp_path: Path) -> SettableClock:
    return SettableClock(tmp_path / "clock")


@pytest.fixture
def set_server(tmp_path: Path, clock: SettableClock) -> Iterator[Server]:
    """It runs by a clock that the test sets."""
    with Server(tmp_path / "var", program=clock.vedette) as running:
        yield running


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S])
def test_a_server_whose_clock_jumps_an_hour_keeps_its_agents(
    tmp_path: Path, clock: SettableClock, set_server: Server, by_s: int
) -> None:
    with Client.logged_in(set_server.api, set_server.credentials) as client:
        entity = client.create("entities", label="this host", agent_id=AGENT_ID)
        token = client.create("agent_tokens", label="this host")
        with HostAgent(tmp_path, set_server, token, AGENT_ID) as agent:
            for ahead_s in (0, by_s, 0):
                clock.set(ahead_s)
                at_ms = first_point_ms(client, agent, entity)
                assert abs(at_ms - (time.time() + ahead_s) * 1000) < SOON_MS
            assert agent.connections == 1
    assert all(line["level"] != "error" for line in set_server.logged)
