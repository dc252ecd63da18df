"""`plot`: 1,440 points of one series at each resolution while points come in, against VictoriaMetrics' range query."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from benchmarks import metric_stores, objects, servers
from benchmarks.metric_stores import exposed, victoria
from benchmarks.paced import METRICS, TICK_S, Job
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table
from vedette.adapters.sql.stores import Stores
from vedette.app.storage import open_stores
from vedette.config import load
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.rollups.resolutions import DAY_MS, MOST_POINTS, Resolution
from vedette.services.roll_up import RollUp

ROUNDS, REQUESTS = 5, 100
POSTS_A_TICK = 2
AIM = 0.5  # twice as long at most
AIM_MS = 20
_MINUTE_MS = 60_000
_SPANS = ((5, 1), (20, 10), (60, 30), (240, 120), (1_440, 720))
"""Days back, and minutes between points: dense enough for every window of the resolution that is plotted over them."""
_AGENT = "web1.example.org"
_METRIC = "metric_0"
_PATIENCE = 1_200
_LOADED = 100  # checks that points come in of

Ask = Callable[[Resolution], int]
"""Makes one request and says how many points it gave."""


def run() -> Table:
    """p99 of one caller who plots again and again."""
    rate = round(POSTS_A_TICK * METRICS / TICK_S)
    table = Table(
        f"plot: {MOST_POINTS:,} points while {rate:,} points a second come in, one core for the server, SQLite"
    )
    os.sched_setaffinity(0, {LOAD_CORE})
    with servers.vedette() as credentials:
        watched = _Watched(credentials)
        asyncio.run(watched.fill())
        if shutil.which(metric_stores.VICTORIA) is None:
            _measure(table, {"": watched.ask}, {"": watched.load()})
        else:
            with victoria() as (url, _):
                peer = _Victoria(url, watched.observations)
                _measure(table, {"": watched.ask, peer.name: peer.ask}, {"": watched.load(), peer.name: peer.load()})
    table.notes.append(f"{ROUNDS} rounds of {REQUESTS} plots of each resolution, alternating")
    table.notes += [line for line in metric_stores.missing() if metric_stores.VICTORIA in line]
    return table


def _measure(table: Table, asks: dict[str, Ask], jobs: dict[str, Job]) -> None:
    found: dict[tuple[str, Resolution], list[float]] = {}
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            with under(jobs[name]):
                for resolution in Resolution:
                    found.setdefault((name, resolution), []).append(_p99_ms(ask, resolution))
    for resolution in Resolution:
        ours = found["", resolution]
        table.rows.append(Row(f"{resolution}: p99", "-", ours, [], "ms", AIM_MS, at_most=True))
        for name in asks:
            if name:
                mine, theirs = ([1000 / ms for ms in found[one, resolution]] for one in ("", name))
                table.rows.append(Row(f"{resolution}: plots a second at p99", name, mine, theirs, "/s", AIM))


def _p99_ms(ask: Ask, resolution: Resolution) -> float:
    times = []
    for _ in range(REQUESTS):
        began_s = time.perf_counter()
        points = ask(resolution)
        times.append((time.perf_counter() - began_s) * 1000)
        if not MOST_POINTS - 5 <= points <= MOST_POINTS:
            raise RuntimeError(f"{resolution}: {points} points")
    return sorted(times)[round(0.99 * (REQUESTS - 1))]


@contextmanager
def under(job: Job) -> Iterator[None]:
    """While the job posts at its pace."""
    command = [sys.executable, "-m", "benchmarks.paced"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(job).decode() + "\n")
        process.stdin.flush()
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the load did not begin")
        yield
        process.stdin.close()


class _Watched:
    """A check of ours with four years of history."""

    def __init__(self, credentials: dict[str, Any]) -> None:
        self._credentials = credentials
        headers = {"X-Auth-Token": credentials["token"]}
        with httpx.Client(base_url=credentials["monitoring_url"], headers=headers) as client:
            entity = objects.create(client, "/entities", objects.BODIES["entities"] | {"agent_id": _AGENT})
            checks = [
                objects.create(client, f"/entities/{entity}/checks", objects.BODIES["checks"])
                for _ in range(1 + _LOADED)
            ]
            self._token = client.post("/agent_tokens", json={"label": "load"}).headers["x-object-id"]
        self._entity, self._check, *self._loaded = entity, *checks
        where = urlsplit(credentials["monitoring_url"])
        self._connection = http.client.HTTPConnection(str(where.hostname), where.port)
        self._path = f"{where.path}/entities/{entity}/checks/{self._check}/metrics/{_METRIC}/plot?"
        self._now_ms = round(time.time() * 1000) // _MINUTE_MS * _MINUTE_MS
        self.observations = list(self._made())

    async def fill(self) -> None:
        """All of it rolled up as the server does it, and evaluated by the server."""
        directory = str(Path(self._credentials["ca_file"]).parents[1])
        async with open_stores(load({"data_dir": directory}, environment={})) as stores:
            for start in range(0, len(self.observations), 1_000):
                await stores.commit(stores.observations.append(self.observations[start : start + 1_000]))
            await evaluated(stores)
            rolling = RollUp(stores.chunks, stores.commit, lambda: self._now_ms)
            while await rolling.step():
                pass

    def ask(self, resolution: Resolution) -> int:
        span = MOST_POINTS * (resolution.width_ms or _MINUTE_MS)
        begin = resolution.window(self._now_ms - span) + resolution.width_ms
        query = {"from": begin, "to": self._now_ms, "resolution": resolution.value}
        self._connection.request("GET", self._path + urlencode(query), headers=self._headers())
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {body[:200]!r}")
        return len(json.loads(body)["values"])

    def load(self) -> Job:
        host, _, port = self._credentials["agent_endpoint"].rpartition(":")
        ca_file = self._credentials["ca_file"]
        return Job(LOAD_CORE, POSTS_A_TICK, self._loaded, host=host, port=int(port), ca_file=ca_file,
                   token=self._token, agent_id=_AGENT)  # fmt: skip

    def _headers(self) -> dict[str, str]:
        return {"X-Auth-Token": self._credentials["token"]}

    def _made(self) -> Iterator[Observation]:
        until = self._now_ms
        for days, minutes in _SPANS:
            for at_ms in range(self._now_ms - days * DAY_MS, until, minutes * _MINUTE_MS):
                yield self._observation(at_ms)
            until = self._now_ms - days * DAY_MS

    def _observation(self, at_ms: int) -> Observation:
        metrics = {
            f"metric_{n}": Metric("l", at_ms // _MINUTE_MS * 7_919 % 10_007 + n, "bytes") for n in range(METRICS)
        }
        return Observation(
            tenant_id=TenantId(self._credentials["tenant_id"]),
            entity_id=EntityId(self._entity),
            check_id=CheckId(self._check),
            check_type="agent.memory",
            zone_id=None,
            agent_id=AgentId(_AGENT),
            sender="bench",
            check_revision=1,
            at_ms=at_ms,
            arrival_ms=self._now_ms - DAY_MS,  # as an import's: they leave the log at once, and are not too old for it
            available=True,
            status="success",
            metrics=metrics,
        )


async def evaluated(stores: Stores) -> None:
    """Returns when the server has read everything: it is not moved before."""
    for _ in range(_PATIENCE):
        if not await stores.observations.after(await stores.observations.cursor("evaluate"), 1):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("evaluation does not come to an end")


class _Victoria:
    """The same points in VictoriaMetrics."""

    name = "VictoriaMetrics"

    def __init__(self, url: str, observations: Sequence[Observation]) -> None:
        self._url = url
        for start in range(0, len(observations), 1_000):
            lines = "\n".join(exposed(observations[start : start + 1_000]))
            httpx.post(f"{url}/api/v1/import/prometheus", content=lines, timeout=60).raise_for_status()
        httpx.get(f"{url}/internal/force_flush", timeout=60).raise_for_status()
        self._now_ms = max(one.at_ms for one in observations) + _MINUTE_MS
        where = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(where.hostname), where.port)
        self._check = observations[0].check_id

    def ask(self, resolution: Resolution) -> int:
        step_ms = resolution.width_ms or _MINUTE_MS
        selector = f'{_METRIC}{{check="{self._check}"}}'
        query = {
            "query": selector if resolution is Resolution.FULL else f"avg_over_time({selector}[{step_ms // 1000}s])",
            "start": (self._now_ms - (MOST_POINTS - 1) * step_ms) / 1000,
            "end": self._now_ms / 1000,
            "step": f"{step_ms // 1000}s",
            "nocache": "1",
        }
        self._connection.request("GET", "/api/v1/query_range?" + urlencode(query))
        body = self._connection.getresponse().read()
        (series,) = json.loads(body)["data"]["result"]
        return len(series["values"])

    def load(self) -> Job:
        return Job(LOAD_CORE, POSTS_A_TICK, [f"ch{number}" for number in range(_LOADED)], victoria=self._url)
