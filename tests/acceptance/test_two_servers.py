"""Two server processes on one PostgreSQL: what is decided in one bites in the other, and an outage ends by itself."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.acceptance.answering_agent import HOST_INFO, AnsweringAgent
from tests.acceptance.bare_agent import BareAgent, RefusedError
from tests.acceptance.client import Client
from tests.acceptance.server import Server
from tests.acceptance.waiting import until
from tests.contracts import postgres_server
from tests.contracts.postgres_server import PostgresServer

IN_TIME_S = 2.0


class Site(NamedTuple):
    postgres: PostgresServer
    here: Server
    there: Server
    client: Client  # of the first server


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    try:
        postgres = PostgresServer()
    except FileNotFoundError:
        pytest.skip(postgres_server.MISSING)
    directory = tmp_path_factory.mktemp("site")
    asyncio.run(postgres.create("vedette"))
    flags = ("--database", postgres.dsn("vedette"))
    try:
        with Server(directory / "here", *flags) as here:
            shutil.copytree(here.data_dir, directory / "there", ignore=shutil.ignore_patterns("lock", "*.json"))
            with (
                Server(directory / "there", *flags) as there,
                Client.logged_in(here.api, here.credentials) as client,
            ):
                yield Site(postgres, here, there, client)
    finally:
        postgres.remove()


def bare(server: Server, ca: Path, token: str, agent_id: str) -> BareAgent:
    return BareAgent(server.agent, ca, token, agent_id)


def cut_within(agents: list[BareAgent], began_s: float) -> float:
    """Seconds from the beginning until all of them were cut."""
    for agent in agents:
        assert agent.is_closed_by_server()
        agent.close()
    return time.monotonic() - began_s


def test_deleting_a_token_through_one_cuts_its_agents_on_the_other(site: Site) -> None:
    token = site.client.create("agent_tokens", label="both")
    agents = [bare(server, site.here.ca_file, token, f"web-{n}") for server in site[1:3] for n in range(5)]
    began_s = time.monotonic()
    site.client.delete(f"agent_tokens/{token}")
    assert cut_within(agents, began_s) < IN_TIME_S
    for server in (site.here, site.there):
        with pytest.raises(RefusedError, match="The agent token was revoked"):
            bare(server, site.here.ca_file, token, "web-1")


def test_narrowing_and_expiry_bite_on_the_other_too(site: Site) -> None:
    token = site.client.create("agent_tokens", label="narrow")
    kept = bare(site.there, site.here.ca_file, token, "web-1")
    lost = bare(site.there, site.here.ca_file, token, "db-1")
    began_s = time.monotonic()
    site.client.update(f"agent_tokens/{token}", allowed_agents=["web-*"])
    assert cut_within([lost], began_s) < IN_TIME_S
    kept.ask("heartbeat.post", {"timestamp": 0})
    began_s = time.monotonic()
    site.client.update(f"agent_tokens/{token}", expires_at=round(time.time() * 1000) + 1_000)
    assert cut_within([kept], began_s) < 1 + IN_TIME_S


def test_the_limit_of_agents_holds_over_both_and_the_newest_go(site: Site) -> None:
    token = site.client.create("agent_tokens", label="few")
    older = bare(site.here, site.here.ca_file, token, "web-1")
    newer = bare(site.there, site.here.ca_file, token, "web-2")
    path = f"agent_tokens/{token}"
    until(lambda: site.client.get(path).get("connection_count") == 2, "both are known of")
    began_s = time.monotonic()
    site.client.update(path, max_agents=1)
    assert cut_within([newer], began_s) < IN_TIME_S
    with pytest.raises(RefusedError, match="As many agents are connected as the agent token allows"):
        bare(site.there, site.here.ca_file, token, "web-2")
    older.ask("heartbeat.post", {"timestamp": 0})
    older.close()


def test_with_the_database_gone_live_connections_stay_new_ones_are_refused_and_it_ends_by_itself(site: Site) -> None:
    token = site.client.create("agent_tokens", label="outage")
    ends_soon = site.client.create("agent_tokens", label="ends", expires_at=round(time.time() * 1000) + 8_000)
    agents = [bare(server, site.here.ca_file, token, "web-1") for server in site[1:3]]
    expiring = bare(site.there, site.here.ca_file, ends_soon, "web-2")
    site.postgres.stop()
    try:
        until(lambda: not is_ready(site.here) and not is_ready(site.there), "both say that they are not ready")
        for server, agent in zip(site[1:3], agents, strict=True):
            began_s = time.monotonic()
            with pytest.raises(RefusedError, match="cannot look up agent tokens"):
                bare(server, site.here.ca_file, token, "web-3")
            assert time.monotonic() - began_s < 6
            agent.ask("heartbeat.post", {"timestamp": 0})
        assert expiring.is_closed_by_server()
        expiring.close()
    finally:
        site.postgres.start()
    until(lambda: is_ready(site.here) and is_ready(site.there), "both are ready again")
    for server in site[1:3]:
        bare(server, site.here.ca_file, token, "web-3").close()
    began_s = time.monotonic()
    site.client.delete(f"agent_tokens/{token}")
    assert cut_within(agents, began_s) < IN_TIME_S


def test_an_agent_of_the_other_is_asked_through_this_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    large = [{"name": f"package-{number}", "version": "1"} for number in range(50_000)]
    monkeypatch.setitem(HOST_INFO, "PACKAGES", large)
    entity = site.client.create("entities", label="db", agent_id="db-2")
    with answering(site, "db-2") as agent:
        assert site.client.get("agents/db-2/host_info/memory")["info"] == HOST_INFO["MEMORY"]
        assert site.client.get("agents/db-2/host_info/packages")["info"] == large
        targets = site.client.get(f"entities/{entity}/agent/check_types/agent.filesystem/targets")
        body = {"type": "agent.mysql", "details": {"password": "hunter2"}}
        tested = site.client.call("POST", f"entities/{entity}/test-check", body)
        assert "hunter2" in str(agent.asked[-1])
    assert [one["id"] for one in targets["values"]] == ["/", "/proc"]
    assert tested.json()[0]["status"] == "success"
    refused = site.client.call("GET", "agents/db-2/host_info/memory").json()
    assert refused["type"] == "agentNotConnected"


def test_a_server_that_dies_while_its_agent_is_asked_keeps_nobody_waiting(site: Site) -> None:
    with answering(site, "db-3", "host_info.get") as agent, ThreadPoolExecutor(1) as aside:
        asking = aside.submit(site.client.call, "GET", "agents/db-3/host_info/memory")
        until(lambda: agent.asked, "it is asked")
        began_s = time.monotonic()
        site.there.kill()
        refused = asking.result(timeout=30)
        waited_s = time.monotonic() - began_s
    site.there.start()
    assert (refused.status_code, refused.json()["type"]) == (400, "agentNotConnected")
    assert waited_s < 10


def answering(site: Site, agent_id: str, *mute: str) -> AnsweringAgent:
    """An agent of the second server, once the first one knows of it."""
    token = site.client.create("agent_tokens", label=agent_id)
    agent = AnsweringAgent(site.there.agent, site.here.ca_file, token, agent_id, *mute)
    path = f"agents/{agent_id}/connections"
    until(lambda: site.client.call("GET", path).json().get("values"), "it is known of")
    return agent


def is_ready(server: Server) -> bool:
    return httpx.get(f"{server.api}/readyz", trust_env=False, timeout=30).status_code == 200
