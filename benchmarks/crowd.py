"""`agents`: 10,000 idle agents over TLS; then the server is killed and started again, and all come back at once."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import httpx
import msgspec

from benchmarks import objects, servers
from benchmarks.returning import Job, Seen
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table

AGENTS, BOUND = 10_000, 100
AIM_KIB, AIM_BACK_S = 64, 60
_PERIOD_S = 90
"""What the bound agents' checks are changed to while the agents are away."""


def run() -> Table:
    """Memory an agent; the storm; and whether everybody whose checks were changed meanwhile hears of it."""
    table = Table(f"agents: {AGENTS:,} idle TLS agents with heartbeats, one core for the server, SQLite")
    with servers.Restarted() as server:
        checks = _fill(server.credentials)
        before = server.memory_bytes
        with _agents(server.credentials) as load:
            began_s = time.monotonic()
            _line(load)
            connected_s = time.monotonic() - began_s
            each_kib = (server.memory_bytes - before) / AGENTS / 1024
            _ask(load)
            server.kill()
            server.start()
            started_s = time.monotonic()
            _change(server.credentials, checks)
            seen, changed, tries = _until_back(load)
    table.rows += [
        Row("memory of an idle agent", "-", [each_kib], [], "KiB", AIM_KIB, at_most=True),
        Row("all are back after a kill -9, from the start", "-", [seen.last_back_s - started_s], [], "s", AIM_BACK_S,
            at_most=True),
        Row(f"told of a change while away, of {BOUND}", "-", [float(changed)], [], "agents", BOUND),
    ]  # fmt: skip
    table.notes.append(f"connected in {connected_s:.1f} s at first; {tries:,} connections were begun in the storm")
    return table


def _fill(credentials: dict[str, Any]) -> dict[str, str]:
    """Check -> its entity, of the agents that are bound."""
    checks: dict[str, str] = {}
    with _client(credentials) as client:
        for number in range(BOUND):
            bound = objects.BODIES["entities"] | {"agent_id": f"agent-{number}"}
            entity = objects.create(client, "/entities", bound)
            checks[objects.create(client, f"/entities/{entity}/checks", objects.BODIES["checks"])] = entity
    return checks


def _change(credentials: dict[str, Any], checks: dict[str, str]) -> None:
    with _client(credentials) as client:
        for check, entity in checks.items():
            client.put(f"/entities/{entity}/checks/{check}", json={"period": _PERIOD_S}).raise_for_status()


def _client(credentials: dict[str, Any]) -> httpx.Client:
    headers = {"X-Auth-Token": credentials["token"]}
    return httpx.Client(base_url=credentials["monitoring_url"], headers=headers, timeout=60)


def _agents(credentials: dict[str, Any]) -> subprocess.Popen[str]:
    with _client(credentials) as client:
        token = client.post("/agent_tokens", json={"label": "all"}).raise_for_status().headers["x-object-id"]
    host, _, port = credentials["agent_endpoint"].rpartition(":")
    names = [f"agent-{number}" for number in range(AGENTS)]
    job = Job(host, int(port), credentials["ca_file"], token, names, LOAD_CORE)
    load = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.returning"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert load.stdin is not None
    load.stdin.write(msgspec.json.encode(job).decode() + "\n")
    load.stdin.flush()
    return load


def _until_back(load: subprocess.Popen[str]) -> tuple[Seen, int, int]:
    """Looks every second, until all are live and the changed ones were told, or two minutes are over."""
    changed = tries = 0
    until_s = time.monotonic() + 2 * AIM_BACK_S
    while True:
        time.sleep(1)
        seen = _ask(load)
        changed, tries = changed + seen.changed, tries + seen.tries
        if (seen.live == AGENTS and changed >= BOUND) or time.monotonic() > until_s:
            return seen, changed, tries


def _ask(load: subprocess.Popen[str]) -> Seen:
    assert load.stdin is not None
    load.stdin.write("\n")
    load.stdin.flush()
    return msgspec.json.decode(_line(load), type=Seen)


def _line(load: subprocess.Popen[str]) -> str:
    assert load.stdout is not None
    return load.stdout.readline().strip()
