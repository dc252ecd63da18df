"""The agent's configuration file with a new token in it, and everything else as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from vedette.agent.config import ConfigError
from vedette.agent.token_file import replace_token

OLD, NEW = "a" * 64 + ".550123", "f" * 64 + ".550123"


def write(directory: Path, text: str) -> Path:
    file = directory / "agent.cfg"
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize(
    "text",
    [
        "monitoring_token {}\n",
        "# our host\n\n  monitoring_token   {}  \n# monitoring_token old\nmonitoring_id web-1\n",
        "monitoring_id web-1\r\nmonitoring_token {}\r\n",
        "monitoring_id web-1\nmonitoring_token {}",
        "monitoring_token first.1\nmonitoring_id \u00e9\nmonitoring_token {}\n",
    ],
)
def test_only_the_token_changes(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text.format(OLD))
    replace_token(file, OLD, NEW)
    assert file.read_bytes().decode() == text.format(NEW)
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_mode_and_owner_stay(tmp_path: Path, mode: int) -> None:
    file = write(tmp_path, f"monitoring_token {OLD}\n")
    file.chmod(mode)
    if os.geteuid() == 0:
        os.chown(file, 12_345, 23_456)
    before = file.stat()
    replace_token(file, OLD, NEW)
    after = file.stat()
    assert stat.S_IMODE(after.st_mode) == mode
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    file = write(tmp_path / "real", f"monitoring_token {OLD}\n")
    link = tmp_path / "agent.cfg"
    link.symlink_to(file)
    replace_token(link, OLD, NEW)
    assert link.is_symlink()
    assert NEW in file.read_text()


def test_a_file_that_somebody_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    file = write(tmp_path, "monitoring_token another.1\n")
    with pytest.raises(ConfigError, match="monitoring_token: somebody has changed it"):
        replace_token(file, OLD, NEW)
    assert file.read_text() == "monitoring_token another.1\n"


def test_a_file_that_has_it_already_is_fine(tmp_path: Path) -> None:
    file = write(tmp_path, f"monitoring_token {NEW}\n")
    before = file.stat()
    replace_token(file, OLD, NEW)
    assert file.stat().st_ino == before.st_ino


def test_when_it_cannot_be_put_in_place_the_old_file_stays_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, f"monitoring_token {OLD}\n")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for what in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, what, fail)
            with pytest.raises(ConfigError) as caught:
                replace_token(file, OLD, NEW)
        assert str(caught.value) == f"{file}: the new token cannot be stored: No space left on device"
        assert file.read_text() == f"monitoring_token {OLD}\n"
        assert [*tmp_path.iterdir()] == [file]


def test_a_file_that_is_gone_is_an_error_without_a_token(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        replace_token(tmp_path / "none.cfg", OLD, NEW)
    assert "the new token cannot be stored: No such file" in str(caught.value)
    assert NEW not in str(caught.value)
