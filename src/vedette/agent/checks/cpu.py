"""`agent.cpu`: what the CPUs spend their time on (wire protocol, 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from vedette.agent.host.cpus import Spent, spent
from vedette.agent.reading import Reading, double
from vedette.wire.metrics import WireMetric

FIRST_SAMPLE_S = 1.0
_MOST_KEPT = 256
_DIGITS = 2
"""The system counts time in hundredths of a second: in a period of half a minute there is no more to be known."""
_AVERAGES = ("user", "sys", "idle", "wait", "irq", "stolen")


class CpuUse:
    """Covers the time since the check ran last; when it runs for the first time, a second."""

    def __init__(self, look: Callable[[], list[Spent]] = spent) -> None:
        self._look = look
        self._before: dict[str, list[Spent]] = {}

    async def run(self, check_id: str) -> Reading:
        before = self._before.pop(check_id, None)
        now = self._look()
        if before is None or len(before) != len(now):  # a CPU was plugged in or out
            before = now
            await asyncio.sleep(FIRST_SAMPLE_S)
            now = self._look()
        self._keep(check_id, now)
        return Reading(metrics=_metrics([after.since(then) for then, after in zip(before, now, strict=True)]))

    async def run_once(self) -> Reading:
        """Of a check that is only tried: nothing is kept."""
        before = self._look()
        await asyncio.sleep(FIRST_SAMPLE_S)
        return Reading(metrics=_metrics([now.since(then) for then, now in zip(before, self._look(), strict=False)]))

    def _keep(self, check_id: str, now: list[Spent]) -> None:
        if len(self._before) >= _MOST_KEPT:
            del self._before[next(iter(self._before))]
        self._before[check_id] = now


def _metrics(cpus: Sequence[Spent]) -> dict[str, WireMetric]:
    used = [100 - cpu.percent("idle") if cpu.total else 0.0 for cpu in cpus]
    values = {f"{kind}_percent_average": _mean([cpu.percent(kind) for cpu in cpus]) for kind in _AVERAGES}
    values |= {
        "usage_average": _mean(used),
        "max_cpu_usage": max(used, default=0.0),
        "min_cpu_usage": min(used, default=0.0),
    }
    metrics = {name: double(round(value, _DIGITS), "percent") for name, value in values.items()}
    return metrics | {"cpu_count": WireMetric("uint64", str(len(cpus)), "count")}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
