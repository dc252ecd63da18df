"""`make soak`: a day of 1,000 agents' heartbeats and posts in some minutes; the server's memory must stay where it is.

Each agent sends the 2,880 heartbeats of a day, and those that are bound post one observation for each minute of it;
the server's clock is its own. The figure is the slope of the server's memory over the second half, an hour of the day.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx

from benchmarks import objects, servers

AGENTS, BOUND = 1_000, 100
HOURS = 24
BEATS_AN_HOUR, POSTS_AN_HOUR = 120, 60
STEPS_AN_HOUR = 12
AIM_MIB = 1.0
STEP_S = 0.55
"""Sooner, ten heartbeats at a time would be too many messages: an agent may send 200 in 10 s."""


class _Agent:
    """One connection, which waits for its answers."""

    def __init__(self, credentials: dict[str, Any], token: str, number: int, check: str | None) -> None:
        host, _, port = credentials["agent_endpoint"].rpartition(":")
        raw = socket.create_connection((host, int(port)))
        tls = ssl.create_default_context(cafile=credentials["ca_file"])
        self.sock = tls.wrap_socket(raw, server_hostname=host)
        self._number, self._check, self._sent = number, check, 0
        self.under_way = 0
        self._rest = b""
        self.ask("handshake.hello", {"token": token, "agent_id": f"agent-{number}", "features": []})
        welcome = json.loads(self.sock.recv(65536))
        if "result" not in welcome:
            raise RuntimeError(f"refused: {welcome}")
        self.under_way = 0

    def ask(self, method: str, params: dict[str, Any]) -> None:
        ends = {"source": f"guid-{self._number}", "target": "endpoint"}
        message = {"v": "1", "id": self._sent, **ends, "method": method, "params": params}
        self._sent += 1
        self.under_way += 1
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def step(self, beats: int, posts: int) -> None:
        now_ms = round(time.time() * 1000)
        for _ in range(beats):
            self.ask("heartbeat.post", {"timestamp": now_ms})
        for number in range(posts if self._check else 0):
            metrics = {"used": {"t": "int64", "v": str(10**9 + self._sent), "u": "bytes"}}
            self.ask("check_metrics.post", {"check_id": self._check, "check_type": "agent.memory", "state": "available",
                     "status": "success", "timestamp": now_ms + number, "metrics": [[None, metrics]]})  # fmt: skip

    def receive(self) -> None:
        data = self.sock.recv(65536)
        if not data or b'"error"' in data:
            raise RuntimeError(f"agent-{self._number}: {data[:200]!r}")
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.under_way -= sum(b'"method"' not in line for line in lines)  # else it is told of a changed schedule


def main() -> int:
    """0 when the slope is below the aim."""
    with servers.Restarted() as server, ExitStack() as stack:
        agents = list(_agents(server.credentials))
        for agent in agents:
            stack.callback(agent.sock.close)
        samples = _day(server, agents)
    half = samples[len(samples) // 2 :]
    slope = statistics.linear_regression([hour for hour, _ in half], [mib for _, mib in half]).slope
    print(f"{AGENTS:,} agents, {HOURS} h: {samples[0][1]:.1f} MiB at first, {samples[-1][1]:.1f} MiB at the end,")
    print(f"slope over the second half {slope:+.3f} MiB/h (aim: below {AIM_MIB:g})")
    return 0 if slope < AIM_MIB else 1


def _agents(credentials: dict[str, Any]) -> Iterator[_Agent]:
    headers = {"X-Auth-Token": credentials["token"]}
    with httpx.Client(base_url=credentials["monitoring_url"], headers=headers, timeout=60) as client:
        token = client.post("/agent_tokens", json={"label": "soak"}).raise_for_status().headers["x-object-id"]
        for number in range(AGENTS):
            check = None
            if number < BOUND:
                bound = objects.BODIES["entities"] | {"agent_id": f"agent-{number}"}
                entity = objects.create(client, "/entities", bound)
                check = objects.create(client, f"/entities/{entity}/checks", objects.BODIES["checks"])
                alarm = objects.BODIES["alarms"] | {"check_id": check, "criteria": "return OK;"}
                objects.create(client, f"/entities/{entity}/alarms", alarm)
            yield _Agent(credentials, token, number, check)


def _day(server: servers.Restarted, agents: list[_Agent]) -> list[tuple[float, float]]:
    """(hour, MiB)."""
    poll = select.epoll()
    by_fd = {agent.sock.fileno(): agent for agent in agents}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    samples = []
    due_s = time.monotonic()
    for step in range(HOURS * STEPS_AN_HOUR):
        time.sleep(max(0.0, due_s - time.monotonic()))
        due_s = max(due_s + STEP_S, time.monotonic())
        for agent in agents:
            agent.step(BEATS_AN_HOUR // STEPS_AN_HOUR, POSTS_AN_HOUR // STEPS_AN_HOUR)
        while any(agent.under_way for agent in agents):
            for fd, _ in poll.poll(1.0):
                by_fd[fd].receive()
        samples.append(((step + 1) / STEPS_AN_HOUR, server.memory_bytes / 2**20))
        if sys.stdout.isatty() and step % STEPS_AN_HOUR == 0:
            print(f"hour {step // STEPS_AN_HOUR}: {samples[-1][1]:.1f} MiB")
    return samples


if __name__ == "__main__":
    sys.exit(main())
