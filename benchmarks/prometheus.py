"""A peer from Debian: how fast Prometheus evaluates rules like ours, by its own measure (package prometheus).

It is given the results of three zones for each alarm, and for each alarm whether two of the three fail: what a quorum
is. It evaluates all rules once a second, whether anything was observed or not; we evaluate each observation once.
"""

from __future__ import annotations

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
from time import monotonic, sleep

from benchmarks.servers import pinned
from benchmarks.table import Row

PROGRAM = "prometheus"
MISSING = "Prometheus is not installed (Debian package prometheus): its comparison is skipped"
NOTE = (
    "Prometheus: alarms a second by its rule group's duration; `sum(probe_success{alarm=...} == bool 0) > 1`\n"
    "  over three zones, written once for each alarm, or once for all `by (alarm)`. Ours: observations a second."
)
_alarms = 2_000
_zones = ("a", "b", "c")
_start_s = 30.0
_groups = {
    "a rule each": [f'sum(probe_success{{alarm="{number}"}} == bool 0) > 1' for number in range(_alarms)],
    "one rule for all": ["sum by (alarm) (probe_success == bool 0) > 1"],
}
_last = re.compile(r'^prometheus_rule_group_last_duration_seconds\{rule_group="[^"]*;([^"]*)"\} (\S+)$', re.MULTILINE)
_loaded = re.compile(r"^prometheus_tsdb_head_series (\S+)$", re.MULTILINE)


def is_installed() -> bool:
    """Whether there is anything to compare with."""
    return shutil.which(PROGRAM) is not None


def rows(pairs: int, ours: Callable[[], float]) -> list[Row]:
    """A row for each way to write the rules; `ours` measures us once, and takes turns with what it is held against."""
    measured: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in _groups}
    with _prometheus() as url:
        for _ in range(pairs):
            sleep(1.2)  # another evaluation has gone by, with nothing else on the core
            for name, duration_s in _last.findall(_read(url)):
                measured[name][1].append(_alarms / float(duration_s))
            once = ours()
            for mine, _ in measured.values():
                mine.append(once)
    return [
        Row("evaluate: 3 zones, QUORUM, steady", f"Prometheus, {name}", mine, theirs, "/s", aim=1)
        for name, (mine, theirs) in measured.items()
    ]


@contextmanager
def _prometheus() -> Iterator[str]:
    """The address of its metrics, once all rules have been evaluated over all series."""
    with tempfile.TemporaryDirectory(prefix="prometheus-") as folder, _exporter() as exporter:
        place, port = Path(folder), _free_port()
        (place / "rules.yml").write_text(_rules())
        (place / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{place / 'rules.yml'}]\n"
            f"scrape_configs: [{{job_name: zones, static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]}}]\n"
        )
        options = ["--config.file", str(place / "prometheus.yml"), "--storage.tsdb.path", str(place / "data")]
        command = [PROGRAM, *options, "--web.listen-address", f"127.0.0.1:{port}", "--log.level", "error"]
        process = subprocess.Popen(pinned(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}/metrics"
            _wait_for(url)
            yield url
        finally:
            process.terminate()
            process.wait()


def _rules() -> str:
    lines = ["groups:"]
    for name, expressions in _groups.items():
        lines += [f"- name: {name}", "  rules:"]
        lines += [f"  - {{alert: A{number}, expr: '{text}'}}" for number, text in enumerate(expressions)]
    return "\n".join(lines)


@contextmanager
def _exporter() -> Iterator[int]:
    """The port of a server that has a result of each zone for each alarm, good ones."""
    lines = [f'probe_success{{alarm="{number}",zone="{zone}"}} 1' for number in range(_alarms) for zone in _zones]
    body = ("\n".join(lines) + "\n").encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
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
    """Until all series are there and every group has been evaluated over them."""
    until, needed = monotonic() + _start_s, _alarms * len(_zones)
    seen_s: float | None = None
    while monotonic() < until:
        try:
            text = _read(url)
        except OSError:
            text = ""
        series = _loaded.search(text)
        if series is not None and float(series[1]) > needed and len(_last.findall(text)) == len(_groups):
            seen_s = seen_s or monotonic()
            if monotonic() - seen_s > 3:
                return
        sleep(0.2)
    raise RuntimeError(f"Prometheus did not evaluate its rules within {_start_s:.0f} s")


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 -- an address of our own
        text: str = answer.read().decode()
        return text


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
