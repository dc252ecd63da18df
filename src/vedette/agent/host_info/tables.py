"""FSTAB, LOGIN and PAM: files of lines of words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_FSTAB, _LOGIN, _PAM = Path("/etc/fstab"), Path("/etc/login.defs"), Path("/etc/pam.d")
_PASSWORD = re.compile(r"(?:pass(?:word|wd|phrase)?2?|bindpw|rootbindpw|secret)=", re.IGNORECASE)
_WITH_PASSWORD = re.compile(r":[^/@:]*@")
_FSTAB_MEMBERS = ("file_system", "mount_point", "type", "options", "pass")


def fstab() -> list[dict[str, str]]:
    """What is to be mounted. The password of a network file system stays here."""
    rows = [line.split() for line in _lines(_FSTAB)]
    return [dict(zip(_FSTAB_MEMBERS, _harmless(row), strict=False)) for row in rows if len(row) > 3]


def _harmless(row: list[str]) -> list[str]:
    options = [option for option in row[3].split(",") if not _PASSWORD.match(option)]
    return [_WITH_PASSWORD.sub("@", row[0], count=1), *row[1:3], ",".join(options), *row[4:]]


def login() -> dict[str, str]:
    """What holds for log-ins."""
    pairs = [line.split(None, 1) for line in _lines(_LOGIN)]
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}


def pam() -> list[dict[str, str]]:
    """Which modules authenticate for what. The passwords that some are given stay here."""
    return [rule for file in sorted(_PAM.iterdir()) if file.is_file() for rule in _rules(file)]


def _rules(file: Path) -> Iterator[dict[str, str]]:
    for line in _lines(file):
        interface, *more = line.split(maxsplit=1)
        flags, rest = _flags(" ".join(more))
        module, _, arguments = rest.partition(" ")
        if module:
            yield {
                "file_name": file.name,
                "module_interface": interface,
                "control_flags": flags,
                "module_name": module.strip(),
                "module_arguments": " ".join(word for word in arguments.split() if not _PASSWORD.match(word)),
            }


def _flags(text: str) -> tuple[str, str]:
    """One word, or several in brackets."""
    if text.startswith("["):
        flags, _, rest = text[1:].partition("]")
        return flags, " ".join(rest.split())
    words = text.split()
    return (words[0] if words else ""), " ".join(words[1:])


def _lines(file: Path) -> list[str]:
    found = [line.strip() for line in file.read_text("utf-8", "replace").splitlines()]
    return [line for line in found if line and not line.startswith("#")]
