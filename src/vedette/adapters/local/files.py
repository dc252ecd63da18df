"""Files that are whole or not there: written beside, made durable, then moved into place."""

from __future__ import annotations

import os
from pathlib import Path


class LocalFailure(Exception):
    """This machine keeps the server from starting; `str()` is one line for the operator, without secrets."""


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Replaces `path`; readers see the old or the new file, and after a crash one of them."""
    beside = _write_beside(path, data, mode)
    beside.replace(path)
    _sync(path.parent)


def create_whole(path: Path, data: bytes, mode: int) -> None:
    """Makes `path`; raises `FileExistsError` rather than touch what is there."""
    beside = _write_beside(path, data, mode)
    try:
        os.link(beside, path)
    finally:
        beside.unlink()
    _sync(path.parent)


def _write_beside(path: Path, data: bytes, mode: int) -> Path:
    """A leftover of a crash is removed; the data directory's lock keeps a second writer away."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask says
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    return beside


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
