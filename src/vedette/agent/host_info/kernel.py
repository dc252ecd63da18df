"""KERNEL_MODULES and SYSCTL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_MODULES, _SYSCTL = Path("/proc/modules"), Path("/proc/sys")
_LONGEST = 4_096
_SECRET = "stable_secret"  # noqa: S105 - the parameter that IPv6 addresses are made from


def modules() -> list[dict[str, Any]]:
    """Those that are loaded."""
    rows = [line.split() for line in _MODULES.read_text("ascii", "replace").splitlines()]
    return [
        {
            "name": row[0],
            "mem_size": row[1],
            "instanceCount": row[2],
            "dependencies": [name for name in row[3].split(",") if name not in {"", "-"}],
            "state": row[4],
            "memOffset": row[5],
        }
        for row in rows
        if len(row) > 5
    ]


def sysctl() -> dict[str, str]:
    """Every parameter of the kernel that can be read and is no secret."""
    found: dict[str, str] = {}
    for directory, _, names in os.walk(_SYSCTL):
        for name in names:
            path = Path(directory, name)
            text = None if name == _SECRET else _text(path)
            if text is not None:
                found[".".join(path.relative_to(_SYSCTL).parts)] = text
    return found


def _text(path: Path) -> str | None:
    """None for one that cannot be read: some can only be written."""
    try:
        with path.open("rb") as opened:
            return opened.read(_LONGEST).decode("utf-8", "replace").strip()
    except OSError:
        return None
