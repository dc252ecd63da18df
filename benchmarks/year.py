"""`year`: a year of 1,000 series: plots of the year by days, and of a day at full resolution, while points come in."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from benchmarks import objects, servers
from benchmarks.paced import METRICS, Job
from benchmarks.plot import POSTS_A_TICK, under
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table
from vedette.app.storage import open_stores
from vedette.config import load
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.rollups.resolutions import DAY_MS
from vedette.services.roll_up import RollUp

CHECKS, DAYS = 1_000 // METRICS, 365
ROUNDS, REQUESTS = 5, 100
AIM_MS = 20
_MINUTE_MS = 60_000
_SPARSE_MS = 4 * 3_600_000
"""Between points, but for the last day, which has one a minute."""
_AGENT = "web1.example.org"


def run() -> Table:
    """p99 of one caller who plots one series after another."""
    table = Table(f"year: {CHECKS * METRICS:,} series, {DAYS} days, one core for the server, SQLite")
    os.sched_setaffinity(0, {LOAD_CORE})
    with servers.Restarted() as server:
        year = _Year(server.credentials)
        server.kill()  # or it would roll up the same days at the same time
        began_s = time.monotonic()
        asyncio.run(year.fill())
        server.start()
        year.connect(server.credentials)
        filled_s = time.monotonic() - began_s
        table.notes.append(f"filled in {filled_s:.0f} s; {ROUNDS} rounds of {REQUESTS} plots of each kind")
        for what, ask in (("the year at MIN1440", year.ask_year), ("a day at FULL", year.ask_day)):
            rounds = []
            for _ in range(ROUNDS):
                with under(year.load()):
                    rounds.append(_p99_ms(ask))
            table.rows.append(Row(f"{what}: p99", "-", rounds, [], "ms", AIM_MS, at_most=True))
    return table


def _p99_ms(ask: Callable[[], int]) -> float:
    times = []
    for _ in range(REQUESTS):
        began_s = time.perf_counter()
        points = ask()
        times.append((time.perf_counter() - began_s) * 1000)
        if points < DAYS - 5:
            raise RuntimeError(f"{points} points")
    return sorted(times)[round(0.99 * (REQUESTS - 1))]


class _Year:
    """An entity with all the checks."""

    def __init__(self, credentials: dict[str, Any]) -> None:
        self._credentials = credentials
        self._headers = {"X-Auth-Token": credentials["token"]}
        with httpx.Client(base_url=credentials["monitoring_url"], headers=self._headers) as client:
            self._entity = objects.create(client, "/entities", objects.BODIES["entities"] | {"agent_id": _AGENT})
            address = f"/entities/{self._entity}/checks"
            self._checks = [objects.create(client, address, objects.BODIES["checks"]) for _ in range(CHECKS)]
            self._token = client.post("/agent_tokens", json={"label": "load"}).headers["x-object-id"]
        self._now_ms = round(time.time() * 1000) // _MINUTE_MS * _MINUTE_MS
        self._chance = random.Random(1)

    def connect(self, credentials: dict[str, Any]) -> None:
        """To the server as it was started again."""
        self._credentials = credentials
        self._headers = {"X-Auth-Token": credentials["token"]}
        where = urlsplit(credentials["monitoring_url"])
        self._connection = http.client.HTTPConnection(str(where.hostname), where.port)
        self._path = f"{where.path}/entities/{self._entity}/checks"

    async def fill(self) -> None:
        """Rolled up as the server does it."""
        async with open_stores(load({"data_dir": self._credentials["directory"]}, environment={})) as stores:
            for check in self._checks:
                made = list(self._made(check))
                for start in range(0, len(made), 1_000):
                    await stores.commit(stores.observations.append(made[start : start + 1_000]))
            behind = await stores.observations.cursor("evaluate")
            while logged := await stores.observations.after(behind, 10_000):  # they are of the past
                await stores.commit(stores.observations.advance("evaluate", behind, logged[-1].seq))
                behind = logged[-1].seq
            rolling = RollUp(stores.chunks, stores.commit, lambda: self._now_ms)
            while await rolling.step():
                pass

    def _made(self, check: str) -> Iterator[Observation]:
        dense_ms = self._now_ms - DAY_MS
        for at_ms in range(self._now_ms - DAYS * DAY_MS, dense_ms, _SPARSE_MS):
            yield self._observation(check, at_ms)
        for at_ms in range(dense_ms, self._now_ms, _MINUTE_MS):
            yield self._observation(check, at_ms)

    def _observation(self, check: str, at_ms: int) -> Observation:
        return Observation(
            tenant_id=TenantId(self._credentials["tenant_id"]),
            entity_id=EntityId(self._entity),
            check_id=CheckId(check),
            check_type="agent.memory",
            zone_id=None,
            agent_id=AgentId(_AGENT),
            sender="bench",
            check_revision=1,
            at_ms=at_ms,
            arrival_ms=self._now_ms - DAY_MS,  # as an import's: they leave the log at once
            available=True,
            status="success",
            metrics={
                f"metric_{n}": Metric("l", at_ms // _MINUTE_MS * 7_919 % 10_007 + n, "bytes") for n in range(METRICS)
            },
        )

    def ask_year(self) -> int:
        return self._ask(self._now_ms - DAYS * DAY_MS, "MIN1440")

    def ask_day(self) -> int:
        return self._ask(self._now_ms - DAY_MS, "FULL")

    def _ask(self, from_ms: int, resolution: str) -> int:
        check, metric = self._chance.choice(self._checks), f"metric_{self._chance.randrange(METRICS)}"
        query = urlencode({"from": from_ms, "to": self._now_ms, "resolution": resolution})
        self._connection.request("GET", f"{self._path}/{check}/metrics/{metric}/plot?{query}", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {body[:200]!r}")
        return len(json.loads(body)["values"])

    def load(self) -> Job:
        host, _, port = self._credentials["agent_endpoint"].rpartition(":")
        ca_file = self._credentials["ca_file"]
        return Job(LOAD_CORE, POSTS_A_TICK, self._checks, host=host, port=int(port), ca_file=ca_file,
                   token=self._token, agent_id=_AGENT)  # fmt: skip
