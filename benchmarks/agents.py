"""Simulated agents: many TLS connections of one process, each welcomed, then idle but for its heartbeats.

`python -m benchmarks.agents` reads a job as one line of JSON, says `ready` when all are connected, and at the end, when
the server has cut them all or a minute has passed since the cutting began, what it saw as one line of JSON. Written
with bare sockets and epoll, so that what is measured is the server.
"""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import ssl
import sys
import time
from typing import Any

import msgspec

HEARTBEAT_S = 30.0
TICK_S = 0.5
GIVE_UP_S = 60.0


class Job(msgspec.Struct, frozen=True):
    """What to connect to, and as whom."""

    host: str
    port: int
    ca_file: str
    token: str
    first: int  # number of the first agent
    count: int
    features: list[str]
    core: int


class Seen(msgspec.Struct, frozen=True):
    """When the first and the last connection were cut, by the system's monotonic clock; and how many."""

    first_s: float
    last_s: float
    cut: int
    told: int  # by `connection.closing`


class Agents:
    """The connections of one job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._tls = ssl.create_default_context(cafile=job.ca_file)
        self._poll = select.epoll()
        self._by_fd: dict[int, ssl.SSLSocket] = {}
        self._cuts: list[float] = []
        self._told = 0

    def connect(self) -> None:
        for number in range(self._job.first, self._job.first + self._job.count):
            source = f"127.0.0.{2 + number % 8}"  # one address has ports for 28,000 connections, and some are in use
            raw = socket.create_connection((self._job.host, self._job.port), source_address=(source, 0))
            sock = self._tls.wrap_socket(raw, server_hostname=self._job.host)
            features = [{"name": name} for name in self._job.features]
            hello = {"token": self._job.token, "agent_id": f"agent-{number}", "features": features}
            sock.sendall(_request(0, number, "handshake.hello", hello))
            welcome = json.loads(sock.recv(65536))
            if "result" not in welcome:
                raise RuntimeError(f"refused: {welcome}")
            sock.setblocking(False)
            self._by_fd[sock.fileno()] = sock
            self._poll.register(sock, select.EPOLLIN | select.EPOLLRDHUP)

    def wait(self) -> Seen:
        """Until all are cut."""
        beat_s = time.monotonic()
        while self._by_fd and not (self._cuts and time.monotonic() - self._cuts[0] > GIVE_UP_S):
            for fd, _ in self._poll.poll(TICK_S, 1024):
                self._look(fd)
            if time.monotonic() - beat_s >= HEARTBEAT_S:
                beat_s = time.monotonic()
                for number, sock in enumerate(list(self._by_fd.values())):
                    sock.send(_request(1, number, "heartbeat.post", {"timestamp": 0}))
        return Seen(min(self._cuts, default=0.0), max(self._cuts, default=0.0), len(self._cuts), self._told)

    def _look(self, fd: int) -> None:
        sock = self._by_fd[fd]
        try:
            data = sock.recv(65536)
        except ssl.SSLWantReadError:
            return
        except OSError:
            data = b""
        if not data:
            self._cuts.append(time.monotonic())
            self._poll.unregister(fd)
            del self._by_fd[fd]
            sock.close()
        elif b'"connection.closing"' in data:
            self._told += 1
            answer = {"v": "1", "id": json.loads(data)["id"], "source": "g", "result": []}
            sock.send(json.dumps(answer).encode() + b"\n")


def _request(id: int, number: int, method: str, params: dict[str, Any]) -> bytes:
    message = {"v": "1", "id": id, "source": f"guid-{number}", "target": "endpoint", "method": method, "params": params}
    return json.dumps(message).encode() + b"\n"


def main() -> None:
    """Does the job on standard input."""
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    os.sched_setaffinity(0, {job.core})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    agents = Agents(job)
    agents.connect()
    print("ready", flush=True)
    print(msgspec.json.encode(agents.wait()).decode(), flush=True)


if __name__ == "__main__":
    main()
