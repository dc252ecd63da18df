"""Checks and observations of Alice's for collectors to work on."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from vedette.collector.canary import Canary
from vedette.collector.collector import Process, ZoneCollector
from vedette.collector.lookout import Lookout
from vedette.domain.ids import CheckId, EntityId, TenantId, ZoneId
from vedette.domain.observations import Observation
from vedette.ports.probing import Assignment, Probe, ProbeResult, Report

ZONE = ZoneId("mzdfw")
UP = ProbeResult(available=True, status="code=200")
DOWN = ProbeResult(available=False, status="connection refused", target="127.0.0.1")


def assigned(check_id: str = "chA", **changes: Any) -> Assignment:
    fields: dict[str, Any] = {
        "tenant_id": TenantId("alice"),
        "entity_id": EntityId("enA"),
        "check_id": CheckId(check_id),
        "check_type": "remote.http",
        "revision": 1,
        "period_s": 60,
        "timeout_s": 30,
        "target": None,
        "resolver": None,
        "details": {"url": "http://www.example/"},
    }
    return Assignment(**fields | changes)


def observed(at_ms: int = 0, *, available: bool = True) -> Observation:
    return Observation(
        tenant_id=TenantId("alice"),
        entity_id=EntityId("enA"),
        check_id=CheckId("chA"),
        check_type="remote.http",
        zone_id=ZONE,
        agent_id=None,
        sender="s",
        check_revision=1,
        at_ms=at_ms,
        arrival_ms=at_ms,
        available=available,
        status="",
        metrics={},
    )


class Server:
    """A `Report`: keeps what it is told unless it has an error to raise."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.batches: list[int] = []
        self.attempts = 0
        self.error: Exception | None = None

    async def __call__(self, observations: Sequence[Observation]) -> None:
        self.attempts += 1
        await asyncio.sleep(0.01)
        if self.error is not None:
            raise self.error
        self.batches.append(len(observations))
        self.observations.extend(observations)

    @property
    def times_s(self) -> list[float]:
        return [observation.at_ms / 1000 for observation in self.observations]


class Canaries:
    """An `Ask` whose canaries answer or not, after a moment; `began_at` are the times it was asked."""

    def __init__(self, *, answer: bool = True) -> None:
        self.answer = answer
        self.began_at: list[float] = []

    async def __call__(self, canaries: Sequence[Canary]) -> bool:
        self.began_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)
        return self.answer and bool(canaries)


def nothing_to_ask() -> Lookout:
    return Lookout([], _time, Canaries(), gateway=lambda: None)


def lookout(canaries: Canaries) -> Lookout:
    return Lookout([Canary("canary.example", 53)], _time, canaries)


def _time() -> float:
    return asyncio.get_running_loop().time()


class Machine:
    """The clock of a collector's process; `suspended_s` is what the event loop has missed."""

    def __init__(self) -> None:
        self.suspended_s = 0.0

    def monotonic(self) -> float:
        return _time() + self.suspended_s

    def process(self, at_once: int = 100) -> Process:
        return Process(
            sender="collector-1",
            now_ms=lambda: round(self.monotonic() * 1000),
            monotonic=self.monotonic,
            random=random.Random(1).random,
            at_once=at_once,
        )


def collector(
    probe: Probe, report: Report, watch: Lookout | None = None, machine: Machine | None = None, at_once: int = 100
) -> ZoneCollector:
    machine = machine or Machine()
    return ZoneCollector(ZONE, {"remote.http": probe}, report, watch or nothing_to_ask(), machine.process(at_once))


class Target:
    """A `Probe` that takes some time; `began_at` are the loop's times at which it was asked."""

    def __init__(self, result: ProbeResult = UP, takes_s: float = 0.2) -> None:
        self.result = result
        self.takes_s = takes_s
        self.began_at: list[float] = []
        self.at_once = 0
        self.most_at_once = 0

    async def __call__(self, assignment: Assignment) -> ProbeResult:
        self.began_at.append(_time())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.takes_s)
            return self.result
        finally:
            self.at_once -= 1
