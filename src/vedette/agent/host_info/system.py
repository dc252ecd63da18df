"""SYSTEM, HOSTNAME and DATE, and the answer to `system.info` (wire protocol, 6.5)."""

from __future__ import annotations

import platform
import socket
import time
from typing import Any

from vedette.agent.host.cpus import model, spent
from vedette.agent.host.interfaces import Interface, interfaces
from vedette.agent.host_info.cpu import times


def system() -> list[dict[str, str]]:
    """A list of one, as stock agents tell it."""
    return [_system()]


def _system() -> dict[str, str]:
    vendor, version, _ = _vendor()
    return {
        "name": platform.system(),
        "arch": platform.machine(),
        "version": platform.release(),
        "vendor": vendor,
        "vendor_version": version,
        "vendor_name": platform.system(),
    }


def _vendor() -> tuple[str, str, str]:
    """Name, version and description of the distribution."""
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return platform.system(), platform.version(), platform.platform()
    name = found["NAME"].split()[0]
    return name, found.get("VERSION_ID", ""), found["PRETTY_NAME"]


def hostname() -> dict[str, str]:
    """As the host calls itself."""
    return {"hostname": socket.gethostname()}


def date() -> list[dict[str, Any]]:
    """The host's clock, in its own time zone."""
    now = time.localtime()
    return [
        {
            "date": {"year": now.tm_year, "month": now.tm_mon, "day": now.tm_mday},
            "time": time.strftime("%H:%M:%S", now),
            "timezone": now.tm_zone,
        }
    ]


def system_info() -> dict[str, Any]:
    """System, CPUs and interfaces at once."""
    vendor, version, description = _vendor()
    found = model()
    info = {"vendor": found.vendor, "model": found.name, "mhz": found.mhz, "total_cores": found.cores,
            "total_sockets": found.sockets, "cores_per_socket": found.cores // found.sockets}  # fmt: skip
    return {
        "sysinfo": {
            "name": platform.system(),
            "arch": platform.machine(),
            "machine": platform.machine(),
            "version": platform.release(),
            "patch_level": "unknown",
            "description": description,
            "vendor": vendor,
            "vendor_version": version,
            "vendor_name": platform.system(),
            "vendor_code_name": "",
        },
        "cpus": [{"info": info, "data": times(one)} for one in spent()],
        "netifs": [{"info": _addresses(one), "usage": one.counters} for one in interfaces().values()],
    }


def _addresses(one: Interface) -> dict[str, Any]:
    found = {"name": one.name, "type": one.type, "hwaddr": one.hwaddr, "address": one.address,
             "netmask": one.netmask, "broadcast": one.broadcast, "flags": one.flags, "mtu": one.mtu}  # fmt: skip
    return found if one.address6 is None else found | {"address6": one.address6}
