"""`agent.memory`: memory and swap (wire protocol, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psutil

from vedette.agent.reading import Reading, gauge

_MEBIBYTE = 1024 * 1024


def read(_details: Mapping[str, Any]) -> Reading:
    """`free` and `used` count what the kernel holds as used, `actual_free` and `actual_used` count it as free."""
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    octets = {
        "total": memory.total,
        "free": memory.free,
        "used": memory.total - memory.free,
        "actual_free": memory.available,
        "actual_used": memory.total - memory.available,
        "swap_total": swap.total,
        "swap_used": swap.used,
        "swap_free": swap.free,
        "swap_page_in": swap.sin,
        "swap_page_out": swap.sout,
    }
    metrics = {name: gauge(value, "bytes") for name, value in octets.items()}
    return Reading(metrics=metrics | {"ram": gauge(memory.total // _MEBIBYTE, "megabytes")})
