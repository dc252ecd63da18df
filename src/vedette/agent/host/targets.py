"""What checks of a type can gather data for on this host (reference: agent targets)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from vedette.agent.host.disks import DEVICES, counters
from vedette.agent.host.filesystems import mounted
from vedette.agent.host.interfaces import interfaces


def _mounts() -> list[str]:
    return list(dict.fromkeys(one.mount for one in mounted()))


def _disks() -> list[str]:
    return [str(DEVICES / name) for name in counters()]


def _interfaces() -> list[str]:
    return list(interfaces())


TARGETS: Mapping[str, Callable[[], list[str]]] = MappingProxyType(
    {"agent.filesystem": _mounts, "agent.disk": _disks, "agent.network": _interfaces}
)
"""Check type -> the targets; may hang. Plugins are files of the plugin directory and found elsewhere."""
