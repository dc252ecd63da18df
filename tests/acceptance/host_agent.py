"""`vedette agent` as a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.acceptance.server import VEDETTE, Server
from tests.acceptance.waiting import until


class HostAgent:
    """Runs with the documented four lines of configuration; killed when the block ends."""

    def __init__(
        self,
        directory: Path,
        server: Server,
        token: str,
        agent_id: str,
        flags: Sequence[str] = (),
        *,
        endpoints: str = "{}",
        program: Sequence[str] = VEDETTE,
    ) -> None:
        """`{}` in `endpoints` is where the server is."""
        host, port = server.agent
        self._config = directory / f"{agent_id}.cfg"
        self._config.write_text(
            f"monitoring_token {token}\n"
            f"monitoring_id {agent_id}\n"
            f"monitoring_endpoints {endpoints.format(f'{host}:{port}')}\n"
            f"certificate_path {server.ca_file}\n"
        )
        self._output = directory / f"{agent_id}.log"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*program, "agent", "--config", str(self._config), *flags], stdout=output, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def token(self) -> str:
        """As its file has it."""
        return self._config.read_text().partition("monitoring_token ")[2].partition("\n")[0]

    @property
    def connections(self) -> int:
        """How often it was welcomed."""
        return self.output.count("connected; ")

    def connects(self, times: int) -> None:
        """Waits until it was welcomed so often."""
        until(lambda: self.connections == times, f"it connects {times} times", seen=lambda: self.output)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def says(self, text: str, within_s: float = 30.0) -> None:
        """Waits for a text in its output."""
        until(lambda: text in self.output, f"the agent says {text!r}", within_s, lambda: self.output)

    def terminated(self) -> int:
        """The exit code after SIGTERM."""
        self._process.terminate()
        return self._process.wait(timeout=30)
