"""`agent.disk`: what a disk has done since the host started (wire protocol, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vedette.agent.host.disks import counters, name_of
from vedette.agent.reading import Reading, int64, unavailable

_MS = "milliseconds"
_UNITS = {"reads": "reads", "writes": "writes", "read_bytes": "bytes", "write_bytes": "bytes", "rtime": _MS,
          "wtime": _MS, "time": _MS, "qtime": _MS, "queue": "seconds"}  # fmt: skip


def read(details: Mapping[str, Any]) -> Reading:
    """Of the detail `target`: a device, or where one of its file systems is mounted. What is not counted is absent."""
    target = details.get("target")
    if not target:
        return unavailable("Missing target parameter")
    work = counters().get(name_of(str(target)))
    if work is None:
        return unavailable(f"No such disk: {target}")
    values = {name: getattr(work, name) for name in _UNITS}
    return Reading(metrics={name: int64(value, _UNITS[name]) for name, value in values.items() if value is not None})
