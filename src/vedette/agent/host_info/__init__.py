"""Host info: what the server may ask about this host (wire protocol, 13; reference: hostinfo checks).

One module for each part of the host, and the table of them. Names and shapes are those of stock agents; nothing but
reading is done, and no password or its hash is ever told.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from vedette.agent.host_info import (
    accounts,
    cpu,
    disk,
    files,
    filesystem,
    kernel,
    memory,
    network,
    packages,
    procs,
    programs,
    services,
    system,
    tables,
    updates,
)


class Source(msgspec.Struct, frozen=True):
    """How a type is gathered. It may hang; it may raise `OSError`, psutil's errors and `ValueError`."""

    read: Callable[[], Any]
    needs: tuple[str, ...] = ()  # any one of these files or programs must be there

    @property
    def is_there(self) -> bool:
        return not self.needs or any(_is_there(need) for need in self.needs)


def _is_there(need: str) -> bool:
    return Path(need).exists() if need.startswith("/") else shutil.which(need) is not None


SOURCES = MappingProxyType(
    {
        "AUTOUPDATES": Source(updates.autoupdates, updates.METHODS),
        "CONNECTIONS": Source(network.connections),
        "CPU": Source(cpu.cpus),
        "DATE": Source(system.date),
        "DELETED_LIBS": Source(updates.deleted_libraries, ("/proc/self/maps",)),
        "DISK": Source(disk.disks),
        "FILEPERMS": Source(files.permissions),
        "FILESYSTEM": Source(filesystem.filesystems),
        "FILESYSTEM_STATE": Source(filesystem.state),
        "FSTAB": Source(tables.fstab, ("/etc/fstab",)),
        "HOSTNAME": Source(system.hostname),
        "IP4ROUTES": Source(network.ip4routes, ("/proc/net/route",)),
        "IP6ROUTES": Source(network.ip6routes, ("/proc/net/ipv6_route",)),
        "IP6TABLES": Source(programs.ip6tables, ("ip6tables",)),
        "IPTABLES": Source(programs.iptables, ("iptables",)),
        "KERNEL_MODULES": Source(kernel.modules, ("/proc/modules",)),
        "LOGIN": Source(tables.login, ("/etc/login.defs",)),
        "LSHW": Source(programs.lshw, ("lshw",)),
        "MEMORY": Source(memory.memory),
        "NETWORK": Source(network.network),
        "NIL": Source(list),
        "PACKAGES": Source(packages.packages, (packages.DPKG_STATUS, "rpm")),
        "PAM": Source(tables.pam, ("/etc/pam.d",)),
        "PASSWD": Source(accounts.passwd, ("/etc/shadow",)),
        "PROCS": Source(procs.procs),
        "REMOTE_SERVICES": Source(network.remote_services),
        "SERVICES": Source(services.services),
        "SSHD": Source(programs.sshd, ("sshd",)),
        "SYSCTL": Source(kernel.sysctl, ("/proc/sys",)),
        "SYSTEM": Source(system.system),
        "WHO": Source(accounts.who),
    }
)
"""By the names of the protocol."""


def known_types() -> list[str]:
    """Those that this host has."""
    return [name for name, source in SOURCES.items() if source.is_there]


def look(type: str) -> Any:
    """What a known type holds now."""
    return SOURCES[type].read()
