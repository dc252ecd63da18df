"""Segments of the spool: files of records, each with its length and checksum, appended to and read from the front.

A record is `length, checksum, points, first_ms, last_ms` and the body; the checksum covers all after itself. What a
crash has left half written ends the segment: nobody was told that it is safe.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_HEAD = struct.Struct("<II")
_META = struct.Struct("<Iqq")
OVERHEAD = _HEAD.size + _META.size
_LONGEST_BODY = 64 * 1024 * 1024
SUFFIX = ".spool"


class Record(NamedTuple):
    """A compressed `WriteRequest`, and what is said of it when it has to be given up."""

    points: int
    first_ms: int
    last_ms: int
    body: bytes

    @property
    def size(self) -> int:
        return OVERHEAD + len(self.body)


class Placed(NamedTuple):
    """A record with where the one after it begins."""

    record: Record
    end: int


def name_of(number: int) -> str:
    """By which segments sort in the order they were written."""
    return f"{number:016d}{SUFFIX}"


def number_of(path: Path) -> int:
    """The reverse of `name_of`."""
    return int(path.name.removesuffix(SUFFIX))


def encoded(record: Record) -> bytes:
    """As it stands in a segment."""
    meta = _META.pack(record.points, record.first_ms, record.last_ms)
    checksum = zlib.crc32(record.body, zlib.crc32(meta))
    return _HEAD.pack(len(record.body), checksum) + meta + record.body


def read(path: Path, start: int) -> Iterator[Placed]:
    """The whole records from an offset on; ends at the first that is not."""
    with path.open("rb") as file:
        file.seek(start)
        while True:
            head = file.read(OVERHEAD)
            if len(head) < OVERHEAD:
                return
            length, checksum = _HEAD.unpack_from(head)
            body = file.read(length) if length <= _LONGEST_BODY else b""
            if len(body) < length or zlib.crc32(body, zlib.crc32(head[_HEAD.size :])) != checksum:
                return
            start += OVERHEAD + length
            points, first_ms, last_ms = _META.unpack_from(head, _HEAD.size)
            yield Placed(Record(points, first_ms, last_ms, body), start)


class Appender:
    """Appends to one new segment; what it has returned from is on disk."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError`; then there is no such file."""
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.size = 0
        try:
            sync(path.parent)
        except OSError:
            self.close()
            path.unlink()
            raise

    def append(self, data: bytes) -> None:
        """Raises `OSError`; then the segment ends where it ended, and takes no more."""
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
            os.fsync(self._file)
        except OSError:
            # After an fsync that failed nobody knows what is on disk of what came last: it is cut off for good.
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        os.close(self._file)


def sync(directory: Path) -> None:
    """Makes names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
