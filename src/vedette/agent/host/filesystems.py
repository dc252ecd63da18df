"""File systems: what is mounted where, and how full it is."""

from __future__ import annotations

import os

import msgspec
import psutil

_KIBIBYTE = 1024


class FileSystem(msgspec.Struct, frozen=True):
    """A mounted one."""

    mount: str
    device: str
    type: str
    options: str

    @property
    def is_read_only(self) -> bool:
        return "ro" in self.options.split(",")


class Room(msgspec.Struct, frozen=True):
    """How full one is, in kilobytes and files."""

    total: int
    free: int  # reserved space included
    used: int
    avail: int  # for who runs the agent
    files: int
    free_files: int


def mounted(*, devices_only: bool = False) -> list[FileSystem]:
    """In the order of the mount table."""
    found = psutil.disk_partitions(all=not devices_only)
    return [FileSystem(one.mountpoint, one.device, one.fstype, one.opts) for one in found]


def room(mount: str) -> Room:
    """Raises `OSError`."""
    found = os.statvfs(mount)
    total, free = (blocks * found.f_frsize // _KIBIBYTE for blocks in (found.f_blocks, found.f_bfree))
    available = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    return Room(total, free, total - free, available * found.f_frsize // _KIBIBYTE, found.f_files, found.f_ffree)
