"""The key file of a server that is there: read again when it changes, given a new key, freed of an old one.

Every change replaces the whole file: readers see the old or the new one, and after a crash there is one of them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vedette.adapters.local.files import write_whole
from vedette.adapters.local.keyring import HEADER, Key, KeyFileError, LocalKeyring, key_line, read_key_file
from vedette.ports.clock import Entropy

_MOST_VERSIONS = 255


class KeyFile:
    """Every method raises what `read_key_file` raises."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keeps other commands on the same file away for as long as the block lasts. Raises `KeyFileError`.

        It is the directory that is locked: the file is another one after each change.
        """
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def read(self) -> list[Key]:
        return read_key_file(self.path)

    def add(self, entropy: Entropy) -> list[Key]:
        """All keys, with a new one whose version is the highest."""
        keys = self.read()
        version = max(key.version for key in keys) + 1
        if version > _MOST_VERSIONS:
            raise KeyFileError(f"{self.path}: version {_MOST_VERSIONS} is in use; expected a free version above it")
        return self._write([*keys, Key(version, entropy(32))])

    def remove(self, version: int) -> list[Key]:
        """All keys but this one."""
        return self._write([key for key in self.read() if key.version != version])

    def restore(self, keys: Sequence[Key]) -> None:
        """As it was before."""
        self._write(keys)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KeyFileError(f"{self.path}: another command is changing the keys; expected one at a time") from None

    def _write(self, keys: Sequence[Key]) -> list[Key]:
        text = HEADER + "".join(key_line(key) for key in keys)
        write_whole(self.path, text.encode("ascii"), 0o600)
        return list(keys)


class KeyFollower:
    """Takes a key file's keys over into a keyring whenever the file has changed."""

    def __init__(self, path: Path, keyring: LocalKeyring) -> None:
        self._path = path
        self._keyring = keyring
        self._seen: tuple[int, ...] | None = None

    def follow(self) -> bool:
        """Whether it had changed. Raises what `read_key_file` raises, once a change; the keys known so far stay."""
        state = self._state()
        if state == self._seen:
            return False
        self._seen = state
        self._keyring.replace(read_key_file(self._path))
        return True

    def _state(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode
