"""`agent.memory`: memory and swap (wire protocol, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vedette.agent.host.memory import memory
from vedette.agent.reading import Reading, gauge


def read(_details: Mapping[str, Any]) -> Reading:
    """All in bytes but `ram`."""
    return Reading(
        metrics={name: gauge(value, "megabytes" if name == "ram" else "bytes") for name, value in memory().items()}
    )
