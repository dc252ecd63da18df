"""PACKAGES."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vedette.agent.host_info.programs import printed

DPKG_STATUS = "/var/lib/dpkg/status"
_INSTALLED = "install ok installed"


def packages() -> list[dict[str, str]]:
    """Name and version of what is installed, by Debian's list or by rpm."""
    status = Path(DPKG_STATUS)
    if status.exists():
        return list(_debian(status.read_text("utf-8", "replace")))
    lines = printed("rpm", "-qa", "--queryformat", "%{NAME}\t%{VERSION}-%{RELEASE}\n").splitlines()
    pairs = [line.partition("\t") for line in lines]
    return [{"name": name, "version": version} for name, _, version in pairs]


def _debian(text: str) -> Iterator[dict[str, str]]:
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status") == _INSTALLED:
            yield {"name": fields["Package"], "version": fields.get("Version", "")}
