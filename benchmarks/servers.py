"""Servers under test, each a process pinned to one core."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import psutil

from vedette.app.storage import open_stores
from vedette.config import load

SERVER_CORE, LOAD_CORE = 0, 1
_FREE = {"rate.global": 0, "checks": 10**9, "alarms": 10**9}


def pinned(command: list[str]) -> list[str]:
    """The command, run on the server's core."""
    return ["taskset", "--cpu-list", str(SERVER_CORE), *command]


@contextmanager
def noop() -> Iterator[int]:
    """The do-nothing server's port."""
    process = subprocess.Popen(
        pinned([sys.executable, "-m", "benchmarks.noop"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


@contextmanager
def vedette(*flags: str) -> Iterator[dict[str, Any]]:
    """`credentials.json` of a server whose tenant has no limits, with `token`, `pid` and `directory` added."""
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as directory:
        process = _start(directory, *flags)
        try:
            credentials = json.loads(Path(directory, "credentials.json").read_text())
            _stop(process)
            asyncio.run(_lift_limits(directory))
            process = _start(directory, *flags)
            credentials = json.loads(Path(directory, "credentials.json").read_text())
            yield credentials | {"token": log_in(credentials), "pid": process.pid, "directory": directory}
        finally:
            _stop(process)


class Restarted:
    """A server that can be killed and started again: the same directory, the same addresses."""

    credentials: dict[str, Any]

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="vedette-bench-")
        self._flags: tuple[str, ...] = ()
        self.start()
        self._process.terminate()
        self._process.wait()
        asyncio.run(_lift_limits(self._directory.name))
        self.start()
        host, _, port = self.credentials["agent_endpoint"].rpartition(":")
        self._flags = ("--agent", f"{host}:{port}")  # agents come back to where it was
        return self

    def __exit__(self, *_error: object) -> None:
        _stop(self._process)
        self._directory.cleanup()

    def start(self) -> None:
        """The log-in is a new one."""
        self._process = _start(self._directory.name, *self._flags)
        self.credentials = json.loads(Path(self._directory.name, "credentials.json").read_text())
        self.credentials |= {"token": log_in(self.credentials), "directory": self._directory.name}

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def memory_bytes(self) -> int:
        """What the process holds of the machine's memory."""
        held: int = psutil.Process(self._process.pid).memory_info().rss
        return held


def _start(directory: str, *flags: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vedette", "serve", "--data-dir", directory, "--http", "127.0.0.1:0", "--agent",
               "127.0.0.1:0", "--log-level", "error", *flags]  # fmt: skip
    process = subprocess.Popen(pinned(command), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "SIGTERM" in line:
            return process
    raise RuntimeError("the server ended before it was running")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait()


async def _lift_limits(directory: str) -> None:
    async with open_stores(load({"data_dir": directory}, environment={})) as opened:
        for tenant in await opened.accounts.tenants():
            free = msgspec.structs.replace(tenant, revision=tenant.revision + 1, limits=_FREE)
            await opened.commit(opened.accounts.update_tenant(free, tenant.revision))


def log_in(credentials: dict[str, Any]) -> str:
    """A token for the user and API key in `credentials`."""
    given = {"username": credentials["username"], "apiKey": credentials["api_key"]}
    answer = httpx.post(credentials["identity_url"] + "/tokens", json={"auth": {"RAX-KSKEY:apiKeyCredentials": given}})
    token: str = answer.json()["access"]["token"]["id"]
    return token


__all__ = ["LOAD_CORE", "SERVER_CORE", "Restarted", "log_in", "noop", "pinned", "vedette"]
