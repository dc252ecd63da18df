"""WHO and PASSWD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

_SHADOW = Path("/etc/shadow")
_AGES = {"last_changed": 2, "minimum_age": 3, "warning_period": 5, "inactivity_period": 6}
"""Places in a line of the shadow file."""


def who() -> list[dict[str, Any]]:
    """Who is logged in; times in seconds."""
    return [
        {"user": one.name, "device": one.terminal or "", "time": int(one.started), "host": one.host or ""}
        for one in psutil.users()
    ]


def passwd() -> list[dict[str, str]]:
    """The state of each account's password (P: there is one, NP: none, L: locked), never the password's hash."""
    rows = [line.split(":") for line in _SHADOW.read_text("utf-8", "replace").splitlines()]
    return [
        {"name": row[0], "status": _status(row[1]), **{name: row[place] for name, place in _AGES.items()}}
        for row in rows
        if len(row) > max(_AGES.values())
    ]


def _status(kept: str) -> str:
    if not kept:
        return "NP"
    return "L" if kept.startswith(("!", "*")) else "P"
