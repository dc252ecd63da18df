"""`vedette collector` as a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.acceptance.server import LOOPBACK, VEDETTE, Server, run
from tests.acceptance.waiting import until


class CollectorProcess:
    """Of one zone; killed when the block ends."""

    def __init__(self, directory: Path, server: Server, token: str, zone: str, name: str, *flags: str,
                 program: Sequence[str] = VEDETTE) -> None:  # fmt: skip
        host, port = server.agent
        self.token_file = directory / f"{name}.token"
        self.token_file.write_text(f"{token}\n")
        self._output = directory / f"{name}.log"
        command = [
            *program, "collector", "--zone", zone, "--server", f"{host}:{port}", "--ca",
            str(server.data_dir / "tls" / "ca.pem"), "--id", name, "--token-file", str(self.token_file),
            *LOOPBACK, *flags,
        ]  # fmt: skip
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """`kill -9`, and gone when this returns. Safe to call twice."""
        self.process.kill()
        self.process.wait()

    def terminated(self) -> int:
        """The exit code after SIGTERM."""
        self.process.terminate()
        return self.process.wait(timeout=30)

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def lists(self) -> list[int]:
        """How many checks it was given, list by list."""
        lines = [json.loads(line) for line in self.output.splitlines()]
        return [line["count"] for line in lines if line["event"] == "checks"]

    def has(self, count: int, within_s: float = 30.0) -> None:
        """Waits until it runs so many checks."""
        until(lambda: self.lists[-1:] == [count], f"it runs {count} checks", within_s, lambda: self.output)

    def says(self, text: str, within_s: float = 30.0) -> None:
        until(lambda: text in self.output, f"it says {text!r}", within_s, lambda: self.output)


def collector_token(server: Server, zone: str) -> str:
    """Of a built-in zone."""
    made = run("zone", "token", "add", zone, "--data-dir", str(server.data_dir), "--json")
    assert made.returncode == 0, made.stderr
    token: str = json.loads(made.stdout)["token"]
    return token
