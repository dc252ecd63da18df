"""The data directory: made, locked against a second server, and the credentials file in it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vedette.adapters.local.files import LocalFailure, write_whole


class DataDirectoryError(LocalFailure):
    """The directory cannot be used, or another server uses it."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """`credentials.json`: all that a client of a fresh server needs. The members are a documented interface."""

    identity_url: str  # with `/v2.0`
    monitoring_url: str  # with `/v1.0` and the tenant
    username: str
    api_key: str
    tenant_id: str
    agent_endpoint: str  # HOST:PORT
    ca_file: str  # absolute path of the CA that signed the endpoint's certificate


class DataDirectory:
    """An existing data directory; made by `prepare`. As a context manager it holds the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key_file = path / "keys"
        self.certificates = path / "tls"
        self.credentials_file = path / "credentials.json"
        self._lock_file = path / "lock"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self.lock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unlock()

    def lock(self) -> None:
        """Keeps every other server away until `unlock` or the end of the process, however it ends."""
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            whose = f"process {holder}" if holder else "another process"
            raise DataDirectoryError(
                f"{self.path}: {whose} is serving from it; expected one server for each data directory"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def unlock(self) -> None:
        """The file stays: who removed it could lock a file that the next one no longer sees."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def read_credentials(self) -> Credentials | None:
        """None when there are none yet. Raises `DataDirectoryError` when the file is damaged."""
        try:
            return msgspec.json.decode(self.credentials_file.read_bytes(), type=Credentials)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise DataDirectoryError(
                f"{self.credentials_file}: is damaged; expected the JSON object this server wrote (or no file, and "
                "`vedette user rotate-key` for a new key)"
            ) from None

    def write_credentials(self, credentials: Credentials) -> None:
        """Whole or not at all, for the owner only."""
        data = msgspec.json.format(msgspec.json.encode(credentials), indent=2) + b"\n"
        write_whole(self.credentials_file, data, 0o600)


def prepare(path: Path) -> DataDirectory:
    """The directory at `path`, made (0700) where it is missing. Raises `DataDirectoryError`."""
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataDirectoryError(f"{path}: cannot be made ({error.strerror}); expected a directory") from None
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise DataDirectoryError(f"{path}: cannot be written by this user; expected a directory of its own")
    return DataDirectory(path)
