"""A connection that is gone without a word: real agent processes, and a wire that swallows everything."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.relay import Relay
from tests.doors.agent.conftest import World, until, write_config
from tests.doors.agent.test_host_agent import running, start_process
from vedette.agent_endpoint import Limits

INTERVAL_MS = 2_000


@pytest.fixture
def limits() -> Limits:
    """Heartbeats by which a silent server is left within seconds."""
    return Limits(heartbeat_interval_ms=INTERVAL_MS, tls_shutdown_s=0.2)


@pytest.fixture
def relay(world: World) -> Iterator[Relay]:
    with Relay(("127.0.0.1", world.port)) as relay:
        yield relay


def over(relay: Relay, config_file: Path, world: World) -> Path:
    """The configuration with the relay in place of the endpoint."""
    text = config_file.read_text()
    config_file.write_text(text.replace(f":{world.port}", f":{relay.address[1]}"))
    return config_file


async def test_an_agent_process_leaves_it_and_comes_back_and_the_endpoint_forgets_it(
    world: World, relay: Relay, config_file: Path
) -> None:
    process = await start_process(over(relay, config_file, world))
    assert process.stderr is not None
    await until(lambda: world.account.observed)
    (silent,) = world.endpoint.peers
    relay.freeze()
    said = b""
    while b"no connection: nothing heard from the server" not in said:
        said = await process.stderr.readline()
    await world.pass_time(3 * INTERVAL_MS)
    await until(lambda: silent not in world.endpoint.peers)
    assert len(world.account.agents.connections) == 0
    relay.thaw()
    await until(lambda: len(world.account.agents.connections) == 1)
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0


async def test_an_endpoint_that_accepts_and_says_nothing_is_left_for_the_next(
    world: World, relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.agent.host_agent.CONNECT_LIMIT_S", 0.3)
    relay.freeze()
    file = write_config(tmp_path, world)
    mute = f"127.0.0.1:{relay.address[1]}"
    file.write_text(file.read_text().replace("monitoring_endpoints ", f"monitoring_endpoints {mute},"))
    async with running(file):
        await until(lambda: world.account.observed)
