"""A rotation as the host agent sees it: it stores the new token and comes back with it."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.doors.agent.conftest import World, until, write_config
from tests.doors.agent.test_host_agent import start_process
from tests.fakes.agents import ALICE, ALICE_TOKEN
from vedette.agent import clock
from vedette.agent.config import load
from vedette.agent.host_agent import HostAgent
from vedette.agent.token_file import replace_token
from vedette.domain.tokens import Policy, Reason
from vedette.wire.messages import ROTATE, TOKEN_ROTATION

OLD, NEW = "atAlice0001", "atNew"
NEW_TOKEN = "b" * 64 + ".550123"


async def rotate(world: World) -> None:
    world.account.add_token(ALICE, NEW_TOKEN, NEW, rotated_from=OLD)
    until_ms = world.clock.now_ms + 600_000
    world.account.change_token(OLD, rotated_to=NEW, policy=Policy(expires_at=until_ms))
    await world.follow()


def connected(world: World, public_id: str) -> int:
    return len(world.account.agents.connections.of_token(public_id))


@asynccontextmanager
async def running(file: Path) -> AsyncIterator[HostAgent]:
    agent = HostAgent(load(file), clock.now, lambda: 0.0, partial(replace_token, file))
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        agent.stop()
        await task


async def test_it_stores_the_token_and_comes_back_with_it_while_the_old_one_works(
    world: World, config_file: Path
) -> None:
    async with running(config_file):
        await until(lambda: connected(world, OLD))
        await rotate(world)
        await until(lambda: connected(world, NEW) and not connected(world, OLD))
        assert world.account.agents.counts["tokens_stored"] == 1
        assert world.endpoint.counts["accepted"] == 2
    assert load(config_file).token == NEW_TOKEN


async def test_who_connects_by_the_old_token_afterwards_is_handed_the_new_one(world: World, config_file: Path) -> None:
    await rotate(world)
    async with running(config_file):
        await until(lambda: connected(world, OLD))
        await world.account.agents.step(world.clock(), world.steady())
        await until(lambda: connected(world, NEW))
    assert load(config_file).token == NEW_TOKEN


async def test_when_it_cannot_store_it_it_says_so_and_stays_with_the_old_one(
    world: World, config_file: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with running(config_file):
        await until(lambda: connected(world, OLD))
        config_file.write_text(config_file.read_text().replace(ALICE_TOKEN, "another.1"))
        await rotate(world)
        await until(lambda: "a new token was not taken" in caplog.text)
        written = ""
        while "agent.token_not_stored" not in written:
            await asyncio.sleep(0.01)
            written += "".join(capfd.readouterr())
        assert connected(world, OLD) == 1
    assert "monitoring_token: somebody has changed it" in written
    assert NEW_TOKEN[:9] not in written + caplog.text


async def test_on_the_wire_it_is_a_request_with_the_token_and_an_answer(world: World) -> None:
    client = await world.live(features=[{"name": TOKEN_ROTATION, "version": "1.0.0"}])
    await rotate(world)
    asked = await client.receive()
    assert asked == {
        "v": "1",
        "id": 1_000_000_000,
        "source": "endpoint",
        "target": "guid-1",
        "method": ROTATE,
        "params": {"token": NEW_TOKEN},
    }
    line = {"v": "1", "id": asked["id"], "source": "guid-1", "target": "endpoint", "result": {"stored": True}}
    await client.send(json.dumps(line).encode() + b"\n")
    await until(lambda: world.account.agents.counts["tokens_stored"] == 1)


async def test_a_stock_agent_is_asked_nothing(world: World) -> None:
    client = await world.live(features=[{"name": "upgrades", "version": "1.0.0"}])
    await rotate(world)
    assert "timestamp" in (await client.ask("heartbeat.post", {}))["result"]


async def test_no_observation_is_lost_or_doubled_by_a_rotation(world: World, config_file: Path) -> None:
    world.account.may_store.clear()
    async with running(config_file):
        await until(lambda: world.account.storing == 1)
        await rotate(world)
        await until(lambda: world.account.agents.counts["tokens_stored"] == 1)
        world.account.may_store.set()
        await until(lambda: connected(world, NEW))
    keys = [(seen.check_id, seen.at_ms) for seen in world.account.observed]
    assert keys
    assert len(keys) == len(set(keys))


async def test_told_that_its_token_was_revoked_it_says_so(
    world: World, config_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(config_file):
        await until(lambda: connected(world, OLD))
        world.account.remove_token(OLD, Reason.REVOKED)
        await world.follow()
        await until(lambda: "refused this agent" in caplog.text)
    assert "the server closes the connection: The agent token was revoked (revoked)" in caplog.text
    assert "no connection: the server closed it: The agent token was revoked" in caplog.text
    assert "refused this agent: The agent token was revoked" in caplog.text


async def test_as_a_process_it_keeps_comments_and_mode_and_lives_on_the_new_token(world: World, tmp_path: Path) -> None:
    file = write_config(tmp_path, world)
    file.write_text("# set up by the installer\n" + file.read_text() + "\n# the end\n")
    file.chmod(0o640)
    before = file.read_text()
    process = await start_process(file)
    await until(lambda: connected(world, OLD))
    await rotate(world)
    await until(lambda: connected(world, NEW) and not connected(world, OLD))
    assert file.read_text() == before.replace(ALICE_TOKEN, NEW_TOKEN)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    world.account.remove_token(OLD)
    await world.follow()
    process.send_signal(signal.SIGTERM)
    _, written = await process.communicate()
    assert process.returncode == 0
    assert b"a new token is stored: bbbbbbbb... takes the place of aaaaaaaa..." in written
    assert NEW_TOKEN[:9].encode() not in written
    assert ALICE_TOKEN[:9].encode() not in written
