"""The checks of the host agent, on the host that runs the tests."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from tests.doors.agent.conftest import until
from vedette.agent import threads
from vedette.agent.checks import LOOKS, running
from vedette.agent.checks.cpu import CpuUse
from vedette.agent.checks.running import TYPES, Checks
from vedette.agent.host.cpus import Spent
from vedette.agent.host.targets import TARGETS
from vedette.agent.reading import Reading
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.metrics import type_letters
from vedette.wire.messages import ScheduledCheck
from vedette.wire.metrics import metrics_of


def check(type: str, timeout: int = 10, **details: Any) -> ScheduledCheck:
    return ScheduledCheck(id="chA", type=type, period=60, timeout=timeout, disabled=False, details=details)


def assert_as_declared(check_type: str, reading: Reading, *absent: str) -> None:
    """The documented metrics with their types and units; others may be beside them."""
    assert (reading.available, reading.status) == (True, "success"), reading.status
    for known in CHECK_TYPES[check_type].metrics:
        if known.name in absent:
            assert known.name not in reading.metrics
            continue
        metric = reading.metrics[known.name]
        assert (type_letters[metric.t or ""], metric.u or "") == (type_letters[known.type], known.unit), known.name
        assert metrics_of([(None, {known.name: metric})])[known.name].type == type_letters[known.type]


def test_every_type_it_runs_is_documented() -> None:
    assert not TYPES - CHECK_TYPES.keys()


async def test_file_systems_are_measured(tmp_path: Path) -> None:
    mount = TARGETS["agent.filesystem"]()[0]
    reading = await Checks(tmp_path).run(check("agent.filesystem", target=mount))
    assert_as_declared("agent.filesystem", reading)
    state = os.statvfs(mount)
    assert reading.metrics["total"].v == str(state.f_blocks * state.f_frsize // 1024)


async def test_all_that_is_mounted_is_counted(tmp_path: Path) -> None:
    reading = await Checks(tmp_path).run(check("agent.filesystem_state"))
    assert_as_declared("agent.filesystem_state", reading)
    totals = [int(str(reading.metrics[name].v)) for name in ("total_ro", "total_rw")]
    assert sum(totals) == len(psutil.disk_partitions(all=False))


async def test_network_interfaces_are_measured(tmp_path: Path) -> None:
    reading = await Checks(tmp_path).run(check("agent.network", target="lo"))
    assert_as_declared("agent.network", reading, "speed")
    assert reading.metrics["link_state"].v == "up"
    assert set(reading.metrics) > {"rx_frame", "rx_overruns", "tx_carrier", "tx_collisions", "tx_overruns"}


async def test_disks_are_measured(tmp_path: Path) -> None:
    disks = TARGETS["agent.disk"]()
    if not disks:
        pytest.skip("this host has no disk of its own")
    reading = await Checks(tmp_path).run(check("agent.disk", target=disks[0]))
    assert_as_declared("agent.disk", reading)


@pytest.mark.parametrize(
    ("type_", "target", "status"),
    [
        ("agent.filesystem", None, "Missing target parameter"),
        ("agent.filesystem", "/nowhere", "No filesystem mounted at /nowhere, available: "),
        ("agent.disk", None, "Missing target parameter"),
        ("agent.disk", "/dev/nothing", "No such disk: /dev/nothing"),
        ("agent.network", None, "Missing target parameter"),
        ("agent.network", "eth99", "No such interface: eth99"),
    ],
)
async def test_a_target_that_is_not_there_is_named(tmp_path: Path, type_: str, target: str | None, status: str) -> None:
    reading = await Checks(tmp_path).run(check(type_, target=target))
    assert not reading.available
    assert reading.status.startswith(status)


async def test_the_cpus_are_measured_over_the_time_since_the_last_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.agent.checks.cpu.FIRST_SAMPLE_S", 0)

    def state(busy: float, idle: float) -> Spent:
        kinds = dict.fromkeys(("nice", "wait", "irq", "soft_irq", "stolen", "sys"), 0.0)
        return Spent({"user": busy, "idle": idle, **kinds}, busy + idle)

    states = [[state(0, 0), state(0, 0)], [state(1, 9), state(9, 1)], [state(6, 14), state(19, 1)]]
    use = CpuUse(lambda: states.pop(0))
    first, second = await use.run("chA"), await use.run("chA")
    assert_as_declared("agent.cpu", first)

    def values(reading: Reading) -> list[float]:
        names = ("usage_average", "user_percent_average", "idle_percent_average", "min_cpu_usage", "max_cpu_usage")
        return [float(str(reading.metrics[name].v)) for name in names]

    assert values(first) == pytest.approx([50, 50, 50, 10, 90])
    assert values(second) == pytest.approx([75, 75, 25, 50, 100])
    assert first.metrics["cpu_count"].v == "2"


async def test_a_cpu_that_had_no_time_was_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.agent.checks.cpu.FIRST_SAMPLE_S", 0)
    reading = await CpuUse(
        lambda: [Spent(dict.fromkeys(("user", "sys", "idle", "wait", "irq", "stolen"), 1.0), 6)]
    ).run("c")
    assert {float(str(metric.v)) for name, metric in reading.metrics.items() if name != "cpu_count"} == {0.0}


async def test_a_look_that_hangs_ends_by_its_limit_and_holds_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = Event()
    monkeypatch.setattr(running, "LOOKS", {**LOOKS, "agent.memory": lambda _details: hanging.wait(30)})
    try:
        checks = Checks(tmp_path)
        hung = asyncio.create_task(checks.run(check("agent.memory", timeout=1)))
        assert (await checks.run(check("agent.load_average"))).available
        assert (await hung).status == "The check did not finish in 1 seconds"
    finally:
        hanging.set()


async def test_only_so_much_may_hang_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MOST", 0)
    with pytest.raises(OSError, match="hang on this host are waited for already"):
        await threads.in_thread(int)


async def test_what_a_look_raises_is_the_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_details: object) -> Reading:
        raise PermissionError("not for you")

    monkeypatch.setattr(running, "LOOKS", {"agent.memory": fail})
    assert await Checks(tmp_path).run(check("agent.memory")) == Reading(available=False, status="not for you")


# -- plugins


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    return tmp_path / "plugins"


def put(directory: Path, name: str, script: str) -> None:
    file = directory / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


async def test_a_plugin_is_run_without_a_shell_with_its_arguments_and_what_it_is_for(plugins: Path) -> None:
    put(plugins, "echo it.sh", 'echo "status $1 $2 $RAX_CHECK_ID $RAX_CHECK_PERIOD $RAX_CHECK_TYPE $RAX_DETAILS_FILE"')
    reading = await Checks(plugins).run(check("agent.plugin", file="echo it.sh", args=["$(id)", "; rm -rf x"]))
    assert (reading.available, reading.status) == (True, "$(id) ; rm -rf x chA 60 agent.plugin echo it.sh")


async def test_a_plugin_that_takes_too_long_is_ended_with_all_it_started(plugins: Path, tmp_path: Path) -> None:
    put(plugins, "slow.sh", f"sleep 60 & echo $! > {tmp_path}/child; echo metric a int 1; wait")
    reading = await Checks(plugins).run(slow())
    assert (reading.status, reading.metrics) == ("Plugin didn't finish in 2 seconds", {})
    child = int((tmp_path / "child").read_text())
    await until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def slow() -> ScheduledCheck:
    details = {"file": "slow.sh", "timeout": 2_000}
    return ScheduledCheck(id="chA", type="agent.plugin", period=60, timeout=30, disabled=False, details=details)


async def test_a_plugin_ends_with_the_check_that_runs_it(plugins: Path, tmp_path: Path) -> None:
    put(plugins, "slow.sh", f"echo $$ > {tmp_path}/own; exec sleep 60")
    own = tmp_path / "own"
    running_check = asyncio.create_task(Checks(plugins).run(check("agent.plugin", file="slow.sh")))
    await until(lambda: own.exists() and own.read_text().strip())
    running_check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running_check
    await until(lambda: not psutil.pid_exists(int(own.read_text())))


async def test_a_plugin_that_prints_without_end_is_unavailable(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.agent.checks.plugin.MOST_PRINTED", 1000)
    put(plugins, "much.sh", "i=0; while [ $i -lt 500 ]; do echo metric a int 1; i=$((i+1)); done")
    assert (await Checks(plugins).run(check("agent.plugin", file="much.sh"))).status == (
        "Plugin printed more than 1000 bytes"
    )


@pytest.mark.parametrize("file", ["", "none.sh", "../outside.sh", "/bin/true", "sub/../../outside.sh"])
async def test_nothing_outside_the_plugin_directory_is_run(plugins: Path, file: str) -> None:
    put(plugins.parent, "outside.sh", "echo status outside")
    reading = await Checks(plugins).run(check("agent.plugin", file=file))
    assert not reading.available
    assert reading.status.startswith("No such plugin: ")


async def test_a_file_that_cannot_be_executed_says_so(plugins: Path) -> None:
    (plugins / "text").write_text("hello")
    reading = await Checks(plugins).run(check("agent.plugin", file="text"))
    assert not reading.available
    assert "Permission denied" in reading.status


async def test_what_a_plugin_complains_of_is_logged(plugins: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(plugins, "sad.sh", "echo 'no sensor' >&2; echo status gone; exit 2")
    reading = await Checks(plugins).run(check("agent.plugin", file="sad.sh"))
    assert (reading.available, reading.status) == (False, "gone")
    assert "plugin sad.sh: no sensor" in caplog.text
