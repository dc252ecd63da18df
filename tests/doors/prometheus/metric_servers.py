"""Real metric stores of the tests' own, from Debian packages, on free ports of this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil

from tests.acceptance.waiting import until

VICTORIA_METRICS, PROMETHEUS = "victoria-metrics", "prometheus"
STORES = (VICTORIA_METRICS, PROMETHEUS)
"""The names of the programs, which are those of the Debian packages."""

LONG_AGO = "100y"
_CONFIG = """
global: {{}}
storage:
  tsdb:
    out_of_order_time_window: {window}
"""


def missing(program: str) -> str | None:
    """Why there is none here."""
    if shutil.which(program) is None:
        return f"metric stores are tested with the Debian package {program}, which is not installed"
    return None


class MetricServer:
    """Started when made, on `folder`; `port` 0 takes a free one."""

    def __init__(self, program: str, folder: Path, port: int = 0, late_points: str = "30d") -> None:
        """`late_points`: how late points may come out of order, `0s` for never; VictoriaMetrics takes them always."""
        self.program = program
        self.port = port
        self._folder = folder
        self._late_points = late_points
        self._log = folder / "log"
        folder.mkdir(exist_ok=True)
        self.restart()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def restart(self) -> None:
        """On the same port and data."""
        command = _command(self.program, self._folder, self.port, self._late_points)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers, f"{self.program} answers", seen=self._log.read_text)
        self.port = self._listening()[0]

    def settle(self) -> None:
        """What was written is found by queries after this."""
        if self.program == VICTORIA_METRICS:
            httpx.get(f"{self.url}/internal/force_flush", trust_env=False).raise_for_status()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        ready = "/-/ready" if self.program == PROMETHEUS else "/health"
        for port in self._listening():
            try:
                return httpx.get(f"http://127.0.0.1:{port}{ready}", trust_env=False).is_success
            except httpx.HTTPError:
                return False
        return False

    def _listening(self) -> Sequence[int]:
        found = psutil.Process(self.process.pid).net_connections("tcp")
        return [one.laddr.port for one in found if one.status == psutil.CONN_LISTEN]


def _command(program: str, folder: Path, port: int, late_points: str) -> list[str]:
    if program == VICTORIA_METRICS:
        where = [f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder / 'data'}"]
        return [program, *where, f"-retentionPeriod={LONG_AGO}", "-dedup.minScrapeInterval=1ms"]
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(window=late_points))
    where = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'data'}"]
    return [program, *where, f"--config.file={config}", "--web.enable-remote-write-receiver"]
