"""Host info: what can be asked of an agent about its host (reference: agent host information, hostinfo checks)."""

from __future__ import annotations

_ALWAYS = (
    "cpus", "date", "disks", "filesystems", "memory", "network_interfaces", "nil", "processes", "sysctl", "system",
    "who",
)  # fmt: skip
_LATER = (
    "apache2", "autoupdates", "connections", "cpu", "cron", "cve", "deleted_libs", "disk", "fail2ban", "fileperms",
    "filesystem", "filesystem_state", "fstab", "hostname", "ip4routes", "ip6routes", "ip6tables", "iptables",
    "kernel_modules", "last_logins", "login", "lshw", "lsyncd", "magento", "network", "nginx_config", "packages",
    "pam", "passwd", "php", "postfix", "procs", "remote_services", "services", "sshd", "wordpress",
)  # fmt: skip

HOST_INFO_TYPES = frozenset({*_ALWAYS, *_LATER})

SPELLINGS = {"network_interaces": "network_interfaces"}
"""What an address may say too: one is misspelt in the reference."""

TYPES_WITH_TARGETS = frozenset({"agent.filesystem", "agent.disk", "agent.network", "agent.plugin"})
"""Agent check types that gather data for one of several targets on the host (reference: agent targets)."""

_WIRE_NAMES = {
    "cpus": "CPU", "disks": "DISK", "filesystems": "FILESYSTEM", "network_interfaces": "NETWORK", "processes": "PROCS",
}  # fmt: skip
_SHOWN_NAMES = {wire: shown for shown, wire in _WIRE_NAMES.items()}


def wire_name(type: str) -> str:
    """What agents call a type of host info."""
    return _WIRE_NAMES.get(type, type.upper())


def shown_name(wire: str) -> str:
    """What the reference calls a type that an agent names."""
    return _SHOWN_NAMES.get(wire, wire.lower())
