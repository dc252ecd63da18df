"""`vedette token` against a real server: what people type, see, and are told when it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doors.cli.command import Ended, vedette
from tests.doors.cli.test_beside_a_server import credentials, server

TOKEN = "[0-9a-f]{64}.100001"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a running server."""
    path = tmp_path_factory.mktemp("token") / "var"
    with server(path):
        yield path


def token(data_dir: Path, *arguments: str) -> Ended:
    return vedette("token", *arguments, "--data-dir", data_dir)


def made(data_dir: Path, *arguments: str) -> str:
    """A new token."""
    ended = token(data_dir, "create", "--json", *arguments)
    assert ended.code == 0, ended.err
    secret: str = ended.json["token"]
    return secret


def shown(data_dir: Path, key: str) -> dict[str, Any]:
    ended = token(data_dir, "show", key, "--json")
    assert ended.code == 0, ended.err
    found: dict[str, Any] = ended.json
    return found


def test_create_prints_the_token_and_a_configuration_that_an_agent_takes(data_dir: Path, tmp_path: Path) -> None:
    ended = token(data_dir, "create", "--label", "web", "--agent-id", "web1")

    secret, blank, *lines = ended.out.splitlines()
    known = credentials(data_dir)
    assert (ended.code, ended.err, blank) == (0, "", "")
    assert lines == [
        f"monitoring_token {secret}",
        "monitoring_id web1",
        f"monitoring_endpoints {known.agent_endpoint}",
        f"certificate_path {known.ca_file}",
    ]
    assert shown(data_dir, secret)["label"] == "web"
    config = tmp_path / "agent.cfg"
    config.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "vedette", "agent", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as agent:
        assert agent.stderr is not None
        assert any("connected" in line for line in agent.stderr)
        agent.terminate()


def test_create_takes_a_policy(data_dir: Path) -> None:
    whom = ("--allow-agent", "web*", "--allow-network", "10.0.0.0/8", "--max-agents", "3")

    found = shown(data_dir, made(data_dir, *whom, "--expires-at", "2099-01-31", "--metadata", "team=a"))

    assert found["expires_at"] == 4073500800000
    assert (found["allowed_agents"], found["allowed_networks"]) == (["web*"], ["10.0.0.0/8"])
    assert (found["max_agents"], found["metadata"]) == (3, {"team": "a"})


def test_a_table_shows_how_tokens_begin_and_json_shows_them_whole(data_dir: Path) -> None:
    secret = made(data_dir, "--label", "in a table")

    table, whole = token(data_dir, "list"), token(data_dir, "list", "--json")

    (row,) = [line for line in table.out.splitlines() if "in a table" in line]
    assert row.startswith(f"{secret[:8]}... ")
    assert secret[8:64] not in table.out
    assert secret in [one["token"] for one in whole.json]


def test_a_token_can_be_named_by_how_it_begins(data_dir: Path) -> None:
    secret = made(data_dir)

    assert shown(data_dir, secret[:8])["token"] == secret
    assert shown(data_dir, secret[:20])["token"] == secret
    assert f"'{secret[:7]}' is too short: Expected 8 characters" in token(data_dir, "show", secret[:7]).err
    assert "does not exist" in token(data_dir, "show", "f" * 8 + "00000000").err


def test_nobody_uses_a_new_token(data_dir: Path) -> None:
    ended = token(data_dir, "agents", made(data_dir), "--json")

    assert (ended.code, ended.json) == (0, [])


def test_a_rotation_gives_a_new_token_and_can_be_waited_for_and_finished(data_dir: Path) -> None:
    old = made(data_dir, "--label", "rotated")

    new = token(data_dir, "rotate", old, "--overlap", "2h").out.strip()
    again = token(data_dir, "rotate", old)
    finished = token(data_dir, "rotate", old[:16], "--wait", "--finish", "--json")

    assert again.code == 1
    assert "already been rotated" in again.err
    assert finished.json == {"token": new, "rotated": old, "agents": {"old": 0, "new": 0}, "finished": True}
    assert shown(data_dir, new)["label"] == "rotated"
    assert token(data_dir, "show", old).code == 1


def test_revoking_says_who_is_hit_and_is_not_done_unless_somebody_is_sure(data_dir: Path) -> None:
    secret = made(data_dir)

    unsure = token(data_dir, "revoke", secret)
    sure = token(data_dir, "revoke", secret[:12], "--yes", "--json")

    assert unsure.code == 1
    assert unsure.err.splitlines()[0] == f"{secret[:8]}...: none connected; 0 more last used it"
    assert "Nothing was revoked" in unsure.err
    assert sure.json == {"revoked": f"{secret[:8]}...", "agents": 0}
    assert token(data_dir, "show", secret).code == 1


def test_another_server_is_reached_by_url_name_and_a_key_of_the_environment(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = credentials(data_dir)
    elsewhere = ("--url", known.identity_url.removesuffix("/v2.0"), "--username", known.username)

    assert "together" in vedette("token", "list", *elsewhere, cwd=tmp_path).err
    monkeypatch.setenv("VEDETTE_API_KEY", known.api_key)
    assert vedette("token", "list", *elsewhere, "--json", cwd=tmp_path).code == 0
    ended = vedette("token", "create", *elsewhere, cwd=tmp_path)
    assert "monitoring_endpoints HOST:50041" in ended.out
    monkeypatch.setenv("VEDETTE_API_KEY", "0" * 32)
    refused = vedette("token", "list", *elsewhere, cwd=tmp_path)
    assert (refused.code, refused.err) == (
        1, "vedette: Unable to authenticate user with credentials provided.\n"
    )  # fmt: skip


def test_a_command_leaves_no_identity_token_behind(data_dir: Path) -> None:
    def kept() -> int:
        return sum(row["identity_tokens"] for row in vedette("keys", "list", "--json", "--data-dir", data_dir).json)

    before = kept()
    token(data_dir, "list")
    token(data_dir, "show", "f" * 64)

    assert kept() == before


def test_what_stands_in_the_way_is_told_in_one_line(tmp_path: Path) -> None:
    nothing = vedette("token", "list", "--data-dir", tmp_path / "none")
    assert (nothing.code, nothing.err.count("\n")) == (2, 1)
    assert "there is no credentials.json" in nothing.err

    os.environ["VEDETTE_API_KEY"] = "0" * 32
    try:
        silent = vedette("token", "list", "--url", "http://127.0.0.1:9", "--username", "x")
        no_url = vedette("token", "list", "--url", "http://[", "--username", "x")
    finally:
        del os.environ["VEDETTE_API_KEY"]
    assert (silent.code, silent.err.count("\n")) == (2, 1)
    assert silent.err.startswith("vedette: http://127.0.0.1:9: cannot be reached")
    assert (no_url.code, no_url.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("create", "--expires-at", "soon"), "is no time"),
        (("create", "--max-agents", "0"), "--max-agents"),
        (("create", "--metadata", "x"), "is no KEY=VALUE"),
        (("rotate", "x", "--overlap", "1 day"), "is no duration"),
        (("rotate", "x", "--finish"), "--finish needs --wait"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_asked(arguments: tuple[str, ...], expected: str) -> None:
    ended = vedette("token", *arguments)

    assert ended.code == 2
    assert expected in ended.err


def test_a_fault_of_the_api_is_told_with_its_message(data_dir: Path) -> None:
    ended = token(data_dir, "create", "--allow-network", "10.1.2.3/8")

    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert ended.err.startswith("vedette: Validation error for key 'allowed_networks.0': Expected")


def test_the_api_key_has_no_flag(data_dir: Path) -> None:
    ended = vedette("token", "list", "--api-key", "x")

    assert ended.code == 2
    assert "No such option" in ended.err
    assert "api-key" not in vedette("token", "list", "--help").out
    assert httpx.get(credentials(data_dir).identity_url, trust_env=False).status_code == 200
