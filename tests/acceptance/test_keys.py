"""Secret keys change while servers run, and nobody notices."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.client import Client
from tests.acceptance.server import VEDETTE, Server, run
from tests.acceptance.waiting import until
from tests.contracts import postgres_server
from tests.contracts.postgres_server import PostgresServer

NEEDS = ("agent_tokens", "documents", "webhook_tokens", "api_keys", "identity_tokens")
SECRET = "sesame-opens-the-cave"


def keys(server: Server, *arguments: str) -> list[dict[str, Any]]:
    """`vedette keys ...` that succeeds."""
    ended = run("keys", *arguments, "--json", *where(server))
    assert ended.returncode == 0, ended.stderr
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def where(server: Server) -> tuple[str, ...]:
    return ("--data-dir", str(server.data_dir), *server.flags)


def needs(rows: list[dict[str, Any]], version: int) -> dict[str, int]:
    """What needs a key, without what does not."""
    (row,) = [row for row in rows if row["version"] == version]
    return {name: row[name] for name in NEEDS if row[name]}


def fill(client: Client) -> str:
    """Something sealed of every kind; the agent token."""
    entity = client.create("entities", label="web", agent_id="web", ip_addresses={"default": "192.0.2.1"})
    client.create(
        f"entities/{entity}/checks",
        type="remote.http",
        target_alias="default",
        monitoring_zones_poll=["mzdfw"],
        details={"url": "http://192.0.2.1/", "auth_user": "x", "auth_password": SECRET},
    )
    client.update("account", webhook_token=SECRET)
    return client.create("agent_tokens", label="web")


def assert_all_is_well(server: Server, client: Client, token: str) -> None:
    assert client.get("account")["webhook_token"] == SECRET
    (entity,) = client.all("entities")
    (check,) = client.all(f"entities/{entity['id']}/checks")
    assert check["details"]["auth_password"] == SECRET
    assert token in [one["token"] for one in client.all("agent_tokens")]
    assert client.get(f"agent_tokens/{token}")["token"] == token
    with BareAgent(server.agent, server.ca_file, token, "web") as agent:
        assert agent.welcome


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except FileNotFoundError:
        pytest.skip(postgres_server.MISSING)
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
async def flags(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Of a database of its own."""
    if request.param == "sqlite":
        return ()
    postgres: PostgresServer = request.getfixturevalue("postgres")
    name = f"keys{secrets.token_hex(4)}"
    await postgres.create(name)
    return ("--database", postgres.dsn(name))


@pytest.fixture
def server(tmp_path: Path, flags: tuple[str, ...]) -> Iterator[Server]:
    with Server(tmp_path / "var", *flags) as running:
        yield running


def test_a_rotation_under_a_running_server_is_not_noticed_and_the_old_key_can_go(server: Server) -> None:
    with Client.logged_in(server.api, server.credentials) as client:
        token = fill(client)
        all_need = {"agent_tokens": 1, "documents": 1, "webhook_tokens": 1, "api_keys": 1, "identity_tokens": 1}
        assert needs(keys(server, "list"), 1) == all_need
        with BareAgent(server.agent, server.ca_file, token, "web") as connected:
            rows = keys(server, "rotate")

            assert needs(rows, 1) == {"api_keys": 1, "identity_tokens": 1}
            assert needs(rows, 2) == {"agent_tokens": 1, "documents": 1, "webhook_tokens": 1}
            assert [row["state"] for row in rows] == ["in use", "old"]
            assert_all_is_well(server, client, token)
            assert connected.ask("heartbeat.post", {"timestamp": 1})

        refused = run("keys", "retire", "1", *where(server))
        assert refused.returncode == 1
        assert "1 identity tokens, the API keys of admin" in refused.stderr
        second = client.create("agent_tokens", label="made with the new key")
        with Client.logged_in(server.api, server.credentials) as later:  # its log-in moves the API key
            client.log_out()
            rows = keys(server, "retire", "1")

            assert [(row["version"], row["state"]) for row in rows] == [(2, "in use")]
            assert_all_is_well(server, later, token)
            assert_all_is_well(server, later, second)
    assert not (server.data_dir / "keys").read_text().count("\n1:")
    until(lambda: [2] in [line.get("versions") for line in server.logged], "the server drops the old key")
    server.terminate()
    assert server.ended() == 0
    server.start()
    with Client.logged_in(server.api, server.credentials) as client:
        assert_all_is_well(server, client, token)


def test_keys_can_be_rotated_while_no_server_runs(server: Server) -> None:
    with Client.logged_in(server.api, server.credentials) as client:
        token = fill(client)
    server.terminate()
    assert server.ended() == 0

    rows = keys(server, "rotate")

    assert needs(rows, 2) == {"agent_tokens": 1, "documents": 1, "webhook_tokens": 1}
    server.start()
    with Client.logged_in(server.api, server.credentials) as client:
        assert_all_is_well(server, client, token)


def test_a_rotation_that_was_killed_goes_on_with_the_key_it_had_made(server: Server) -> None:
    with Client.logged_in(server.api, server.credentials) as client:
        token = fill(client)
        command = [*VEDETTE, "keys", "rotate", *where(server)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as rotating:
            assert rotating.stderr is not None
            assert rotating.stderr.readline().startswith("key 2 is in ")
            rotating.kill()
        assert_all_is_well(server, client, token)

        ended = run("keys", "rotate", "--json", *where(server))

        assert "going on with key 2" in ended.stderr
        assert needs(json.loads(ended.stdout), 1) == {"api_keys": 1, "identity_tokens": 1}
        assert_all_is_well(server, client, token)


async def test_a_new_key_is_not_used_before_every_process_has_it(tmp_path: Path, postgres: PostgresServer) -> None:
    """Two servers with key files of their own: what one seals the other opens, at every moment."""
    await postgres.create("two")
    flags = ("--database", postgres.dsn("two"))
    with ExitStack() as running:
        one = running.enter_context(Server(tmp_path / "one", *flags))
        other = Server(tmp_path / "other", *flags)
        other.data_dir.mkdir(mode=0o700)
        shutil.copy(one.data_dir / "keys", other.data_dir / "keys")
        running.enter_context(other)
        here = running.enter_context(Client.logged_in(one.api, one.credentials))
        there = running.enter_context(Client.logged_in(other.api, one.credentials))
        token = fill(here)

        early = run("keys", "rotate", "--wait", "3", *where(one))

        assert early.returncode == 1
        assert "1 server processes do not know key 2, so it is not used yet" in early.stderr
        assert there.get(f"agent_tokens/{here.create('agent_tokens')}")["token"]
        shutil.copy(one.data_dir / "keys", other.data_dir / "keys")
        assert needs(keys(one, "rotate"), 2) == {"agent_tokens": 2, "documents": 1, "webhook_tokens": 1}
        assert there.get(f"agent_tokens/{here.create('agent_tokens')}")["token"]
        assert here.get(f"agent_tokens/{there.create('agent_tokens')}")["token"]
        assert there.get(f"agent_tokens/{token}")["token"] == token
        assert needs(keys(one, "list"), 2) == {"agent_tokens": 4, "documents": 1, "webhook_tokens": 1}


def test_keys_of_the_environment_are_only_sealed_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = f"1:{secrets.token_hex(32)}", f"2:{secrets.token_hex(32)}"
    monkeypatch.setenv("VEDETTE_KEYS", first)
    with Server(tmp_path / "var") as server:
        with Client.logged_in(server.api, server.credentials) as client:
            token = fill(client)
        server.terminate()
        assert server.ended() == 0
        monkeypatch.setenv("VEDETTE_KEYS", f"{first},{second}")
        server.start()

        ended = run("keys", "rotate", "--json", *where(server))

        assert "keys are in VEDETTE_KEYS" in ended.stderr
        assert needs(json.loads(ended.stdout), 2) == {"agent_tokens": 1, "documents": 1, "webhook_tokens": 1}
        assert run("keys", "retire", "1", *where(server)).returncode == 1
        assert not (server.data_dir / "keys").exists()
        with Client.logged_in(server.api, server.credentials) as client:
            assert_all_is_well(server, client, token)
