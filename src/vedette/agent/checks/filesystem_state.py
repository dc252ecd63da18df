"""`agent.filesystem_state`: which file systems can be written (wire protocol, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vedette.agent.host.filesystems import mounted
from vedette.agent.reading import Reading, int64, text


def state() -> dict[str, int | str]:
    """Those on devices: how many, and which, with commas between them."""
    found = mounted(devices_only=True)
    read_only = [one.device for one in found if one.is_read_only]
    writable = [one.device for one in found if not one.is_read_only]
    return {
        "total_ro": len(read_only),
        "total_rw": len(writable),
        "devices_ro": ",".join(read_only),
        "devices_rw": ",".join(writable),
    }


def read(_details: Mapping[str, Any]) -> Reading:
    """Needs no details."""
    return Reading(
        metrics={
            name: int64(value, "total") if isinstance(value, int) else text(value, "devices")
            for name, value in state().items()
        }
    )
