"""MEMORY."""

from __future__ import annotations

from vedette.agent.host import memory as host


def memory() -> dict[str, float]:
    """Bytes, but for `ram` (megabytes) and the percentages, which are of what could really be had."""
    found = host.memory()
    used, free = (round(100 * found[name] / found["total"], 2) for name in ("actual_used", "actual_free"))
    return {**found, "used_percent": used, "free_percent": free}
