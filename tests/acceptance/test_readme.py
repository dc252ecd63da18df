"""The README, as a newcomer follows it: its second shell is a bash that gets the blocks as printed."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import pytest

from tests.acceptance.client import Client
from tests.acceptance.server import Server
from tests.acceptance.waiting import until

README = Path(__file__).parents[2] / "README.md"
SECOND_SHELL = re.compile(r"^```sh\n# shell: second\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PERIOD_S = 30
SLACK_S = 15  # for probe, evaluation and webhook on a busy machine

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="package curl is missing")


def blocks() -> list[str]:
    """Of the second shell, with this interpreter's `vedette`."""
    vedette = f"{sys.executable} -m vedette"
    return [block.replace(".venv/bin/vedette", vedette) for block in SECOND_SHELL.findall(README.read_text())]


def free_ports() -> Iterator[int]:
    """The README's commands want to be told their ports: free ones that no `port 0` is ever given."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                yield port


class Shell:
    """A bash in a directory of its own, fed block by block. Ends with everything that was started in it."""

    def __init__(self, directory: Path) -> None:
        self._output = directory / "second-shell.log"
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        with self._output.open("wb") as output:
            self._bash = subprocess.Popen(
                ["/bin/bash"], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd=directory,
                env=environment, start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate()

    def type(self, block: str) -> None:
        """Without waiting for its end."""
        assert self._bash.stdin is not None
        self._bash.stdin.write(block.encode())
        self._bash.stdin.flush()

    def run(self, block: str) -> str:
        """To its end; what was printed meanwhile."""
        before = self.output
        self.type(f"{block}\necho 'end of block'\n")
        until(lambda: "end of block" in self.output[len(before) :], "the block ends", seen=lambda: self.output)
        return self.output[len(before) :].replace("end of block\n", "")

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def told(self) -> list[str]:
        """The lines of the receiver."""
        return [line for line in self.output.splitlines() if line.startswith(("OK ", "WARNING ", "CRITICAL "))]

    def in_foreground(self) -> psutil.Process:
        """What the shell waits for."""
        child = until(lambda: self._child("agent"), "the agent runs", seen=lambda: self.output)
        assert child is not None
        return child

    def _child(self, word: str) -> psutil.Process | None:
        children = psutil.Process(self._bash.pid).children()
        return next((child for child in children if word in command_line(child)), None)


def command_line(process: psutil.Process) -> list[str]:
    """Empty for one that has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


@needs_curl
@pytest.mark.timeout(300)
def test_a_newcomer_who_follows_the_readme_sees_it_work(server: Server, client: Client, shell: Shell) -> None:
    receivers, setting_up, stopping, starting, plotting, agent = blocks()
    web, hook = islice(free_ports(), 2)
    receivers = receivers.replace("WEB=8000 HOOK=8001", f"WEB={web} HOOK={hook}")
    assert f"WEB={web}" in receivers

    assert shell.run(receivers) == ""
    until(lambda: answers(web) and answers(hook), "the receivers listen", seen=lambda: shell.output)
    assert shell.run(setting_up) == ""
    until(lambda: len(zones_seen(client)) == 3, "each zone has probed", PERIOD_S + SLACK_S)
    assert shell.told == []

    shell.run(stopping)
    until(lambda: shell.told, "a webhook", 2 * PERIOD_S + SLACK_S, lambda: server.log)
    shell.run(starting)
    until(lambda: len(shell.told) > 1, "another webhook", 2 * PERIOD_S + SLACK_S, lambda: server.log)
    critical, ok = shell.told
    assert critical.startswith("CRITICAL ")
    assert ok == "OK fine"

    *plots, changes = [json.loads(line)["values"] for line in shell.run(plotting).splitlines()]
    assert len(plots) == 3
    assert all(plots)
    assert [change["state"] for change in changes] == ["OK", "CRITICAL", "OK"]

    shell.type(agent)
    process = shell.in_foreground()
    until(lambda: memory_points(client), "the agent's points", seen=lambda: shell.output)
    process.terminate()
    until(lambda: not process.is_running(), "the agent ends", seen=lambda: shell.output)
    assert shell.told == [critical, ok]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Shell(tmp_path) as shell:
        yield shell


def answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def zones_seen(client: Client) -> set[str]:
    """The zones that have points."""
    return {name.partition(".")[0] for name in metric_names(client, "remote.http")}


def metric_names(client: Client, check_type: str) -> list[str]:
    return [metric["name"] for path in checks(client, check_type) for metric in client.all(f"{path}/metrics")]


def checks(client: Client, check_type: str) -> list[str]:
    paths = [f"entities/{entity['id']}/checks" for entity in client.all("entities")]
    return [f"{path}/{check['id']}" for path in paths for check in client.all(path) if check["type"] == check_type]


def memory_points(client: Client) -> list[Any]:
    """Those of the memory that is used, if the agent has posted any."""
    found = checks(client, "agent.memory")
    if not found:
        return []
    _, entity, _, check = found[0].split("/")
    return client.points(entity, check, "actual_used")
