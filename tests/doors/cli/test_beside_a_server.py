import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.doors.cli.command import vedette
from vedette.adapters.local.data_directory import Credentials, DataDirectory

FREE = ("--http", "127.0.0.1:0", "--agent", "127.0.0.1:0")


@contextmanager
def server(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A server that has said where things are; killed at the end if it still runs."""
    with (data_dir.parent / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "vedette", "serve", "--data-dir", str(data_dir), *FREE],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), (data_dir.parent / "log").read_text()
        yield process
    finally:
        process.kill()
        process.communicate()


def credentials(data_dir: Path) -> Credentials:
    found = DataDirectory(data_dir).read_credentials()
    assert found is not None
    return found


def log_in(data_dir: Path, username: str, api_key: str) -> httpx.Response:
    form = {"username": username, "apiKey": api_key}
    url = credentials(data_dir).identity_url
    return httpx.post(f"{url}/tokens", json={"auth": {"RAX-KSKEY:apiKeyCredentials": form}}, trust_env=False)


def is_token(data_dir: Path, token: str) -> bool:
    url = credentials(data_dir).identity_url
    answer = httpx.get(f"{url}/tokens/{token}", headers={"X-Auth-Token": token}, trust_env=False)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def token_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    access: dict[str, Any] = answer.json()["access"]
    token = access["token"]["id"]
    assert isinstance(token, str)
    return token


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


def test_the_first_account_can_log_in_with_the_credentials_file(data_dir: Path) -> None:
    with server(data_dir):
        found = credentials(data_dir)

        assert log_in(data_dir, found.username, found.api_key).status_code == 200
        assert found.monitoring_url.endswith(f"/v1.0/{found.tenant_id}")
        assert Path(found.ca_file).read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_what_the_command_line_changes_counts_at_once(data_dir: Path) -> None:
    here = ("--json", "--data-dir", data_dir)
    with server(data_dir):
        assert vedette("tenant", "add", "acme", *here).code == 0
        bob = vedette("user", "add", "bob", "--tenant", "acme", "--role", "observer", *here).json
        token = token_of(log_in(data_dir, "bob", bob["api_key"]))
        assert is_token(data_dir, token)

        rotated = vedette("user", "rotate-key", "bob", *here).json

        assert not is_token(data_dir, token)
        assert log_in(data_dir, "bob", bob["api_key"]).status_code == 401
        assert log_in(data_dir, "bob", rotated["api_key"]).status_code == 200
        assert vedette("tenant", "remove", "acme", *here).code == 0
        assert log_in(data_dir, "bob", rotated["api_key"]).status_code == 401


def test_what_both_have_written_is_there_after_a_crash(data_dir: Path) -> None:
    """A process that closes the database beside the server must leave the server's log in its place."""
    here = ("--json", "--data-dir", data_dir)
    with server(data_dir):
        bob = vedette("user", "add", "bob", "--tenant", "100001", "--role", "observer", *here).json
        token = token_of(log_in(data_dir, "bob", bob["api_key"]))

    with server(data_dir):
        assert is_token(data_dir, token)
        assert log_in(data_dir, "bob", bob["api_key"]).status_code == 200


def test_credentials_stay_valid_over_a_restart_and_name_the_new_addresses(data_dir: Path) -> None:
    with server(data_dir):
        before = credentials(data_dir)
    with server(data_dir):
        after = credentials(data_dir)

        assert log_in(data_dir, after.username, after.api_key).status_code == 200
    addresses = ("identity_url", "monitoring_url", "agent_endpoint")
    assert {key: value for key, value in msgspec.structs.asdict(before).items() if key not in addresses} == {
        key: value for key, value in msgspec.structs.asdict(after).items() if key not in addresses
    }


def test_sigterm_ends_a_server_with_exit_code_0(data_dir: Path) -> None:
    with server(data_dir) as process:
        process.terminate()

        assert process.wait(timeout=30) == 0
    with DataDirectory(data_dir):  # the lock is free again
        pass


def test_a_second_server_is_refused_and_told_who_is_there(data_dir: Path) -> None:
    with server(data_dir) as process:
        ended = vedette("serve", "--data-dir", data_dir, *FREE)

        assert ended.code == 2
        assert f"process {process.pid} is serving from it" in ended.err
        assert ended.err.count("\n") == 1
