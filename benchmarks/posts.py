"""A load of `check_metrics.post`: TLS connections that each keep some posts under way, in a process on its own core.

`python -m benchmarks.posts` reads a job as one line of JSON, says `ready` when all are welcomed, begins at the next
line of its input, and says what it saw as one line of JSON. Bare sockets and epoll, so that what is measured is the
server.
"""

from __future__ import annotations

import json
import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec

METRICS = 10
UNDER_WAY = 32
"""Posts of one connection that are not acknowledged yet."""


class Job(msgspec.Struct, frozen=True):
    """Whom to post to, as whom, and for which checks."""

    host: str
    port: int
    ca_file: str
    token: str
    checks: dict[str, list[str]]  # agent id -> its checks
    seconds: float
    core: int


class Seen(msgspec.Struct, frozen=True):
    """What came of it."""

    posts: int  # acknowledged
    refused: int
    seconds: float  # to the last acknowledgement


class _Agent:
    """One connection."""

    def __init__(self, job: Job, agent_id: str, checks: Sequence[str]) -> None:
        raw = socket.create_connection((job.host, job.port))
        self.sock = ssl.create_default_context(cafile=job.ca_file).wrap_socket(raw, server_hostname=job.host)
        self._source = f"guid-{agent_id}"
        self._posts = [self._post(check) for check in checks]
        self._sent = 0
        self._rest = b""
        self.under_way = 0
        self.posts = self.refused = 0
        hello = {"token": job.token, "agent_id": agent_id, "features": []}
        self.sock.sendall(self._request(b"0", "handshake.hello", json.dumps(hello).encode()))
        welcome = json.loads(self.sock.recv(65536))
        if "result" not in welcome:
            raise RuntimeError(f"refused: {welcome}")
        self.sock.setblocking(False)

    def _post(self, check: str) -> tuple[bytes, bytes]:
        """What comes before and after the timestamp."""
        metrics = {
            f"metric_{number}": {"t": "int64", "v": str(10**9 + number), "u": "bytes"} for number in range(METRICS)
        }
        params = {"check_id": check, "check_type": "agent.memory", "state": "available", "status": "success"}
        text = json.dumps(params | {"metrics": [[None, metrics]], "timestamp": 0}).encode()
        return text[:-2], b"}"

    def _request(self, number: bytes, method: str, params: bytes) -> bytes:
        ends = f'"source":"{self._source}","target":"endpoint","method":"{method}"'.encode()
        return b'{"v":"1","id":' + number + b"," + ends + b',"params":' + params + b"}\n"

    def send(self, now_ms: int) -> None:
        lines = []
        while self.under_way < UNDER_WAY:
            before, after = self._posts[self._sent % len(self._posts)]
            self._sent += 1
            self.under_way += 1
            # Of one check each post has a timestamp of its own: the same one again would be a duplicate.
            params = before + b"%d" % (now_ms + self._sent) + after
            lines.append(self._request(b"%d" % self._sent, "check_metrics.post", params))
        if lines:
            self.sock.setblocking(True)
            self.sock.sendall(b"".join(lines))
            self.sock.setblocking(False)

    def receive(self) -> None:
        try:
            received = self.sock.recv(65536)
        except ssl.SSLWantReadError:
            return
        if not received:
            raise RuntimeError(f"{self._source}: the server closed the connection")
        data = self._rest + received
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            if b'"method"' in line:  # it is told that its schedule has changed
                continue
            self.under_way -= 1
            self.posts += b'"error"' not in line
            self.refused += b'"error"' in line


def _drive(job: Job, agents: Sequence[_Agent]) -> Seen:
    poll = select.epoll()
    by_fd = {agent.sock.fileno(): agent for agent in agents}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    began_s = time.monotonic()
    for agent in agents:
        agent.send(round(time.time() * 1000))
    while any(agent.under_way for agent in agents):
        is_over = time.monotonic() - began_s >= job.seconds
        for fd, _ in poll.poll(1.0):
            by_fd[fd].receive()
            if not is_over:
                by_fd[fd].send(round(time.time() * 1000))
    seconds = time.monotonic() - began_s
    return Seen(sum(agent.posts for agent in agents), sum(agent.refused for agent in agents), seconds)


def main() -> None:
    """Does the job on standard input."""
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    os.sched_setaffinity(0, {job.core})
    agents = [_Agent(job, agent_id, checks) for agent_id, checks in job.checks.items()]
    _say("ready")
    sys.stdin.readline()
    _say(msgspec.json.encode(_drive(job, agents)).decode())


def _say(text: Any) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
