"""From an entity to an agent that reports, by the installer's shell script."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.acceptance.client import Client
from tests.acceptance.server import VEDETTE
from tests.acceptance.waiting import until

SHELL = shutil.which("sh") or ""


@pytest.mark.skipif(not SHELL, reason="there is no shell here")
def test_an_installed_agent_connects_and_reports_for_its_entity(tmp_path: Path, client: Client) -> None:
    entity = client.create("entities", label="this host")
    check = client.create(f"entities/{entity}/checks", type="agent.memory", label="memory", period=30)
    made = client.call("POST", "agent_installers", {"entity_id": entity})
    script = httpx.get(made.headers["X-Shell-Installer-Location"], trust_env=False).text
    config, output = tmp_path / "agent.conf", tmp_path / "agent.log"

    subprocess.run(
        [SHELL, "-s", "--", "--config", str(config)], input=script, text=True, check=True, timeout=60,
        env={"PATH": os.defpath, "HOME": str(tmp_path)},
    )  # fmt: skip
    with output.open("wb") as log:
        agent = subprocess.Popen([*VEDETTE, "agent", "--config", str(config)], stdout=log, stderr=subprocess.STDOUT)
    try:
        until(lambda: client.points(entity, check, "total"), "the check's points", seen=output.read_text)
        until(lambda: client.all("agents"), "the agent is listed")
    finally:
        agent.kill()
        agent.wait()

    assert [one["id"] for one in client.all("agents")] == [entity]
