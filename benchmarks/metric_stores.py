"""Peers from Debian that keep points: VictoriaMetrics and Prometheus (packages victoria-metrics and prometheus)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import httpx

from benchmarks.servers import pinned
from vedette.domain.observations import Observation

VICTORIA, PROMETHEUS, PROMTOOL = "victoria-metrics", "prometheus", "promtool"
_START_S = 20.0


class Feed(Protocol):
    """A peer that is given what we are given."""

    name: str
    points: int

    def take(self, observations: Sequence[Observation]) -> None: ...

    def size(self) -> int:
        """Bytes on disk, once it has put everything there."""
        ...


def missing() -> list[str]:
    """A line for each peer that is not installed."""
    return [
        f"{name} is not installed (Debian package {name}): its comparison is skipped"
        for name in (VICTORIA, PROMETHEUS)
        if shutil.which(name) is None
    ]


@contextmanager
def feeds() -> Iterator[Sequence[Feed]]:
    """Those that are installed."""
    with ExitStack() as stack:
        found: list[Feed] = []
        if shutil.which(VICTORIA):
            found.append(_Victoria(*stack.enter_context(victoria())))
        if shutil.which(PROMTOOL):
            found.append(_Prometheus(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prometheus-")))))
        yield found


@contextmanager
def victoria(*flags: str) -> Iterator[tuple[str, Path]]:
    """The url of a server on the servers' core, and its directory."""
    with tempfile.TemporaryDirectory(prefix="victoria-") as folder:
        port = _free_port()
        command = [VICTORIA, f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}",
                   "-retentionPeriod=100y", "-loggerLevel=ERROR", "-search.latencyOffset=0s", *flags]  # fmt: skip
        process = subprocess.Popen(pinned(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            yield url, Path(folder, "data")
        finally:
            process.terminate()
            process.wait()


class _Victoria:
    name = "VictoriaMetrics"

    def __init__(self, url: str, data: Path) -> None:
        self._url = url
        self._data = data
        self.points = 0

    def take(self, observations: Sequence[Observation]) -> None:
        lines = exposed(observations)
        self.points += len(lines)
        httpx.post(f"{self._url}/api/v1/import/prometheus", content="\n".join(lines), timeout=60).raise_for_status()

    def size(self) -> int:
        for path in ("/internal/force_flush", "/internal/force_merge"):
            httpx.get(self._url + path, timeout=600).raise_for_status()
        time.sleep(5)  # merging goes on behind the answer
        return _size_of(self._data)


class _Prometheus:
    """Blocks made offline, as its own compaction leaves them."""

    name = "Prometheus"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._series: dict[str, list[str]] = {}
        self.points = 0

    def take(self, observations: Sequence[Observation]) -> None:
        for line in exposed(observations, 1000):
            self._series.setdefault(line.partition(" ")[0], []).append(line)
            self.points += 1

    def size(self) -> int:
        text = self._folder / "points.txt"
        with text.open("w") as file:
            for lines in self._series.values():
                file.write("\n".join(lines) + "\n")
            file.write("# EOF\n")
        blocks = self._folder / "blocks"
        command = [PROMTOOL, "tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics", str(text),
                   str(blocks)]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return _size_of(blocks)


def exposed(observations: Sequence[Observation], divisor: int = 1) -> list[str]:
    """A line a number; times are milliseconds divided by the divisor."""
    lines = []
    for one in observations:
        labels = f'{{check="{one.check_id}",zone="{one.place}"}}'
        moment = one.at_ms / divisor if divisor > 1 else one.at_ms
        for name, metric in one.metrics.items():
            if not isinstance(metric.value, str):
                lines.append(f"{name}{labels} {metric.value!r} {moment}")
    return lines


def _wait_for(url: str) -> None:
    until_s = time.monotonic() + _START_S
    while True:
        try:
            httpx.get(url + "/health").raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
