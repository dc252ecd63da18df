"""`revoke`: 10,000 live TLS agents of one token; the token is deleted; how long until the last connection is cut."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec

from benchmarks import servers
from benchmarks.agents import Job, Seen
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table

AGENTS = 10_000
PROCESSES = 2
AIM_MS = 2_000


def run() -> Table:
    """Stock agents, which are cut without a word, and agents that are told first."""
    table = Table(f"revoke: {AGENTS:,} live TLS agents of one token, one core for the server, SQLite")
    for what, features in (("stock agents", []), ("agents that declare `notices`", ["notices"])):
        with servers.vedette() as credentials:
            connected_s, answered_ms, cut_ms, told = _cut_all(credentials, features)
        row = Row(f"DELETE to the last cut: {what}", "-", [cut_ms], [], "ms", AIM_MS, at_most=True)
        table.rows.append(row)
        table.notes.append(
            f"{what}: connected in {connected_s:.1f} s ({AGENTS / connected_s:,.0f}/s), DELETE answered after "
            f"{answered_ms:.0f} ms, {told:,} told by connection.closing"
        )
    return table


def _cut_all(credentials: dict[str, Any], features: Sequence[str]) -> tuple[float, float, float, int]:
    url = credentials["monitoring_url"] + "/agent_tokens"
    with httpx.Client(headers={"X-Auth-Token": credentials["token"]}, timeout=60) as client:
        token = client.post(url, json={"label": "all"}).raise_for_status().headers["x-object-id"]
        began_s = time.monotonic()
        loads = [_connect(job) for job in _jobs(credentials, token, features)]
        for load in loads:
            if _line(load) != "ready":
                raise RuntimeError("the agents could not connect")
        connected_s = time.monotonic() - began_s
        client.get(f"{url}/{token}").raise_for_status()  # the connection of the measured request is open
        began_s = time.monotonic()
        client.delete(f"{url}/{token}").raise_for_status()
        answered_s = time.monotonic()
        seen = [msgspec.json.decode(_line(load), type=Seen) for load in loads]
    if sum(one.cut for one in seen) != AGENTS:
        raise RuntimeError(f"only {sum(one.cut for one in seen):,} connections were cut")
    last_s = max(one.last_s for one in seen)
    told = sum(one.told for one in seen)
    return connected_s, (answered_s - began_s) * 1000, (last_s - began_s) * 1000, told


def _jobs(credentials: dict[str, Any], token: str, features: Sequence[str]) -> list[Job]:
    host, _, port = credentials["agent_endpoint"].rpartition(":")
    each = AGENTS // PROCESSES
    return [
        Job(host, int(port), credentials["ca_file"], token, number * each, each, list(features), LOAD_CORE)
        for number in range(PROCESSES)
    ]


def _connect(job: Job) -> subprocess.Popen[str]:
    load = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.agents"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert load.stdin is not None
    load.stdin.write(msgspec.json.encode(job).decode() + "\n")
    load.stdin.close()
    return load


def _line(load: subprocess.Popen[str]) -> str:
    assert load.stdout is not None
    return load.stdout.readline().strip()
