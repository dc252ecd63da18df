"""`agent.load_average`: how many processes wanted to run (wire protocol, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psutil

from vedette.agent.reading import Reading, double


def read(_details: Mapping[str, Any]) -> Reading:
    """Over one, five and fifteen minutes."""
    averages = psutil.getloadavg()
    return Reading(metrics={name: double(value) for name, value in zip(("1m", "5m", "15m"), averages, strict=True)})
