"""The host agent uploads the files in which its host defines checks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.doors.agent.conftest import World, until
from tests.doors.agent.test_host_agent import running
from vedette.agent.files import MOST_BYTES, Files
from vedette.wire.envelope import Failure

MEMORY = "type: agent.memory\n"


@pytest.fixture
def directory(tmp_path: Path, config_file: Path) -> Path:
    directory = tmp_path / "conf.d"
    config_file.write_text(config_file.read_text() + f"monitoring_confd {directory}\n")
    return directory


async def test_it_uploads_what_is_there_when_it_connects(world: World, config_file: Path, directory: Path) -> None:
    directory.mkdir()
    (directory / "memory.yaml").write_text(MEMORY)
    (directory / "notes.txt").write_text("no check")
    (directory / "binary.yaml").write_bytes(b"\xff\xfe")

    async with running(config_file):
        await until(lambda: world.account.uploads)

    ((uploader, files),) = world.account.uploads
    assert (uploader.agent_id, uploader.entity_id) == ("web-1", "enAlice")
    assert files == {"memory.yaml": MEMORY, "binary.yaml": None}


async def test_it_says_that_there_are_none_where_the_directory_is_empty(
    world: World, config_file: Path, directory: Path
) -> None:
    directory.mkdir()

    async with running(config_file):
        await until(lambda: world.account.uploads)

    assert world.account.uploads[0][1] == {}


async def test_without_the_directory_it_says_nothing(world: World, config_file: Path, directory: Path) -> None:
    async with running(config_file):
        await until(lambda: world.account.observed)

    assert not directory.exists()
    assert world.account.uploads == []


async def test_the_same_files_are_uploaded_once_and_other_ones_again(
    world: World, config_file: Path, directory: Path
) -> None:
    directory.mkdir()
    (directory / "memory.yaml").write_text(MEMORY)

    async with running(config_file):
        await until(lambda: world.account.uploads)
        await _connect_again(world)
        (directory / "memory.yaml").write_text(MEMORY + "label: RAM\n")
        await _connect_again(world)
        await until(lambda: len(world.account.uploads) == 2)

    assert [files["memory.yaml"] for _, files in world.account.uploads] == [MEMORY, MEMORY + "label: RAM\n"]


async def _connect_again(world: World) -> None:
    before = world.endpoint.counts["accepted"]
    for live in world.account.agents.connections.of_token("atAlice0001"):
        live.close("a test")
    await until(lambda: world.endpoint.counts["accepted"] > before)
    await until(lambda: world.account.agents.connections.of_token("atAlice0001"))


async def test_what_the_server_refused_is_uploaded_again(tmp_path: Path) -> None:
    (tmp_path / "memory.yaml").write_text(MEMORY)
    files = Files(tmp_path)
    await files.look()
    assert files.due(None) is None

    assert files.due("enA") == {"memory.yaml": MEMORY}
    files.answered([], Failure(type="unavailable", code=400, message="later"))
    assert files.due("enA") == {"memory.yaml": MEMORY}
    files.answered([], None)
    assert files.due("enA") is None
    assert files.due("enB") == {"memory.yaml": MEMORY}


async def test_what_is_too_large_is_not_uploaded_and_nothing_is_taken_for_removed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MEMORY)
    (tmp_path / "b.yaml").touch()
    os.truncate(tmp_path / "b.yaml", MOST_BYTES)
    files = Files(tmp_path)

    await files.look()

    assert files.due("enA") == {"a.yaml": MEMORY, "b.yaml": None}


async def test_what_is_larger_on_the_wire_than_on_the_disk_is_measured_there(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("\x01" * (MOST_BYTES // 6))
    (tmp_path / "b.yaml").write_text(MEMORY)
    files = Files(tmp_path)

    await files.look()

    assert files.due("enA") == {"a.yaml": None, "b.yaml": MEMORY}


async def test_a_pipe_and_an_odd_name_keep_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / os.fsdecode(b"caf\xe9.yaml")).write_text(MEMORY)
    files = Files(tmp_path)

    await files.look()

    assert files.due("enA") == {"pipe.yaml": None, "caf?.yaml": MEMORY}


async def test_a_directory_that_may_not_be_read_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def listdir(_: object) -> list[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("os.listdir", listdir)
    monkeypatch.setattr("os.scandir", listdir)
    files = Files(tmp_path)

    await files.look()

    assert files.due("enA") is None
    assert "are not uploaded: Permission denied" in caplog.text


async def test_what_became_of_each_is_in_the_agent_s_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vedette.agent")

    Files(tmp_path).answered(
        [
            {"success": True, "type": "check", "location": "created", "handle": "memory"},
            {"success": False, "type": "file", "location": "parsing", "handle": "x.yaml", "err": {"message": "line 3"}},
        ],
        None,
    )

    assert [record.getMessage() for record in caplog.records] == [
        "check memory: created",
        "file x.yaml: parsing failed: line 3",
    ]
