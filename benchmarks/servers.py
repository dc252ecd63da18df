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
from typing import Any

import httpx
import msgspec

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
    """`credentials.json` of a server whose tenant has no limits, with `token` of a log-in added."""
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as directory:
        process = _start(directory, *flags)
        try:
            credentials = json.loads(Path(directory, "credentials.json").read_text())
            _stop(process)
            asyncio.run(_lift_limits(directory))
            process = _start(directory, *flags)
            credentials = json.loads(Path(directory, "credentials.json").read_text())
            yield credentials | {"token": _log_in(credentials), "pid": process.pid}
        finally:
            _stop(process)


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


def _log_in(credentials: dict[str, Any]) -> str:
    given = {"username": credentials["username"], "apiKey": credentials["api_key"]}
    answer = httpx.post(credentials["identity_url"] + "/tokens", json={"auth": {"RAX-KSKEY:apiKeyCredentials": given}})
    token: str = answer.json()["access"]["token"]["id"]
    return token


__all__ = ["LOAD_CORE", "SERVER_CORE", "noop", "pinned", "vedette"]
