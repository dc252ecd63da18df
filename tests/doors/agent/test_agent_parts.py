"""The parts of the host agent: configuration file, buffer, rhythm, waits, checks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doors.agent.certificates import Certificates
from tests.doors.agent.conftest import until
from vedette.agent import config
from vedette.agent.buffer import Buffer
from vedette.agent.checks import LOOKS
from vedette.agent.config import ConfigError, Endpoint, load
from vedette.agent.rhythm import Rhythm
from vedette.wire.backoff import Backoff
from vedette.wire.messages import ScheduledCheck

GOOD = "monitoring_token abc.1\nmonitoring_id web-1\nmonitoring_endpoints h:1\n"


def write(directory: Path, text: str) -> Path:
    file = directory / "agent.cfg"
    file.write_text(text)
    return file


def test_a_file_is_read_with_comments_blank_lines_and_unknown_keys(tmp_path: Path, certificates: Certificates) -> None:
    text = (
        "# comment\n#comment\n\n  monitoring_token  abc.1 \nmonitoring_id web-1\nmonitoring_upgrade disabled\n"
        f"some_key some value\nmonitoring_endpoints a.example:443, 192.0.2.1:50041,[::1]:7\n"
        f"certificate_path {certificates.ca_file}\n"
    )
    found = load(write(tmp_path, text))
    assert (found.token, found.agent_id) == ("abc.1", "web-1")
    assert found.endpoints == (Endpoint("a.example", 443), Endpoint("192.0.2.1", 50041), Endpoint("::1", 7))
    assert [str(endpoint) for endpoint in found.endpoints] == ["a.example:443", "192.0.2.1:50041", "[::1]:7"]
    assert found.tls.check_hostname
    assert found.tls.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("monitoring_id web-1\nmonitoring_endpoints h:1\n", "monitoring_token: missing"),
        ("monitoring_token abc.1\n", "monitoring_endpoints: missing"),
        (GOOD + "monitoring_token\n", "line 4: monitoring_token: expected a key, one blank and a value"),
        (GOOD + "secret-token-without-a-key\n", "line 4: expected a key, one blank and a value"),
        (GOOD + "monitoring_endpoints h\n", "line 4: monitoring_endpoints: expected HOST:PORT[,HOST:PORT], got 'h'"),
        (GOOD + "monitoring_endpoints h:1,\n", "line 4: monitoring_endpoints: expected HOST:PORT[,HOST:PORT], got ''"),
        (GOOD + "monitoring_endpoints h:70000\n", "line 4: monitoring_endpoints: expected"),
        (GOOD + "monitoring_endpoints ::1:5\n", "line 4: monitoring_endpoints: expected"),
        (GOOD + "monitoring_id a b\n", "line 4: monitoring_id: expected"),
        (
            GOOD + "certificate_path /nowhere/ca.pem\n",
            "line 4: certificate_path: expected a file with a CA certificate",
        ),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: {says}")
    assert "secret" not in str(caught.value).replace(str(file), "")


def test_a_ca_file_without_a_certificate_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing\n")
    with pytest.raises(ConfigError, match="line 4: certificate_path"):
        load(write(tmp_path, GOOD + f"certificate_path {tmp_path / 'ca.pem'}\n"))


def test_a_missing_or_binary_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.cfg")
    (tmp_path / "agent.cfg").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "agent.cfg")


@pytest.mark.parametrize(
    ("instance_id", "more", "expected"),
    [
        ("i-0abc\n", "", "i-0abc"),
        ("nocloud\n", "", "this-host"),
        ("iid-datasource-none\n", "", "this-host"),
        (None, "", "this-host"),
        ("i-0abc\n", "autodetect_machine_id false\n", "this-host"),
    ],
)
def test_without_an_id_the_cloud_s_name_or_the_host_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance_id: str | None, more: str, expected: str
) -> None:
    if instance_id is not None:
        (tmp_path / "instance-id").write_text(instance_id)
    monkeypatch.setattr(config, "CLOUD_INIT_ID", tmp_path / "instance-id")
    monkeypatch.setattr("socket.gethostname", lambda: "this-host")
    text = "monitoring_token abc.1\nmonitoring_endpoints h:1\n" + more
    assert load(write(tmp_path, text)).agent_id == expected


def test_what_waited_while_the_clock_was_set_is_told_by_the_clock_as_it_is_now() -> None:
    buffer = Buffer()
    buffer.put({"timestamp": 5_000}, drift_ms=1_000)
    assert buffer.peek(drift_ms=1_400) == {"timestamp": 5_000}
    assert buffer.peek(drift_ms=1_000 + 3_600_000) == {"timestamp": 3_605_000}


def test_a_full_buffer_loses_the_oldest_and_counts() -> None:
    buffer = Buffer(3)
    for number in range(5):
        buffer.put({"n": number})
    assert (len(buffer), buffer.dropped, buffer.peek()) == (3, 2, {"n": 2})


def test_what_large_posts_take_is_bounded_too() -> None:
    buffer = Buffer(most_bytes=10_000)
    for number in range(5):
        buffer.put({"n": number, "text": "x" * 3_000})
    assert (len(buffer), buffer.dropped) == (3, 2)
    buffer.sent(1)
    buffer.put({"n": 5, "text": "x" * 3_000})
    assert (len(buffer), buffer.dropped, buffer.in_flight) == (3, 3, 1)
    buffer.answered(1)
    buffer.put({"n": 6, "text": "x" * 3_000})
    assert (len(buffer), buffer.dropped, buffer.in_flight) == (3, 3, 0)
    assert (buffer.peek() or {})["n"] == 4


@given(
    st.lists(st.sampled_from(["put", "send", "answer", "back", "lost"]), max_size=60), st.randoms(use_true_random=False)
)
def test_whatever_happens_what_waits_is_in_order_and_nothing_is_lost(steps: list[str], random: object) -> None:
    buffer = Buffer(1_000)
    made = posts = 0
    flying: dict[int, int] = {}
    done: set[int] = set()
    for step in steps:
        waiting = buffer.peek()
        if step == "put":
            buffer.put({"n": made})
            made += 1
        elif step == "send" and waiting is not None:
            posts += 1
            flying[posts] = waiting["n"]
            buffer.sent(posts)
        elif step in {"answer", "back"} and flying:
            post = random.choice(sorted(flying))  # type: ignore[attr-defined]
            number = flying.pop(post)
            if step == "back":
                buffer.give_back(post)
            else:
                assert buffer.answered(post) == {"n": number}
                done.add(number)
        elif step == "lost":
            flying.clear()
            buffer.give_all_back()
    buffer.give_all_back()
    left = []
    while (params := buffer.peek()) is not None:
        left.append(params["n"])
        buffer.sent(10_000 + len(left))
    assert left == sorted(set(range(made)) - done)


def scheduled(id: str, period: int = 60, revision: int = 1) -> ScheduledCheck:
    return ScheduledCheck(
        id=id, type="agent.memory", period=period, timeout=30, disabled=False, details={}, revision=revision
    )


def noting(ran: list[ScheduledCheck]) -> Callable[[ScheduledCheck], Awaitable[None]]:
    async def run(check: ScheduledCheck) -> None:
        ran.append(check)

    return run


async def test_a_check_runs_at_once_with_no_chance_and_then_each_period() -> None:
    ran: list[ScheduledCheck] = []
    rhythm = Rhythm(noting(ran), lambda: 0.0)
    rhythm.follow([scheduled("a", period=1), scheduled("b", period=1800)])
    await until(lambda: len(ran) >= 3)
    assert [check.id for check in ran] == ["a", "b", "a"]
    await rhythm.stop()


async def test_a_new_schedule_restarts_what_changed_and_nothing_else() -> None:
    ran: list[ScheduledCheck] = []
    rhythm = Rhythm(noting(ran), lambda: 0.0)
    rhythm.follow([scheduled("same"), scheduled("other"), scheduled("gone")])
    await until(lambda: len(ran) == 3)
    rhythm.follow([scheduled("same", revision=2), scheduled("other", period=90, revision=2), scheduled("new")])
    await until(lambda: len(ran) >= 5)
    assert sorted((check.id, check.revision) for check in ran[3:]) == [("new", 1), ("other", 2)]
    await rhythm.stop()


async def test_a_run_that_takes_longer_than_the_period_puts_off_the_next_and_no_other_check() -> None:
    ran: list[str] = []
    may_end = asyncio.Event()

    async def run(check: ScheduledCheck) -> None:
        ran.append(check.id)
        if check.id == "slow":
            await may_end.wait()

    rhythm = Rhythm(run, lambda: 0.0)
    rhythm.follow([scheduled("slow", period=0), scheduled("quick", period=0)])
    await until(lambda: ran.count("quick") > 5)
    assert ran.count("slow") == 1
    may_end.set()
    await until(lambda: ran.count("slow") > 1)
    await rhythm.stop()


async def test_a_run_that_fails_costs_itself_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[str] = []

    async def run(check: ScheduledCheck) -> None:
        ran.append(check.id)
        raise TypeError("a mistake")

    rhythm = Rhythm(run, lambda: 0.0)
    rhythm.follow([scheduled("a", period=0)])
    await until(lambda: len(ran) >= 3)
    await rhythm.stop()
    assert "check a: a run failed" in caplog.text
    assert "a mistake" in caplog.text


async def test_a_stop_waits_for_what_a_run_leaves_behind() -> None:
    did: list[str] = []

    async def run(_check: ScheduledCheck) -> None:
        did.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            did.append("tidied up")

    rhythm = Rhythm(run, lambda: 0.0)
    rhythm.follow([scheduled("a")])
    await until(lambda: bool(did))
    await rhythm.stop()
    assert did == ["began", "tidied up"]


async def test_after_a_stop_nothing_runs() -> None:
    ran: list[ScheduledCheck] = []
    rhythm = Rhythm(noting(ran), lambda: 0.5)
    rhythm.follow([scheduled("a")])
    await rhythm.stop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert not ran
    assert not tasks


def test_waits_double_to_a_third_of_a_minute_and_start_again_after_a_success() -> None:
    backoff = Backoff()
    waits = [backoff.failed(0.999) for _ in range(8)]
    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 20, 20, 20]
    assert [backoff.failed(0.0) for _ in range(2)] == [10, 10]
    backoff.succeeded()
    assert backoff.failed(0.0) == 0.5
    assert 30 <= backoff.refused(0.0) <= backoff.refused(0.999) < 60


def test_memory_has_the_documented_metrics() -> None:
    reading = LOOKS["agent.memory"]({})
    units = {name: (metric.t, metric.u) for name, metric in reading.metrics.items()}
    octets = ("actual_free", "actual_used", "free", "total", "used", "swap_total", "swap_used", "swap_free",
              "swap_page_in", "swap_page_out")  # fmt: skip
    assert units == dict.fromkeys(octets, ("gauge", "bytes")) | {"ram": ("gauge", "megabytes")}
    values = {name: int(str(metric.v)) for name, metric in reading.metrics.items()}
    assert values["total"] == psutil.virtual_memory().total == values["free"] + values["used"]
    assert values["total"] == values["actual_free"] + values["actual_used"]
    assert values["ram"] == values["total"] // 2**20


def test_load_average_has_the_documented_metrics() -> None:
    reading = LOOKS["agent.load_average"]({})
    assert reading.metrics.keys() == {"1m", "5m", "15m"}
    assert {(metric.t, metric.u) for metric in reading.metrics.values()} == {("double", None)}
    assert all(float(str(metric.v)) >= 0 for metric in reading.metrics.values())
