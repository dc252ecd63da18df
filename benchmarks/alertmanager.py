"""A peer from Debian: from a flip to the webhook by Prometheus and Alertmanager (packages of those names).

Set as fast as it goes: scrape and evaluation each second, `group_wait` 0. Each flip is a series of its own, so that no
group waits for one before.
"""

from __future__ import annotations

import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from time import monotonic, sleep

from benchmarks.servers import pinned

NAME = "Prometheus + Alertmanager"
MISSING = (
    "Prometheus and Alertmanager are not both installed (Debian packages prometheus, prometheus-alertmanager): skipped"
)
PROGRAMS = ("prometheus", "prometheus-alertmanager")

_flips = 7
_start_s = 30.0
_patience_s = 30.0
_flip = re.compile(rb'"flip":"(\d+)"')


def is_installed() -> bool:
    """Whether there is anything to compare with."""
    return all(shutil.which(program) for program in PROGRAMS)


class _Board:
    """What is scraped and what was received, by flip."""

    def __init__(self) -> None:
        self.flip = 0
        self.received: Queue[tuple[int, float]] = Queue()

    def text(self) -> bytes:
        return f'fault{{flip="{self.flip}"}} 1\n'.encode() if self.flip else b"fault 0\n"

    def took(self, body: bytes) -> None:
        now_s, found = monotonic(), _flip.search(body)
        if found is not None:
            self.received.put((int(found[1]), now_s))

    def delays_s(self) -> list[float]:
        """Of some flips at random moments."""
        delays = []
        for _ in range(_flips):
            sleep(1.0 + random.random())  # a whole round and any part of one
            began_s = monotonic()
            self.flip += 1
            while (took := self.received.get(timeout=_patience_s))[0] != self.flip:
                continue
            delays.append(took[1] - began_s)
        return delays


@contextmanager
def paging() -> Iterator[Callable[[], list[float]]]:
    """Some delays, in seconds, each time that it is called; all processes share the server's core."""
    board = _Board()
    with tempfile.TemporaryDirectory(prefix="alertmanager-") as folder, _served(board) as port:
        place, ports = Path(folder), [_free_port() for _ in PROGRAMS]
        _write(place, port, ports[1])
        running = [subprocess.Popen(pinned(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for command in _commands(place, ports)]  # fmt: skip
        try:
            for listening in ports:
                _wait_for(f"http://127.0.0.1:{listening}/-/ready")
            yield board.delays_s
        finally:
            for process in running:
                process.terminate()
                process.wait()


def _write(place: Path, port: int, alertmanager: int) -> None:
    (place / "rules.yml").write_text("groups: [{name: flips, rules: [{alert: Fault, expr: fault == 1}]}]\n")
    (place / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{place / 'rules.yml'}]\n"
        f"scrape_configs: [{{job_name: board, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}\n"
    )
    (place / "alertmanager.yml").write_text(
        "route: {receiver: board, group_by: [flip], group_wait: 0s}\n"
        "receivers: [{name: board, webhook_configs:"
        f" [{{url: 'http://127.0.0.1:{port}/', send_resolved: false}}]}}]\n"
    )


def _commands(place: Path, ports: list[int]) -> list[list[str]]:
    first, second = (f"127.0.0.1:{port}" for port in ports)
    prometheus = ["--config.file", str(place / "prometheus.yml"), "--storage.tsdb.path", str(place / "data")]
    alertmanager = ["--config.file", str(place / "alertmanager.yml"), "--storage.path", str(place / "told")]
    return [
        [PROGRAMS[0], *prometheus, "--web.listen-address", first],
        [PROGRAMS[1], *alertmanager, "--web.listen-address", second, "--cluster.listen-address", ""],
    ]


@contextmanager
def _served(board: _Board) -> Iterator[int]:
    """The port of what is scraped and of the webhook."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(board.text())

        def do_POST(self) -> None:
            board.took(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing of each request."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def _wait_for(url: str) -> None:
    until_s = monotonic() + _start_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - an address of our own
                return
        except OSError:
            if monotonic() > until_s:
                raise
            sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
