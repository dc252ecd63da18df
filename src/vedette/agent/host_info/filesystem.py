"""FILESYSTEM and FILESYSTEM_STATE."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.agent.checks.filesystem_state import state
from vedette.agent.host.filesystems import FileSystem, mounted, room

__all__ = ["filesystems", "state"]


def filesystems() -> list[dict[str, Any]]:
    """Sizes in kilobytes; one that cannot be looked into has none."""
    return [_filesystem(one) for one in mounted()]


def _filesystem(one: FileSystem) -> dict[str, Any]:
    known = {"dir_name": one.mount, "dev_name": one.device, "sys_type_name": one.type, "options": one.options}
    try:
        return known | msgspec.structs.asdict(room(one.mount))
    except OSError:
        return known
