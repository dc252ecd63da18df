"""Disks and partitions: what they have read and written since the host started."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psutil

from vedette.agent.host.filesystems import mounted

DEVICES = Path("/dev")
_BLOCK = Path("/sys/class/block")
_NO_DISKS = ("loop", "ram")
_IN_FLIGHT, _WEIGHTED_MS = 8, 10
"""Places in `/sys/class/block/NAME/stat`."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one disk; times in milliseconds. None: this system does not count it."""

    name: str  # without `/dev/`
    reads: int
    writes: int
    read_bytes: int
    write_bytes: int
    rtime: int
    wtime: int
    time: int | None  # it was busy at all
    qtime: int | None  # the same, weighted by how much was waiting
    queue: int | None  # how much is waiting now


def counters() -> dict[str, Work]:
    """By name; empty on a host without disks of its own."""
    found = psutil.disk_io_counters(perdisk=True) or {}
    return {name: _work(name, one) for name, one in found.items() if not name.startswith(_NO_DISKS)}


def name_of(target: str) -> str:
    """Of a device, of one of its links (`/dev/disk/by-id/...`), or of what is mounted somewhere."""
    devices = {one.mount: one.device for one in mounted(devices_only=True)}
    path = Path(devices.get(target, target))
    return (path if path.is_absolute() else DEVICES / path).resolve().name


def _work(name: str, found: psutil._ntp.sdiskio) -> Work:
    state = _state(name)
    return Work(
        name=name,
        reads=found.read_count,
        writes=found.write_count,
        read_bytes=found.read_bytes,
        write_bytes=found.write_bytes,
        rtime=found.read_time,
        wtime=found.write_time,
        time=getattr(found, "busy_time", None),
        qtime=state[_WEIGHTED_MS] if state else None,
        queue=state[_IN_FLIGHT] if state else None,
    )


def _state(name: str) -> list[int]:
    """The kernel's own counters, empty where there are none."""
    try:
        found = [int(word) for word in (_BLOCK / name.replace("/", "!") / "stat").read_text("ascii").split()]
    except (OSError, ValueError):
        return []
    return found if len(found) > _WEIGHTED_MS else []
