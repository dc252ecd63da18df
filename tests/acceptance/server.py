"""`vedette serve` as a process of its own, on free ports and a temporary data directory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.acceptance.waiting import until

VEDETTE = (sys.executable, "-m", "vedette")
FREE = ("--http", "127.0.0.1:0", "--agent", "127.0.0.1:0")
LOOPBACK = ("--allow-network", "127.0.0.0/8")
READY = "Stop with"
"""Of the last line of the start-up screen."""


class Server:
    """One data directory and the server that runs on it, if any; killed when the block ends."""

    def __init__(self, data_dir: Path, *flags: str, program: Sequence[str] = VEDETTE) -> None:
        self._program = program
        self.data_dir = data_dir
        self.flags = flags
        self._screen = data_dir.parent / f"{data_dir.name}.screen"
        self._log = data_dir.parent / f"{data_dir.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> Self:
        """Returns when every door is open."""
        self.launch()
        until(self.is_up_or_dead, "the server is up", seen=lambda: self.log[-2000:])
        assert self.is_up, f"the server ended, {self.running.returncode}: {self.log[-2000:]}"
        return self

    def launch(self) -> None:
        """Begins to start it."""
        command = [*self._program, "serve", "--data-dir", str(self.data_dir), *FREE, *LOOPBACK, *self.flags]
        with self._screen.open("wb") as screen, self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=screen, stderr=log)

    @property
    def is_up(self) -> bool:
        return READY in self.screen

    def is_up_or_dead(self) -> bool:
        return self.is_up or self.running.poll() is not None

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "it was not started"
        return self.process

    @property
    def screen(self) -> str:
        return self._screen.read_text()

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def logged(self) -> list[dict[str, Any]]:
        """Every line of the log; that is what makes sure that all of it is structured."""
        return [json.loads(line) for line in self.log.splitlines()]

    @property
    def api(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self._shown(r"API +(http\S+)/v1\.0")

    @property
    def agent(self) -> tuple[str, int]:
        host, _, port = self._shown(r"Agents +(\S+) ").rpartition(":")
        return host, int(port)

    @property
    def ca_file(self) -> Path:
        return Path(self.credentials["ca_file"])

    @property
    def credentials(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.data_dir / "credentials.json").read_text())
        return found

    def kill(self) -> None:
        """`kill -9`, and gone when this returns. Safe to call twice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def terminate(self) -> None:
        """SIGTERM."""
        self.running.terminate()

    def ended(self, within_s: float = 30.0) -> int:
        """The exit code, once it has ended by itself or by a signal."""
        until(lambda: self.running.poll() is not None, "the server ends", within_s, lambda: self.log[-2000:])
        return int(self.running.returncode)

    def _shown(self, pattern: str) -> str:
        found = re.search(pattern, self.screen)
        assert found is not None, f"{pattern} is not on the screen: {self.screen}"
        return found.group(1)


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """`vedette ...` to its end."""
    command = [*VEDETTE, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
