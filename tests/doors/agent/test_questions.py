"""Requests to agents over real TLS: a bare peer that answers as it likes, and our own agent that answers for real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from tests.doors.agent.conftest import Client, World, until, write_config
from tests.doors.agent.test_host_agent import running
from tests.fakes.agents import ALICE
from vedette.agent import questions
from vedette.agent.host_info import known_types
from vedette.domain.host_info import HOST_INFO_TYPES, wire_name
from vedette.domain.tokens import Reason
from vedette.services.agent_connections import Live
from vedette.services.agent_replies import BUSY, NOT_CONNECTED, Outcome, Reply
from vedette.wire.server import MOST_ASKED


def live_of(world: World) -> Live:
    [live] = world.account.agents.connections.of_agent(ALICE, "web-1")
    return live


def asking(world: World, method: str = "system.info", limit_ms: int = 30_000) -> asyncio.Task[Reply]:
    return asyncio.create_task(live_of(world).ask(method, {}, limit_ms))


async def answer(client: Client, question: dict[str, Any], **more: Any) -> None:
    line = {"v": "1", "id": question["id"], "source": "guid-1", "target": "endpoint"} | (more or {"result": []})
    await client.send(json.dumps(line).encode() + b"\n")


async def test_an_answer_reaches_who_asked(world: World) -> None:
    client = await world.live()
    asked = asking(world)
    question = await client.receive()
    assert (question["id"], question["method"], question["target"]) == (1_000_000_000, "system.info", "guid-1")
    await answer(client, question, result={"a": 1e15})
    assert await asked == Reply(outcome=Outcome.ANSWERED, result=msgspec.Raw(b'{"a": 1000000000000000.0}'))


async def test_answers_may_be_out_of_order_doubled_and_large(world: World) -> None:
    client = await world.live()
    first, second = asking(world), asking(world)
    one, two = await client.receive(), await client.receive()
    await answer(client, two, result="x" * 3_000_000)
    await answer(client, two, result="again")
    await answer(client, one, error={"code": 400, "message": "no"})
    assert len(bytes((await second).result)) == 3_000_002
    assert await first == Reply(outcome=Outcome.REFUSED, message="no")
    assert (await client.ask("heartbeat.post", {"timestamp": 1}))["result"]


async def test_who_does_not_answer_in_time_is_not_waited_for_and_its_late_answer_is_nobody_s(world: World) -> None:
    client = await world.live()
    slow, quick = asking(world, limit_ms=60_000), asking(world, limit_ms=10_000)
    late, later = await client.receive(), await client.receive()
    await world.pass_time(10_000)
    assert await quick == Reply(outcome=Outcome.UNANSWERED)
    await answer(client, later)
    await answer(client, late)
    assert (await slow).outcome is Outcome.ANSWERED


async def test_a_connection_that_is_lost_answers_nobody(world: World) -> None:
    client = await world.live()
    live, asked = live_of(world), asking(world)
    await client.receive()
    client.close()
    assert await asked == Reply(outcome=Outcome.LOST)
    assert await live.ask("system.info", {}, 30_000) == NOT_CONNECTED


async def test_a_peer_that_went_silent_answers_nobody(world: World) -> None:
    await world.live()
    asked = asking(world, limit_ms=600_000)
    await until(lambda: world.endpoint.counts["accepted"])
    await asyncio.sleep(0)
    await world.pass_time(100_000)
    assert await asked == Reply(outcome=Outcome.LOST)


async def test_a_connection_that_is_cut_answers_nobody(world: World) -> None:
    client = await world.live()
    live, asked = live_of(world), asking(world)
    await client.receive()
    live.cut(Reason.REVOKED, with_notice=False)
    assert await asked == Reply(outcome=Outcome.LOST)


async def test_when_the_endpoint_stops_nobody_waits_on(world: World) -> None:
    client = await world.live()
    asked = asking(world)
    await client.receive()
    await world.endpoint.stop()
    assert await asked == Reply(outcome=Outcome.LOST)


async def test_who_no_longer_waits_leaves_nothing_behind(world: World) -> None:
    client = await world.live()
    asked = asking(world)
    question = await client.receive()
    asked.cancel()
    await asyncio.wait([asked])
    await answer(client, question)
    assert (await client.ask("heartbeat.post", {"timestamp": 1}))["result"]


async def test_an_agent_that_answers_nothing_is_busy(world: World) -> None:
    await world.live()
    waiting = [asking(world) for _ in range(MOST_ASKED)]
    await asyncio.sleep(0)
    assert await live_of(world).ask("system.info", {}, 30_000) == BUSY
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


# -- our own agent


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    directory = tmp_path / "plugins"
    directory.mkdir()
    (directory / "no program").write_text("hello")
    (directory / "queue.sh").write_text("#!/bin/sh\necho status fine\necho metric depth int 7 mails\n")
    (directory / "queue.sh").chmod(0o755)
    return directory


@pytest.fixture
async def agent(world: World, tmp_path: Path, plugins: Path) -> AsyncIterator[World]:
    """Connected."""
    file = write_config(tmp_path, world)
    file.write_text(file.read_text() + f"monitoring_plugin_directory {plugins}\n")
    async with running(file):
        await until(lambda: len(world.account.agents.connections) == 1)
        yield world


async def told(world: World, method: str, params: dict[str, Any]) -> Any:
    reply = await live_of(world).ask(method, params, 60_000)
    assert reply.outcome is Outcome.ANSWERED, reply
    return msgspec.json.decode(reply.result)


async def test_every_type_of_this_host_is_told(agent: World) -> None:
    types = (await told(agent, "host_info_types.get", {}))["types"]
    assert types == known_types()
    assert {wire_name(type) for type in HOST_INFO_TYPES} >= set(types)
    for type_ in types:
        found = await told(agent, "host_info.get", {"type": type_})
        error = found.get("error", "")
        assert not error or "Permission denied" in error or " failed: " in error, (type_, error)
        assert isinstance(found["metrics"], dict | list | str)
        assert found["timestamp"] > 1_700_000_000_000


@pytest.mark.parametrize(
    ("type_", "members"),
    [
        ("CPU", {"name", "vendor", "model", "mhz", "idle", "irq", "soft_irq", "nice", "sys", "user", "wait", "total",
                 "total_cores", "total_sockets"}),
        ("FILESYSTEM", {"dir_name", "dev_name", "sys_type_name", "options", "free", "used", "avail", "total", "files",
                        "free_files"}),
        ("MEMORY", {"actual_free", "actual_used", "free", "ram", "swap_free", "swap_page_in", "swap_page_out",
                    "swap_total", "swap_used", "total", "used"}),
        ("NETWORK", {"name", "type", "address", "netmask", "broadcast", "hwaddr", "mtu", "rx_packets", "rx_bytes",
                     "tx_packets", "tx_bytes", "flags"}),
        ("PROCS", {"pid", "exe_name", "exe_cwd", "exe_root", "time_total", "time_sys", "time_user", "time_start_time",
                   "state_name", "state_priority", "state_threads", "memory_size", "memory_resident", "memory_share",
                   "memory_major_faults", "memory_minor_faults", "memory_page_faults"}),
        ("SYSTEM", {"name", "arch", "version", "vendor", "vendor_version"}),
        ("PACKAGES", {"name", "version"}),
    ],
)  # fmt: skip
async def test_host_info_has_the_documented_members(agent: World, type_: str, members: set[str]) -> None:
    if type_ not in known_types():
        pytest.skip(f"this host has no {type_}")
    metrics = (await told(agent, "host_info.get", {"type": type_}))["metrics"]
    found = metrics if isinstance(metrics, list) else [metrics]
    assert any(one.keys() >= members for one in found)
    if type_ == "PROCS":
        assert psutil.Process().pid in {one["pid"] for one in found}


async def test_what_it_does_not_know_is_answered_as_stock_agents_do(agent: World) -> None:
    found = await told(agent, "host_info.get", {"type": "WORDPRESS"})
    assert (found["metrics"], found["error"]) == ([], "Agent does not support this Host Info type")
    assert await told(agent, "check.targets", {"type": "agent.memory"}) == []


async def test_targets_are_those_of_the_host(agent: World) -> None:
    assert "/" in (await told(agent, "check.targets", {"type": "agent.filesystem"}))["targets"]
    assert "lo" in (await told(agent, "check.targets", {"type": "agent.network"}))["targets"]
    assert all(
        name.startswith("/dev/") for name in (await told(agent, "check.targets", {"type": "agent.disk"}))["targets"]
    )
    assert (await told(agent, "check.targets", {"type": "agent.plugin"}))["targets"] == ["queue.sh"]


async def test_a_plugin_directory_that_is_not_there_is_told(agent: World, plugins: Path) -> None:
    for file in plugins.iterdir():
        file.unlink()
    plugins.rmdir()
    assert (await told(agent, "check.targets", {"type": "agent.plugin"}))["targets"] == [
        f"Plugin Directory, {plugins}, does not exist"
    ]


async def test_the_system_is_told_at_once(agent: World) -> None:
    found = await told(agent, "system.info", {})
    assert found["sysinfo"]["name"]
    assert found["cpus"][0]["data"]["total"] > 0
    assert "lo" in {one["info"]["name"] for one in found["netifs"]}


async def test_a_check_is_run_and_told_and_not_posted(agent: World) -> None:
    await until(lambda: agent.account.observed)
    posted = len(agent.account.observed)
    for check in (
        {"id": "chTest", "type": "agent.plugin", "details": {"file": "queue.sh"}, "period": 30, "timeout": 10},
        {"id": "chMem", "type": "agent.load_average", "details": [], "more": 1},
    ):
        found = await told(agent, "check.test", {"checkParams": json.dumps(check)})
        assert (found["state"], found["status"] in {"fine", "success"}) == ("available", True)
        assert found["metrics"]
    assert len(agent.account.observed) == posted


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("check.test", {"checkParams": "{"}, "check.test: checkParams: "),
        ("check.test", {"checkParams": '{"type":"agent.windows_perfos"}'}, "does not know the check type"),
        ("check.test", {"checkParams": '{"type":"agent.memory","timeout":0}'}, "timeout: expected 1 to 300 s"),
        ("check.test", {"checkParams": '{"type":"agent.plugin","details":{"timeout":9e9}}'}, "timeout: expected"),
        ("check.test", {"checkParams": {}}, "checkParams"),
        ("check.test", {}, "checkParams"),
        ("host_info.get", {}, "type"),
        ("check.targets", {"type": 5}, "type"),
        ("upgrade.request", {}, "Unknown method"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_the_agent_lives(
    agent: World, method: str, params: dict[str, Any], message: str
) -> None:
    reply = await live_of(agent).ask(method, params, 60_000)
    assert reply.outcome is Outcome.REFUSED
    assert message in reply.message
    assert (await told(agent, "host_info.get", {"type": "NIL"}))["metrics"] == []


async def test_an_answer_that_would_break_the_connection_is_not_sent(
    agent: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "LONGEST_ANSWER", 100)
    reply = await live_of(agent).ask("host_info.get", {"type": "MEMORY"}, 60_000)
    assert "the answer is longer than 100 bytes" in reply.message


async def test_what_hangs_is_told_after_its_limit(agent: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "LIMIT_S", 0)
    found = await told(agent, "host_info.get", {"type": "PROCS"})
    assert (found["metrics"], found["error"]) == ([], "This host did not tell within 0 s")


async def test_too_many_questions_are_refused(agent: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_WAITING", 0)
    reply = await live_of(agent).ask("host_info.get", {"type": "NIL"}, 60_000)
    assert reply.message == "0 questions are waiting already"
