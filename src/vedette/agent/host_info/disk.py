"""DISK."""

from __future__ import annotations

from typing import Any

from vedette.agent.host.disks import DEVICES, counters

_MEMBERS = ("reads", "writes", "read_bytes", "write_bytes", "rtime", "wtime", "time")


def disks() -> list[dict[str, Any]]:
    """Times in milliseconds."""
    return [
        {"name": str(DEVICES / one.name), **{member: getattr(one, member) for member in _MEMBERS}}
        for one in counters().values()
    ]
