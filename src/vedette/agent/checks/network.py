"""`agent.network`: what passes through a network interface (wire protocol, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vedette.agent.host.interfaces import interfaces
from vedette.agent.reading import Reading, gauge, text, unavailable

_UNITS = {"bytes": "bytes", "packets": "packets", "dropped": "packets", "errors": "errors", "carrier": "errors",
          "frame": "frames", "overruns": "overruns", "collisions": "collisions"}  # fmt: skip
_LINK = "link_state"


def read(details: Mapping[str, Any]) -> Reading:
    """Of the interface that the detail `target` names; the state of its link is told even when there is none."""
    target = details.get("target")
    if not target:
        return unavailable("Missing target parameter")
    found = interfaces().get(str(target))
    if found is None:
        status = f"No such interface: {target}"
        return Reading(available=False, status=status, metrics={_LINK: text("unknown", _LINK)})
    metrics = {name: gauge(value, _UNITS[name.partition("_")[2]]) for name, value in found.counters.items()}
    return Reading(metrics=metrics | {_LINK: text(found.link, _LINK)})
