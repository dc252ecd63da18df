"""Points in a real metric store, by real processes, whichever of them is killed."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.client import Client
from tests.acceptance.server import Server
from tests.acceptance.waiting import until
from tests.doors.prometheus.metric_servers import STORES, MetricServer, missing

LIVES = int(os.environ.get("VEDETTE_TEST_KILLS", "4"))
SEED = int(os.environ.get("VEDETTE_TEST_SEED", "0")) or secrets.randbelow(10**6) + 1
POSTS = 40
APART_MS = 50
BEGAN_MS = time.time_ns() // 1_000_000 - LIVES * POSTS * APART_MS


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MetricServer]:
    reason = missing(request.param)
    if reason is not None:
        pytest.skip(reason)
    server = MetricServer(request.param, tmp_path / "store")
    yield server
    server.kill()


def values(store: MetricServer, check: str) -> set[int]:
    """Of the metric `n` of the check, whenever it was observed."""
    store.settle()
    query = {"query": f'vedette_n{{check="{check}"}}[1d]'}
    answer = httpx.get(f"{store.url}/api/v1/query", params=query, trust_env=False).raise_for_status()
    return {int(value) for series in answer.json()["data"]["result"] for _, value in series["values"]}


def post(agent: BareAgent, check: str, number: int) -> None:
    """Each at a time of its own, for points of one time are one point. Returns when it is acknowledged."""
    agent.answer(agent.send_post(check, at_ms=BEGAN_MS + number * APART_MS, n=number))


def checked(client: Client) -> tuple[str, str, str]:
    """Ids of an entity and its check, and the token of its agent."""
    entity = client.create("entities", label="h", agent_id="h")
    check = client.create(f"entities/{entity}/checks", type="agent.memory", period=30)
    return entity, check, client.create("agent_tokens", label="h")


@pytest.mark.timeout(120 + 10 * LIVES)
def test_every_acknowledged_point_comes_to_the_store_whichever_is_killed(tmp_path: Path, store: MetricServer) -> None:
    chance = random.Random(SEED)
    server = Server(tmp_path / "var", "--metrics-url", store.url)
    acknowledged: set[int] = set()
    with server:
        with Client.logged_in(server.api, server.credentials) as client:
            entity, check, token = checked(client)
        for life in range(LIVES):
            with BareAgent(server.agent, server.ca_file, token, "h") as agent:
                killed_at = chance.randrange(POSTS) if life % 2 else None
                for number in range(POSTS):
                    if number == killed_at:
                        store.kill()
                    post(agent, check, life * POSTS + number)
                    acknowledged.add(life * POSTS + number)
            server.kill()
            server.start()
            if killed_at is not None:
                store.restart()
        report = f"seed {SEED}"
        until(lambda: values(store, check) >= acknowledged, f"all points are there, {report}", 60,
              lambda: sorted(acknowledged - values(store, check)))  # fmt: skip
        with Client.logged_in(server.api, server.credentials) as client:
            plotted = client.points(entity, check, "n")
            assert {point["average"] for point in plotted} >= acknowledged


def test_another_system_gets_every_point_too_and_no_secret_is_shown(tmp_path: Path, store: MetricServer) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("open sesame")
    flags = ("--remote-write", f"{store.url}/api/v1/write", "--remote-write-token-file", str(token_file))
    with Server(tmp_path / "var", *flags) as server:
        with Client.logged_in(server.api, server.credentials) as client:
            _, check, token = checked(client)
            with BareAgent(server.agent, server.ca_file, token, "h") as agent:
                for number in range(3):
                    post(agent, check, number)
            until(lambda: values(store, check) == {0, 1, 2}, "all points are there", seen=lambda: server.log)
            counted = httpx.get(f"{server.api}/metrics", trust_env=False).text
            assert 'vedette_points_sent_total{to="remote_write"} 3.0' in counted
            assert "vedette_remote_write_waiting_points 0.0" in counted
        server.terminate()
        assert server.ended() == 0
        assert "sesame" not in server.log + server.screen
