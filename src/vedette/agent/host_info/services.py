"""SERVICES: what is started with the host."""

from __future__ import annotations

from pathlib import Path

_PLACES = {
    "init": "/etc/init",
    "initd": "/etc/init.d",
    "system": "/usr/lib/systemd/system",
    "systemv": "/etc/rc3.d",
    "systemd": "/etc/systemd/system/multi-user.target.wants",
}


def services() -> dict[str, list[str]]:
    """Names of files in the places where systems keep them."""
    return {name: _names(Path(place)) for name, place in _PLACES.items()}


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir())
    except OSError:
        return []
