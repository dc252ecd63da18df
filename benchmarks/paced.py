"""A steady load of points, in a process on its own core: posts of an agent over TLS, or imports into VictoriaMetrics.

`python -m benchmarks.paced` reads a job as one line of JSON, says `ready` when the load is on, and ends when its input
does.
"""

from __future__ import annotations

import json
import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable

import httpx
import msgspec

METRICS = 10
TICK_S = 0.02


class Job(msgspec.Struct, frozen=True):
    """Where to, and how much."""

    core: int
    posts_a_tick: int  # of METRICS points each
    checks: list[str]
    victoria: str = ""  # url; else as an agent:
    host: str = ""
    port: int = 0
    ca_file: str = ""
    token: str = ""
    agent_id: str = ""


class _Agent:
    """One connection whose answers are read and thrown away."""

    def __init__(self, job: Job) -> None:
        raw = socket.create_connection((job.host, job.port))
        self._socket = ssl.create_default_context(cafile=job.ca_file).wrap_socket(raw, server_hostname=job.host)
        self._job = job
        self._sent = 0
        self._send("handshake.hello", {"token": job.token, "agent_id": job.agent_id, "features": []})
        if b'"result"' not in self._socket.recv(65_536):
            raise RuntimeError("refused")

    def __call__(self, now_ms: int) -> None:
        for number in range(self._job.posts_a_tick):
            metrics = {
                f"metric_{n}": {"t": "int64", "v": str(now_ms % 1_000 + n), "u": "bytes"} for n in range(METRICS)
            }
            check = self._job.checks[self._sent % len(self._job.checks)]
            post = {"check_id": check, "check_type": "agent.memory", "state": "available",
                    "status": "success", "metrics": [[None, metrics]], "timestamp": now_ms + number}  # fmt: skip
            self._send("check_metrics.post", post)
        while select.select([self._socket], [], [], 0)[0] or self._socket.pending():
            self._socket.recv(65_536)

    def _send(self, method: str, params: object) -> None:
        self._sent += 1
        message = {"v": "1", "id": self._sent, "source": "paced", "target": "endpoint", "method": method}
        self._socket.sendall(json.dumps(message | {"params": params}).encode() + b"\n")


class _Victoria:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._client = httpx.Client(base_url=job.victoria)
        self._sent = 0

    def __call__(self, now_ms: int) -> None:
        lines = []
        for number in range(self._job.posts_a_tick):
            self._sent += 1
            check = self._job.checks[self._sent % len(self._job.checks)]
            lines += [f'metric_{n}{{check="{check}"}} {now_ms % 1_000 + n} {now_ms + number}' for n in range(METRICS)]
        self._client.post("/api/v1/import/prometheus", content="\n".join(lines)).raise_for_status()


def main() -> None:
    """Does the job on standard input until that ends."""
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    os.sched_setaffinity(0, {job.core})
    send: Callable[[int], None] = _Victoria(job) if job.victoria else _Agent(job)
    print("ready", flush=True)
    due_s = time.monotonic()
    while not select.select([sys.stdin], [], [], max(due_s - time.monotonic(), 0))[0]:
        send(round(time.time() * 1000))
        due_s += TICK_S  # an open loop: what is late is made up for


if __name__ == "__main__":
    main()
