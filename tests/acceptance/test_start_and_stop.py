"""How a server starts, refuses to start, and stops."""

from __future__ import annotations

import json
import socket
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.client import Client
from tests.acceptance.flipper import CRITERIA
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import FREE, Server, run
from tests.acceptance.waiting import until

POSTS_BEFORE_STOP = 500
ON_THEIR_WAY = 300
"""Posts that are not answered: more than the server reads ahead."""
FIRST_POST = 2
"""The number of the first request after the handshake."""


def refusal(*arguments: str) -> str:
    """The one line that `serve` ends with."""
    ended = run("serve", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("vedette: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr


def logged_in(server: Server) -> Client:
    return Client.logged_in(server.api, server.credentials)


def is_stopping(server: Server) -> bool:
    return any(line["event"] == "stopping" for line in server.logged)


# -- start


def test_the_screen_and_the_credentials_say_where_things_are(server: Server) -> None:
    file = server.data_dir / "credentials.json"
    said = server.credentials
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
    assert said["monitoring_url"] == f"{server.api}/v1.0/{said['tenant_id']}"
    assert said["identity_url"] == f"{server.api}/v2.0"
    assert said["agent_endpoint"] == "{}:{}".format(*server.agent)
    assert Path(said["ca_file"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert str(file) in server.screen
    assert said["api_key"] not in server.screen + server.log
    assert len(server.screen.splitlines()) <= 24


def test_health_readiness_and_its_own_metrics_are_answered(server: Server) -> None:
    health, ready, metrics = (
        httpx.get(f"{server.api}/{name}", trust_env=False) for name in ("healthz", "readyz", "metrics")
    )
    assert (health.status_code, ready.status_code, metrics.status_code) == (200, 200, 200)
    assert health.json()["status"] == "ok"
    assert "vedette_http_requests_total{" in metrics.text


def test_a_second_server_on_the_same_directory_is_refused_and_the_first_goes_on(server: Server, client: Client) -> None:
    line = refusal(*FREE, "--data-dir", str(server.data_dir))
    assert f"process {server.running.pid} is serving from it" in line
    assert client.get("limits")["rate"]


@pytest.mark.parametrize("door", ["http", "agent"])
def test_a_port_in_use_is_told(door: str, server: Server, tmp_path: Path) -> None:
    port = server.agent[1] if door == "agent" else int(server.api.rpartition(":")[2])
    line = refusal(*FREE, f"--{door}", f"127.0.0.1:{port}", "--data-dir", str(tmp_path / "other"))
    assert f"--{door} 127.0.0.1:{port}: " in line
    assert "another process listens there" in line


def test_a_file_in_place_of_the_directory_is_told(tmp_path: Path) -> None:
    file = tmp_path / "var"
    file.write_text("mine")
    assert f"{file}: cannot be made" in refusal(*FREE, "--data-dir", str(file))
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("line", "key"),
    [("http = 8080", "http"), ('htpp = "127.0.0.1:0"', "htpp"), ('roles = ["apy"]', "roles")],
    ids=["a wrong type", "an unknown key", "a wrong value"],
)
def test_a_bad_setting_is_named_with_its_file(line: str, key: str, tmp_path: Path) -> None:
    file = tmp_path / "vedette.toml"
    file.write_text(f"{line}\n")
    assert f"{file}: {key}: " in refusal("--config", str(file), "--data-dir", str(tmp_path / "var"))
    assert not (tmp_path / "var").exists()


# -- accounts


def test_a_user_added_beside_a_running_server_can_log_in_at_once(server: Server, client: Client) -> None:
    added = user_add("bob", server)
    with Client.logged_in(server.api, added) as bob:
        assert bob.get("account")["id"] == client.get("account")["id"]
        assert bob.call("POST", "entities", {"label": "web"}).status_code == 403


def test_a_user_added_without_a_server_can_log_in_at_the_next_one(server: Server) -> None:
    server.terminate()
    assert server.ended() == 0
    added = user_add("bob", server)
    server.start()
    with Client.logged_in(server.api, added) as bob, logged_in(server) as admin:
        assert bob.get("account")["id"] == admin.get("account")["id"]


def user_add(name: str, server: Server) -> dict[str, Any]:
    """What `vedette user add --json` prints."""
    tenant = server.credentials["tenant_id"]
    options = ["--tenant", tenant, "--role", "observer", "--json", "--data-dir", str(server.data_dir)]
    ended = run("user", "add", name, *options)
    assert (ended.returncode, ended.stderr) == (0, "")
    added: dict[str, Any] = json.loads(ended.stdout)
    assert set(added) == {"username", "api_key", "tenant_id", "roles"}
    return added


# -- stop


def test_a_request_that_was_admitted_completes_when_the_server_is_told_to_stop(server: Server, client: Client) -> None:
    body = b'{"label": "in time"}'
    port = int(server.api.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        head = (
            f"POST /v1.0/{client.tenant}/entities HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {client.token}\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # it is admitted and waits for its body
        server.terminate()
        until(lambda: is_stopping(server), "it stops", seen=lambda: server.log)
        connection.sendall(body)
        with connection.makefile("rb") as lines:
            assert lines.readline() == b"HTTP/1.1 201 Created\r\n"
    assert server.ended() == 0
    with logged_in(server.start()) as again:
        assert [entity["label"] for entity in again.all("entities")] == ["in time"]


def test_a_webhook_on_its_way_is_finished_and_not_sent_again(
    server: Server, client: Client, receiver: Receiver
) -> None:
    watched = Watched(server, client, receiver)
    receiver.may_answer.clear()
    with watched.agent(server) as agent:
        agent.post(watched.check, n=1, bad=1)
        assert receiver.came.wait(30)
    server.terminate()
    until(lambda: is_stopping(server), "it stops", seen=lambda: server.log)
    receiver.may_answer.set()
    assert server.ended() == 0
    server.start()
    with watched.agent(server) as agent:
        agent.post(watched.check, n=2, bad=0)
    until(lambda: "OK" in receiver.states, "the next state is told", seen=lambda: server.log)
    assert receiver.states == ["CRITICAL", "OK"]


def test_what_agents_posted_is_answered_if_and_only_if_it_is_stored(
    server: Server, client: Client, receiver: Receiver
) -> None:
    watched = Watched(server, client, receiver)
    first_ms = time.time_ns() // 1_000_000 - 3_000_000
    sent = 0
    answered: list[int] = []
    with watched.agent(server) as agent:
        try:
            while True:
                while sent < len(answered) + ON_THEIR_WAY:  # each says another millisecond, so that it becomes a point
                    agent.send_post(watched.check, first_ms + sent, n=sent, bad=0)
                    sent += 1
                agent.answer(FIRST_POST + len(answered))
                answered.append(len(answered))
                if len(answered) == POSTS_BEFORE_STOP:
                    server.terminate()
        except OSError:
            pass  # the server has read no more than it has answered
    assert server.ended() == 0
    with logged_in(server.start()) as again:
        path = f"entities/{watched.entity}/checks/{watched.check}/metrics/n/plot"
        spans = [(first, first + 1_000) for first in range(first_ms, first_ms + sent, 1_000)]
        pages = [again.get(path, **{"from": start, "to": end, "resolution": "FULL"})["values"] for start, end in spans]
    assert [point["average"] for page in pages for point in page] == answered


def test_an_idle_server_stops_at_once_and_takes_its_connections_with_it(server: Server, client: Client) -> None:
    with BareAgent(server.agent, server.ca_file, client.create("agent_tokens", label="host"), "host") as agent:
        server.terminate()
        assert agent.is_closed_by_server()
    assert server.ended() == 0
    assert server.logged[-1]["event"] == "stopped"
    with pytest.raises(httpx.ConnectError):
        client.get("limits")


class Watched:
    """An agent's check with an alarm that tells the receiver."""

    def __init__(self, server: Server, client: Client, receiver: Receiver) -> None:
        self.token = client.create("agent_tokens", label="host")
        self.entity = client.create("entities", label="host", agent_id="host")
        self.check = client.create(f"entities/{self.entity}/checks", type="agent.memory", label="host", period=30)
        plan = client.tell(receiver.url)
        client.create(
            f"entities/{self.entity}/alarms", check_id=self.check, notification_plan_id=plan, criteria=CRITERIA
        )

    def agent(self, server: Server) -> BareAgent:
        return BareAgent(server.agent, server.ca_file, self.token, "host")
