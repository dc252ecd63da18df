"""The host agent against the endpoint, over real TLS."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.doors.agent.certificates import make_certificates
from tests.doors.agent.conftest import World, until, write_config
from tests.fakes.agents import check, entity
from vedette.agent import clock
from vedette.agent.config import load
from vedette.agent.host_agent import HostAgent
from vedette.domain.ids import CheckId
from vedette.wire.moment import Moment


@asynccontextmanager
async def running(config_file: Path, now: Callable[[], Moment] = clock.now) -> AsyncIterator[HostAgent]:
    agent = HostAgent(load(config_file), now, lambda: 0.0)
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        agent.stop()
        await task


async def test_it_connects_fetches_runs_and_posts(world: World, config_file: Path) -> None:
    world.account.put(check("chLoad", "agent.load_average"))
    async with running(config_file):
        await until(lambda: len(world.account.observed) == 2)
    by_check = {observation.check_id: observation for observation in world.account.observed}
    memory, load_average = by_check[CheckId("chMem")], by_check[CheckId("chLoad")]
    assert memory.metrics["total"].value > 0  # type: ignore[operator]
    assert (memory.metrics["total"].type, memory.metrics["total"].unit) == ("L", "bytes")
    assert load_average.metrics.keys() == {"1m", "5m", "15m"}
    assert (memory.available, memory.status, memory.check_revision, memory.buffers) == (True, "success", 1, True)


async def test_a_changed_schedule_reaches_it_and_its_posts_carry_the_new_revision(
    world: World, config_file: Path
) -> None:
    async with running(config_file):
        await until(lambda: world.account.observed)
        await world.account.agents.follow(world.account.put(check("chMem", period=90)), world.steady())
        await until(lambda: world.account.observed[-1].check_revision == 2)


async def test_binding_the_entity_later_starts_the_checks(world: World, config_file: Path) -> None:
    world.account.put(entity(agent_id=None))
    async with running(config_file):
        await until(lambda: len(world.account.agents.connections) == 1)
        await world.account.agents.follow(world.account.put(entity()), world.steady())
        await until(lambda: world.account.observed)


async def test_what_it_saw_while_the_server_was_away_is_sent_later_with_its_own_time(
    world: World, config_file: Path
) -> None:
    def same_time_on_both_sides() -> Moment:
        world.clock.now_ms += 1
        return Moment(world.clock(), world.clock())

    world.account.put(check("chMem", period=1))
    async with running(config_file, same_time_on_both_sides) as agent:
        await until(lambda: world.account.observed)
        world.account.database.is_available = False  # new handshakes are refused, what is posted cannot be stored
        for live in world.account.agents.connections.of_token("atAlice0001"):
            live.close("a test")
        await until(lambda: len(agent.buffer) >= 2)
        world.account.database.is_available = True
        await until(lambda: len(world.account.observed) >= 3)
    times = [observation.at_ms for observation in world.account.observed]
    assert times == sorted(set(times))
    assert world.account.observed[1].at_ms < world.account.observed[1].arrival_ms


async def test_what_was_on_its_way_when_the_connection_broke_is_sent_again(world: World, config_file: Path) -> None:
    def same_time_on_both_sides() -> Moment:
        return Moment(world.clock(), world.clock())

    world.account.may_store.clear()
    async with running(config_file, same_time_on_both_sides):
        await until(lambda: world.account.storing == 1)
        world.clock.now_ms += 5_000
        for live in world.account.agents.connections.of_token("atAlice0001"):
            live.close("a test")
        world.account.may_store.set()
        await until(lambda: len(world.account.observed) == 2)
    first, again = world.account.observed
    assert (first.check_id, first.sender, first.at_ms) == (again.check_id, again.sender, again.at_ms)
    assert again.arrival_ms == first.arrival_ms + 5_000


async def test_while_the_server_cannot_store_nothing_is_lost(
    world: World, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.agent.link.PAUSE_MS", 100)
    world.account.put(check("chMem", period=1))
    async with running(config_file) as agent:
        await until(lambda: world.account.observed)
        seen = len(world.account.observed)
        world.account.database.is_available = False
        await until(lambda: len(agent.buffer) >= 2)
        assert len(world.account.observed) == seen
        world.account.database.is_available = True
        await until(lambda: len(world.account.observed) >= seen + 2)
        assert world.endpoint.counts["accepted"] == 1


async def test_a_wrong_token_is_told_clearly_and_shows_no_token(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(write_config(tmp_path, world, token="f" * 64 + ".550123")):
        await until(lambda: "refused" in caplog.text)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == (
        f"127.0.0.1:{world.port} refused this agent: The agent token is unknown "
        "(monitoring_token ffffffff..., monitoring_id web-1)"
    )
    assert "f" * 9 not in caplog.text
    assert world.endpoint.counts["accepted"] == 1


async def test_a_certificate_of_another_authority_is_not_trusted(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = make_certificates(tmp_path)
    file = write_config(tmp_path, world)
    file.write_text(file.read_text().replace(str(world.certificates.ca_file), str(other.ca_file)))
    async with running(file):
        await until(lambda: "certificate is not trusted" in caplog.text)
    assert not world.account.observed


async def test_a_certificate_for_another_host_is_not_trusted(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = make_certificates(tmp_path, names=("elsewhere.example",))
    world.certificates = elsewhere
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(elsewhere.server_file)
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=context)
    world.port = server.sockets[0].getsockname()[1]
    async with running(write_config(tmp_path, world, host="localhost")):
        await until(lambda: "certificate is not trusted: Hostname mismatch" in caplog.text)
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("other", ["127.0.0.1:1", "nowhere.invalid:50041", f"{'x' * 64}.invalid:50041"])
async def test_the_next_endpoint_is_tried_when_one_does_not_answer(world: World, tmp_path: Path, other: str) -> None:
    file = write_config(tmp_path, world)
    file.write_text(file.read_text().replace("monitoring_endpoints ", f"monitoring_endpoints {other},"))
    async with running(file):
        await until(lambda: world.account.observed)


async def test_an_unknown_check_type_is_passed_over(
    world: World, config_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world.account.put(check("chNew", "agent.windows_perfos"))
    async with running(config_file):
        await until(lambda: world.account.observed)
    assert "agent.windows_perfos checks are not run" in caplog.text
    assert {observation.check_id for observation in world.account.observed} == {"chMem"}


async def test_as_a_process_it_ends_cleanly_on_sigterm(world: World, config_file: Path) -> None:
    process = await start_process(config_file)
    await until(lambda: world.account.observed)
    process.send_signal(signal.SIGTERM)
    _, written = await process.communicate()
    assert process.returncode == 0
    assert written.decode().rstrip().endswith("stopped")
    await until(lambda: len(world.account.agents.connections) == 0)


async def test_as_a_process_a_wrong_token_is_said_on_stderr(world: World, tmp_path: Path) -> None:
    process = await start_process(write_config(tmp_path, world, token="f" * 64 + ".550123"))
    assert process.stderr is not None
    line = await process.stderr.readline()
    assert b"refused this agent: The agent token is unknown" in line
    assert b"f" * 9 not in line
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def test_as_a_process_a_bad_configuration_ends_it_with_status_2(tmp_path: Path) -> None:
    file = tmp_path / "agent.cfg"
    file.write_text("monitoring_token t.1\nmonitoring_endpoints nowhere\n")
    process = await start_process(file)
    _, written = await process.communicate()
    assert process.returncode == 2
    assert b"line 2: monitoring_endpoints: expected HOST:PORT" in written


async def start_process(config_file: Path) -> asyncio.subprocess.Process:
    program = (
        "import sys; from pathlib import Path; from vedette.agent.main import run_agent; "
        "sys.exit(run_agent(Path(sys.argv[1])))"
    )
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(config_file), stderr=asyncio.subprocess.PIPE
    )
