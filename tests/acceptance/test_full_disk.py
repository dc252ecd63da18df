"""A disk that fills up under a running server: it says so, nothing is spoilt, and it goes on when there is room."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.acceptance.bare_agent import BareAgent, RefusedError
from tests.acceptance.client import Client
from tests.acceptance.server import Server
from tests.acceptance.waiting import until
from tests.doors.prometheus.metric_servers import VICTORIA_METRICS, MetricServer, missing
from tests.doors.prometheus.small_disk import fill, small_disk

APART_MS = 50


class Posts:
    """Posts n = 0, 1, 2, ..., each at a time of its own, with a ledger of what was acknowledged."""

    def __init__(self, server: Server, client: Client) -> None:
        self.entity = client.create("entities", label="h", agent_id="h")
        self.check = client.create(f"entities/{self.entity}/checks", type="agent.memory", period=30)
        self.acknowledged: list[int] = []
        self.refusals: list[str] = []
        self._server = server
        self._token = client.create("agent_tokens", label="h")
        self._next = 0
        self._began_ms = time.time_ns() // 1_000_000 - 3_600_000

    def post(self) -> bool:
        """Whether it was acknowledged; else it was refused as what may be sent again later."""
        number, self._next = self._next, self._next + 1
        with BareAgent(self._server.agent, self._server.ca_file, self._token, "h") as agent:
            at_ms = self._began_ms + number * APART_MS
            try:
                agent.answer(agent.send_post(self.check, at_ms=at_ms, n=number))
                self.acknowledged.append(number)
            except RefusedError as refusal:
                self.refusals.append(json.loads(str(refusal))["type"])
        assert set(self.refusals) <= {"unavailable"}
        return self.acknowledged[-1:] == [number]


@pytest.mark.timeout(300)
def test_a_full_disk_refuses_writes_and_the_server_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        with Server(disk / "var") as server, Client.logged_in(server.api, server.credentials) as client:
            posts = Posts(server, client)
            assert all(posts.post() for _ in range(5))
            ballast = fill(disk)
            until(lambda: not posts.post(), "a post is refused")
            refused = client.call("POST", "entities", {"label": "too many"})
            assert refused.status_code == 503, refused.text
            assert "Retry-After" in refused.headers
            assert client.get("entities")["values"]  # reads go on
            ballast.unlink()
            until(posts.post, "a post is taken")
            assert all(posts.post() for _ in range(5))
            client.create("entities", label="room again")
            found = client.points(posts.entity, posts.check, "n")
            assert {point["average"] for point in found} >= set(posts.acknowledged)
            server.kill()
            server.start()
            client.base = server.api
            assert client.points(posts.entity, posts.check, "n") == found
            assert httpx.get(f"{server.api}/readyz", trust_env=False).status_code == 200
            server.terminate()
            assert server.ended() == 0
        with closing(sqlite3.connect(disk / "var" / "vedette.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.timeout(300)
def test_a_disk_that_is_full_of_what_waits_for_a_dead_metric_store_costs_no_point(tmp_path: Path) -> None:
    if reason := missing(VICTORIA_METRICS):
        pytest.skip(reason)
    store = MetricServer(VICTORIA_METRICS, tmp_path / "store")
    store.kill()
    try:
        with (
            small_disk(tmp_path / "disk", "24m") as disk,
            Server(disk / "var", "--metrics-url", store.url) as server,
            Client.logged_in(server.api, server.credentials) as client,
        ):
            posts = Posts(server, client)
            assert all(posts.post() for _ in range(5))
            ballast = fill(disk)
            until(lambda: not posts.post(), "a post is refused")
            ballast.unlink()
            until(posts.post, "a post is taken")
            store.restart()

            def stored() -> set[int]:
                store.settle()
                query = {"query": f'vedette_n{{check="{posts.check}"}}[1d]'}
                answer = httpx.get(f"{store.url}/api/v1/query", params=query, trust_env=False).json()
                return {int(value) for series in answer["data"]["result"] for _, value in series["values"]}

            until(lambda: stored() >= set(posts.acknowledged), "every point is in the store", 60, stored)
    finally:
        store.kill()
