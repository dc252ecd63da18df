"""AUTOUPDATES and DELETED_LIBS: what keeps the host's programs new, and what runs on with old parts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_APT, _DNF, _YUM = Path("/etc/apt/apt.conf.d"), Path("/etc/dnf/automatic.conf"), Path("/etc/sysconfig/yum-cron")
METHODS = tuple(str(path) for path in (_APT, _DNF, _YUM))
_APT_ON = re.compile(r'^\s*APT::Periodic::Unattended-Upgrade\s+"?(?!0)\w+"?\s*;', re.MULTILINE)
_DNF_ON = re.compile(r"^\s*apply_updates\s*=\s*(yes|true|1)\s*$", re.MULTILINE | re.IGNORECASE)
_NONE = "No services using deleted libraries found"
_PROC = Path("/proc")
_GONE = " (deleted)"


def autoupdates() -> Any:
    """One object when they are on, a list of one when they are off: as stock agents tell it."""
    if _APT.is_dir():
        is_on = any(_APT_ON.search(_text(file)) for file in sorted(_APT.iterdir()) if file.is_file())
        return _told("unattended_upgrades", is_on=is_on)
    if _DNF.exists():
        return _told("dnf-automatic", is_on=bool(_DNF_ON.search(_text(_DNF))))
    return _told("yum-cron", is_on=_YUM.exists())


def _told(method: str, *, is_on: bool) -> Any:
    if is_on:
        return {"update_method": method, "status": "enabled"}
    return [{"update_method": method, "status": "disabled"}]


def deleted_libraries() -> Any:
    """Those that a process still uses though a newer file has taken their place; a text when there are none."""
    found = {
        (name, library)
        for maps in _PROC.glob("[0-9]*/maps")
        for name, library in ((_text(maps.with_name("comm")).strip(), one) for one in _libraries(maps))
    }
    return [{"used_by_process": name, "deleted_lib_name": library} for name, library in sorted(found)] or _NONE


def _libraries(maps: Path) -> set[str]:
    files = {line.split(maxsplit=5)[-1] for line in _text(maps).splitlines() if line.endswith(_GONE)}
    return {file.removesuffix(_GONE) for file in files if ".so" in file}


def _text(file: Path) -> str:
    """Nothing of what may not be read, or is gone."""
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""
