"""CPUs: what they are, and what they have spent their time on since the host started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import psutil

_CPUINFO = Path("/proc/cpuinfo")
_KINDS = {"user": "user", "sys": "system", "idle": "idle", "nice": "nice", "wait": "iowait", "irq": "irq",
          "soft_irq": "softirq", "stolen": "steal"}  # fmt: skip
"""Our names, and psutil's."""
_NOT_TWICE = ("guest", "guest_nice")
"""Linux counts the time of guests as user time too."""


class Spent(msgspec.Struct, frozen=True):
    """Seconds of one CPU, by our names; `total` holds kinds without a name too."""

    by_kind: dict[str, float]
    total: float

    def since(self, before: Spent) -> Spent:
        """What was spent meanwhile."""
        kinds = {name: max(value - before.by_kind[name], 0.0) for name, value in self.by_kind.items()}
        return Spent(kinds, max(self.total - before.total, 0.0))

    def percent(self, kind: str) -> float:
        """Of all the time; nothing when no time has passed."""
        return 100 * self.by_kind[kind] / self.total if self.total else 0.0


class Model(msgspec.Struct, frozen=True):
    """What the CPUs are, as far as the system says."""

    vendor: str
    name: str
    mhz: int
    cores: int
    sockets: int


def spent() -> list[Spent]:
    """Of each CPU."""
    return [_spent(times) for times in psutil.cpu_times(percpu=True)]


def _spent(times: Any) -> Spent:
    found: dict[str, float] = times._asdict()
    total = sum(value for name, value in found.items() if name not in _NOT_TWICE)
    return Spent({ours: found.get(theirs, 0.0) for ours, theirs in _KINDS.items()}, total)


def model() -> Model:
    """Of the first one; the others are hardly ever different."""
    texts = _texts()
    vendor, _, name = texts.get("model name", "").partition(" ")
    try:
        mhz = float(texts.get("cpu MHz", 0))
    except ValueError:
        mhz = 0.0
    cores = psutil.cpu_count() or 1
    physical = {value for key, value in _lines() if key == "physical id"}
    return Model(texts.get("vendor_id", vendor), name or vendor, int(mhz), cores, max(len(physical), 1))


def _texts() -> dict[str, str]:
    return dict(reversed(_lines()))


def _lines() -> list[tuple[str, str]]:
    try:
        text = _CPUINFO.read_text("utf-8", "replace")
    except OSError:
        return []
    pairs = [line.partition(":") for line in text.splitlines() if ":" in line]
    return [(key.strip(), value.strip()) for key, _, value in pairs]
