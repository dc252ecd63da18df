"""`ingest`: agents post 10 metrics a time over TLS; each post is acknowledged once it is on disk, and evaluated."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks import objects, servers
from benchmarks.posts import METRICS, Job, Seen
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table
from vedette.app.storage import open_stores
from vedette.config import load
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation

AGENTS, CHECKS = 50, 10
ROUNDS, SECONDS = 5, 5.0
AIM = 50_000
BACKLOG = 300_000
_BEHIND = """
SELECT (SELECT COALESCE(MAX(seq), 0) FROM observation) - (SELECT seq FROM reader_cursor WHERE name = 'evaluate')"""


def run() -> Table:
    """Acknowledged metrics a second, and how far the evaluation of the same core is behind at the end."""
    table = Table(f"ingest: {AGENTS} agents over TLS, {AGENTS * CHECKS} checks with an alarm each, one core, SQLite")
    refused = 0
    with servers.Restarted() as server:
        checks = _fill(server.credentials)
        for what in ("", ", while the log is emptied into chunks"):
            if what:
                asyncio.run(_backlog(server.credentials, checks))
                _caught_up_s(Path(server.credentials["directory"]))
                server.kill()
                server.start()
            rounds = [_post(server.credentials, checks) for _ in range(ROUNDS)]
            acknowledged = [seen.posts * METRICS / seen.seconds for seen, _ in rounds]
            evaluated = [seen.posts * METRICS / (seen.seconds + behind_s) for seen, behind_s in rounds]
            table.rows.append(Row(f"metrics acknowledged{what}", "-", acknowledged, [], "/s", AIM))
            table.rows.append(Row(f"metrics acknowledged and evaluated{what}", "-", evaluated, [], "/s", AIM))
            refused += sum(seen.refused for seen, _ in rounds)
        left = _count(server.credentials)
    table.notes.append(
        f"{refused} posts refused; {left:,} of {BACKLOG:,} old observations were left in the log at the end"
    )
    table.notes.append("Zabbix (sender, PostgreSQL) and VictoriaMetrics (import): not run here, see RESULTS.md")
    return table


async def _backlog(credentials: dict[str, Any], checks: dict[str, list[str]]) -> None:
    """Observations of two hours ago, a minute's worth of each check at a time."""
    each = [(agent, check) for agent, of_agent in checks.items() for check in of_agent]
    metrics = {f"metric_{number}": Metric("l", 10**9 + number, "bytes") for number in range(METRICS)}
    before_ms = round(time.time() * 1000) - 2 * 3_600_000
    async with open_stores(load({"data_dir": credentials["directory"]}, environment={})) as stores:
        for turn in range(BACKLOG // len(each)):
            at_ms = before_ms + turn * 1_000
            made = [_observation(credentials["tenant_id"], agent, check, at_ms, metrics) for agent, check in each]
            await stores.commit(stores.observations.append(made))


def _observation(tenant: str, agent: str, check: str, at_ms: int, metrics: dict[str, Metric]) -> Observation:
    return Observation(
        tenant_id=TenantId(tenant),
        entity_id=EntityId("en"),
        check_id=CheckId(check),
        check_type="agent.memory",
        zone_id=None,
        agent_id=AgentId(agent),
        sender="backlog",
        check_revision=0,
        at_ms=at_ms,
        arrival_ms=at_ms,
        available=True,
        status="success",
        metrics=metrics,
    )


def _count(credentials: dict[str, Any]) -> int:
    with sqlite3.connect(f"file:{Path(credentials['directory'], 'vedette.db')}?mode=ro", uri=True) as database:
        old_ms = round(time.time() * 1000) - 3_600_000
        left: int = database.execute("SELECT COUNT(*) FROM observation WHERE arrival_ms < ?", (old_ms,)).fetchone()[0]
    return left


def _fill(credentials: dict[str, Any]) -> dict[str, list[str]]:
    """Agent id -> checks of the entity that it is bound to."""
    checks: dict[str, list[str]] = {}
    with httpx.Client(base_url=credentials["monitoring_url"], headers={"X-Auth-Token": credentials["token"]}) as client:
        for number in range(AGENTS):
            agent_id = f"agent-{number}"
            entity = objects.create(client, "/entities", objects.BODIES["entities"] | {"agent_id": agent_id})
            checks[agent_id] = []
            for _ in range(CHECKS):
                check = objects.create(client, f"/entities/{entity}/checks", objects.BODIES["checks"])
                criteria = 'if (metric["metric_0"] > 2000000000) { return CRITICAL; } return OK;'
                alarm = objects.BODIES["alarms"] | {"check_id": check, "criteria": criteria}
                objects.create(client, f"/entities/{entity}/alarms", alarm)
                checks[agent_id].append(check)
    return checks


def _post(credentials: dict[str, Any], checks: dict[str, list[str]]) -> tuple[Seen, float]:
    """What was acknowledged, and for how many seconds more it was evaluated."""
    url = credentials["monitoring_url"] + "/agent_tokens"
    headers = {"X-Auth-Token": credentials["token"]}
    token = httpx.post(url, json={"label": "load"}, headers=headers).raise_for_status().headers["x-object-id"]
    host, _, port = credentials["agent_endpoint"].rpartition(":")
    job = Job(host, int(port), credentials["ca_file"], token, checks, SECONDS, LOAD_CORE)
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.posts"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        load.stdin.write(msgspec.json.encode(job).decode() + "\n")
        load.stdin.flush()
        if load.stdout.readline().strip() != "ready":
            raise RuntimeError("the agents could not connect")
        load.stdin.write("go\n")
        load.stdin.flush()
        seen = msgspec.json.decode(load.stdout.readline(), type=Seen)
    return seen, _caught_up_s(Path(credentials["directory"]))


def _caught_up_s(directory: Path) -> float:
    """Until evaluation has come to the end of the log."""
    began_s = time.monotonic()
    with sqlite3.connect(f"file:{directory / 'vedette.db'}?mode=ro", uri=True) as database:
        while database.execute(_BEHIND).fetchone()[0] > 0:
            time.sleep(0.01)
    return time.monotonic() - began_s
