"""CPU."""

from __future__ import annotations

from typing import Any

from vedette.agent.host.cpus import Spent, model, spent


def cpus() -> list[dict[str, Any]]:
    """Times in milliseconds since the host started."""
    found = model()
    known = {"vendor": found.vendor, "model": found.name, "mhz": found.mhz, "total_cores": found.cores,
             "total_sockets": found.sockets}  # fmt: skip
    return [{"name": f"cpu.{number}", **known, **times(one)} for number, one in enumerate(spent())]


def times(one: Spent) -> dict[str, int]:
    """Of one CPU."""
    return {name: int(value * 1000) for name, value in one.by_kind.items()} | {"total": int(one.total * 1000)}
