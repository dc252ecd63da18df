import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vedette.adapters.local.data_directory import Credentials, DataDirectoryError, prepare

CREDENTIALS = Credentials(
    identity_url="http://127.0.0.1:8080/v2.0",
    monitoring_url="http://127.0.0.1:8080/v1.0/100001",
    username="alice",
    api_key="0" * 32,
    tenant_id="100001",
    agent_endpoint="127.0.0.1:50041",
    ca_file="/var/lib/vedette/tls/ca.pem",
)
HOLDER = """
import sys, pathlib
from vedette.adapters.local.data_directory import prepare
with prepare(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("")


def test_the_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    directory = prepare(tmp_path / "a" / "b")

    assert directory.path.stat().st_mode & 0o777 == 0o700
    assert directory.path == tmp_path / "a" / "b"


def test_a_directory_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    prepare(tmp_path)

    assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert prepare(Path("var")).path == tmp_path / "var"


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_path_that_can_be_no_directory_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataDirectoryError, match=r"cannot be made .*; expected a directory"):
        prepare(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(DataDirectoryError, match="cannot be written"):
        prepare(tmp_path)


def test_a_second_process_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with pytest.raises(DataDirectoryError, match=f"process {process.pid} is serving"):
            prepare(tmp_path).lock()
    finally:
        end(process)


def test_the_lock_ends_with_its_block(tmp_path: Path) -> None:
    with prepare(tmp_path), pytest.raises(DataDirectoryError, match=f"process {os.getpid()} "):
        prepare(tmp_path).lock()

    with prepare(tmp_path) as directory:
        assert (directory.path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    with prepare(tmp_path) as directory:
        assert (directory.path / "lock").read_text() == f"{os.getpid()}\n"


def test_there_are_no_credentials_at_first(tmp_path: Path) -> None:
    assert prepare(tmp_path).read_credentials() is None


def test_credentials_are_for_the_owner_only_and_hold_exactly_the_documented_members(tmp_path: Path) -> None:
    directory = prepare(tmp_path)

    directory.write_credentials(CREDENTIALS)

    assert directory.credentials_file.stat().st_mode & 0o777 == 0o600
    assert list(json.loads(directory.credentials_file.read_bytes())) == [
        "identity_url",
        "monitoring_url",
        "username",
        "api_key",
        "tenant_id",
        "agent_endpoint",
        "ca_file",
    ]
    assert directory.read_credentials() == CREDENTIALS


def test_credentials_are_for_the_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        prepare(tmp_path).write_credentials(CREDENTIALS)
    finally:
        os.umask(before)

    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"username": "alice"}'])
def test_damaged_credentials_are_told_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(text)

    with pytest.raises(DataDirectoryError, match=r"credentials\.json: is damaged"):
        prepare(tmp_path).read_credentials()
