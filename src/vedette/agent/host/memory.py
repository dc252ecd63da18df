"""Memory and swap space."""

from __future__ import annotations

import psutil

_MEBIBYTE = 1024 * 1024


def memory() -> dict[str, int]:
    """By the names of agent.memory: bytes, but for `ram` in megabytes.

    `free` and `used` count what the kernel holds as used, `actual_free` and `actual_used` count it as free.
    """
    found, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "total": found.total,
        "free": found.free,
        "used": found.total - found.free,
        "actual_free": found.available,
        "actual_used": found.total - found.available,
        "ram": found.total // _MEBIBYTE,
        "swap_total": swap.total,
        "swap_used": swap.used,
        "swap_free": swap.free,
        "swap_page_in": swap.sin,
        "swap_page_out": swap.sout,
    }
