"""`agent.filesystem`: how full a file system is (wire protocol, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vedette.agent.host.filesystems import mounted, room
from vedette.agent.reading import Reading, int64, text, unavailable

_UNITS = {"total": "kilobytes", "free": "kilobytes", "used": "kilobytes", "avail": "kilobytes", "files": "files",
          "free_files": "free_files"}  # fmt: skip


def read(details: Mapping[str, Any]) -> Reading:
    """Of what is mounted at the detail `target`; what was mounted there last counts."""
    target = details.get("target")
    if not target:
        return unavailable("Missing target parameter")
    by_mount = {one.mount: one for one in mounted()}
    found = by_mount.get(str(target))
    if found is None:
        return unavailable(f"No filesystem mounted at {target}, available: {', '.join(by_mount)}")
    values = room(found.mount)
    metrics = {name: int64(getattr(values, name), unit) for name, unit in _UNITS.items()}
    return Reading(metrics=metrics | {"options": text(found.options, "options")})
