import asyncio
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.cli.command import first_start, vedette, vedette_on_a_base_install
from vedette.adapters.local.data_directory import prepare
from vedette.config import SETTINGS

FREE = ("--http", "127.0.0.1:0", "--agent", "127.0.0.1:0")


def refusal(*arguments: str | Path, cwd: Path | None = None) -> str:
    """The one line that `serve` ends with."""
    ended = vedette("serve", *arguments, cwd=cwd)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("vedette: ")
    assert ended.err.count("\n") == 1
    return ended.err


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        yield f"{host}:{port}"


def test_a_bad_flag_is_named(tmp_path: Path) -> None:
    assert "--http: 'here' is not valid; expected HOST:PORT" in refusal("--http", "here", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_AGENT", "here")

    assert "VEDETTE_AGENT: 'here'" in refusal(cwd=tmp_path)


def test_a_bad_key_of_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "vedette.toml"
    file.write_text("htpp = '127.0.0.1:80'\n")

    assert f"{file}: htpp: is no setting" in refusal("--config", file, cwd=tmp_path)


def test_plain_http_off_loopback_is_refused(tmp_path: Path) -> None:
    assert "--insecure-http said aloud" in refusal("--http", "0.0.0.0:0", cwd=tmp_path)


@pytest.mark.parametrize("flag", ["--http", "--agent"])
def test_a_port_in_use_is_told(flag: str, taken: str, tmp_path: Path) -> None:
    line = refusal(*FREE, flag, taken, "--data-dir", tmp_path / "var")

    assert taken in line
    assert "in use: another process listens there" in line


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert f"{tmp_path / 'file'}: cannot be made" in refusal(*FREE, "--data-dir", tmp_path / "file")


def test_a_second_server_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with prepare(tmp_path / "var"):
        assert "is serving from it" in refusal(*FREE, "--data-dir", tmp_path / "var")


def test_a_damaged_key_file_is_told_and_kept(tmp_path: Path) -> None:
    directory = asyncio.run(first_start(tmp_path / "var"))
    directory.key_file.write_text("1:00\n")

    assert f"{directory.key_file}: key 1 is damaged" in refusal(*FREE, "--data-dir", directory.path)
    assert directory.key_file.read_text() == "1:00\n"


def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    directory = asyncio.run(first_start(tmp_path / "var"))
    database = sqlite3.connect(directory.path / "vedette.db")
    database.execute("UPDATE schema_version SET version = 999")
    database.commit()
    database.close()

    assert "schema version 999" in refusal(*FREE, "--data-dir", directory.path)


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.pem"
    file.write_text("nonsense")

    line = refusal(*FREE, "--data-dir", tmp_path / "var", "--tls-cert", file, "--tls-key", file)

    assert f"tls_cert: {file} and {file} cannot be used" in line
    assert not (tmp_path / "var").exists()


def test_an_install_without_the_servers_packages_says_what_is_missing(tmp_path: Path) -> None:
    ended = vedette_on_a_base_install("serve", *FREE, cwd=tmp_path)

    assert ended.code == 2
    assert "pip install 'vedette[server]'" in ended.err


@pytest.mark.parametrize("arguments", [(), ("serve",), ("agent",), ("tenant",), ("user", "add"), ("settings",)])
def test_help_needs_none_of_the_servers_packages(arguments: tuple[str, ...]) -> None:
    ended = vedette_on_a_base_install(*arguments, "--help")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: ")


def test_the_version_is_printed() -> None:
    assert vedette("--version").out.startswith("vedette, version ")


def test_help_of_serve_shows_every_flag_with_its_variable() -> None:
    text = " ".join(vedette("serve", "--help").out.split())

    for setting in SETTINGS:
        assert not setting.has_flag or f"{setting.flag} " in text
        assert not setting.has_flag or f"env {setting.variable}]" in text


def test_every_setting_is_in_the_reference() -> None:
    listed = vedette("settings", "--json").json

    assert [row["environment"] or row["file_key"] for row in listed] == [
        setting.variable if setting.in_environment else setting.key for setting in SETTINGS
    ]
    assert all(row["meaning"] for row in listed)
    assert vedette("settings").code == 0
