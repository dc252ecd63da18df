"""FILEPERMS: who may touch the files that matter most."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

_WATCHED = (
    "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/sudoers", "/etc/crontab", "/etc/fstab",
    "/etc/hosts", "/etc/hosts.allow", "/etc/hosts.deny", "/etc/login.defs", "/etc/resolv.conf",
    "/etc/ssh/sshd_config", "/boot/grub/grub.cfg", "/root", "/tmp", "/var/tmp", "/var/log",  # noqa: S108 - looked at
)  # fmt: skip


def permissions() -> list[dict[str, Any]]:
    """Of those that are there."""
    return [found for found in map(_permissions, _WATCHED) if found is not None]


def _permissions(name: str) -> dict[str, Any] | None:
    try:
        mode = Path(name).stat().st_mode
    except OSError:
        return None
    return {
        "fileName": name,
        "octalFilePerms": f"{mode & 0o777:o}",
        "setuid": bool(mode & stat.S_ISUID),
        "setgid": bool(mode & stat.S_ISGID),
        "stickyBit": bool(mode & stat.S_ISVTX),
    }
