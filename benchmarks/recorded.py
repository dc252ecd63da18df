"""What our own checks report, a minute after the other: http, ping, cpu, memory and network, made up from a seed.

Ranges and noise are those of quiet servers: a web page in some 90 ms, a host 12 ms away, four CPUs at some 10 %, memory
that is taken and given back by the page, 50 KB a second in and 16 out. What becomes of the CPUs' times is the code of
the cpu check itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from vedette.agent.checks.cpu import CpuUse
from vedette.agent.host.cpus import Spent
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.wire.metrics import metric_of

Metrics = dict[str, Metric]
TENANT, ENTITY = TenantId("acBench001"), EntityId("enBench001")

_PAGE = 4096
_MEMORY = 16 << 30
_CPUS = 4
_TICKS = 6_000  # of each CPU in a minute


class Kind(Protocol):
    """A check that is read every minute."""

    async def read(self) -> Metrics: ...

    def status(self, metrics: Metrics) -> str: ...


class _Http:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._expires = 7_000_000

    async def read(self) -> Metrics:
        self._expires -= 60
        duration = int(self._random.lognormvariate(4.5, 0.25))
        parts = {"tt_connect": 0.3, "tt_firstbyte": 0.8, "duration": 1.0}
        metrics = {name: Metric("I", int(duration * part), "milliseconds") for name, part in parts.items()}
        return metrics | {
            "bytes": Metric("I", 10_432, "bytes"),
            "code": Metric("s", "200"),
            "truncated": Metric("I", 0, "bytes"),
            "cert_end_in": Metric("i", self._expires, "seconds"),
        }

    def status(self, metrics: Metrics) -> str:
        return f"code=200,rt={int(metrics['duration'].value) / 1000:.3f}s,bytes=10432"


class _Ping:
    def __init__(self, random: Random) -> None:
        self._random = random

    async def read(self) -> Metrics:
        times = [round(0.012 * self._random.lognormvariate(0, 0.1), 6) for _ in range(5)]
        return {
            "available": Metric("D", 100.0, "percent"),
            "average": Metric("D", sum(times) / 5, "seconds"),
            "minimum": Metric("D", min(times), "seconds"),
            "maximum": Metric("D", max(times), "seconds"),
            "count": Metric("i", 5, "count"),
        }

    def status(self, metrics: Metrics) -> str:
        return "code=5/5"


class _Cpu:
    def __init__(self, random: Random) -> None:
        self._random = random
        kinds = ("user", "sys", "idle", "nice", "wait", "irq", "soft_irq", "stolen")
        self._spent = [dict.fromkeys(kinds, 0.0) for _ in range(_CPUS)]
        self._check = CpuUse(self._look)

    def _look(self) -> list[Spent]:
        return [Spent(dict(times), sum(times.values())) for times in self._spent]

    async def read(self) -> Metrics:
        for times in self._spent:
            used = min(self._random.lognormvariate(6, 0.5), _TICKS / 2)
            ticks = {"user": used, "sys": used / 5 + self._random.random() * 20, "wait": self._random.expovariate(0.2)}
            for kind, value in ticks.items():
                times[kind] += int(value) / 100
            times["idle"] += (_TICKS + self._random.randrange(-2, 3) - sum(map(int, ticks.values()))) / 100
        reading = await self._check.run("check")
        return {name: metric_of(metric) for name, metric in reading.metrics.items()}

    def status(self, metrics: Metrics) -> str:
        return "success"


class _Memory:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._used = 4 << 30

    async def read(self) -> Metrics:
        self._used = max(self._used + self._random.randrange(-2_000, 2_000) * _PAGE, 1 << 30)
        octets = {"actual_free": _MEMORY - self._used, "actual_used": self._used, "total": _MEMORY}
        octets |= {"free": _MEMORY - self._used - (3 << 30), "used": self._used + (3 << 30)}
        octets |= {"swap_total": 1 << 31, "swap_free": 1 << 31, "swap_used": 0, "swap_page_in": 0, "swap_page_out": 0}
        metrics = {name: Metric("L", value, "bytes") for name, value in octets.items()}
        return metrics | {"ram": Metric("L", _MEMORY >> 20, "megabytes")}

    def status(self, metrics: Metrics) -> str:
        return "success"


class _Network:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._passed = dict.fromkeys(("rx_bytes", "tx_bytes", "rx_packets", "tx_packets"), 1 << 36)

    async def read(self) -> Metrics:
        for name, usual in zip(self._passed, (3e6, 1e6, 4e3, 3e3), strict=True):
            self._passed[name] += int(self._random.lognormvariate(0, 0.5) * usual)
        never = ("rx_dropped", "rx_errors", "rx_frame", "rx_overruns", "tx_carrier", "tx_collisions", "tx_dropped",
                 "tx_errors", "tx_overruns")  # fmt: skip
        counters = self._passed | dict.fromkeys(never, 0)
        metrics = {name: Metric("L", value, "packets") for name, value in counters.items()}
        return metrics | {"link_state": Metric("s", "up", "link_state")}

    def status(self, metrics: Metrics) -> str:
        return "success"


KINDS: Mapping[str, Callable[[Random], Kind]] = {
    "remote.http": _Http,
    "remote.ping": _Ping,
    "agent.cpu": _Cpu,
    "agent.memory": _Memory,
    "agent.network": _Network,
}


class Check:
    """One check, observed from one place."""

    def __init__(self, number: int, type: str) -> None:
        self.id = CheckId(f"ch{number:08d}")
        self.type = type
        self.place = "mzdfw" if type.startswith("remote.") else ""
        self._random = Random(number)
        self._kind = KINDS[type](self._random)

    async def observation(self, minute_ms: int) -> Observation:
        """Of some moment in the minute that begins then."""
        metrics = await self._kind.read()
        at_ms = minute_ms + self._random.randrange(50)
        return Observation(
            tenant_id=TENANT,
            entity_id=ENTITY,
            check_id=self.id,
            check_type=self.type,
            zone_id=ZoneId(self.place) if self.place else None,
            agent_id=None if self.place else AgentId("web1.example.org"),
            sender="bench",
            check_revision=1,
            at_ms=at_ms,
            arrival_ms=at_ms + self._random.randrange(3, 60),
            available=True,
            status=self._kind.status(metrics),
            metrics=metrics,
            target="192.0.2.17" if self.place else None,
        )


def checks(number: int) -> list[Check]:
    """As many of each kind."""
    kinds = list(KINDS)
    return [Check(place, kinds[place % len(kinds)]) for place in range(number)]
