"""What happens to a collector in its months, beyond restarts and tokens: names, schedules, clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import Client
from tests.acceptance.collector_process import CollectorProcess, collector_token
from tests.acceptance.relay import Relay, ServedAt
from tests.acceptance.server import Server
from tests.acceptance.settable_clock import SettableClock
from tests.acceptance.waiting import until

ZONE = "mzdfw"
WITHOUT_COLLECTORS = ("--roles", "api,agent_endpoint,evaluate,dispatch")
NOWHERE = ("nowhere.invalid", 50041)
HOUR_S = 3_600
SOON_MS = 60_000


@pytest.fixture
def clock(tmp_path: Path) -> SettableClock:
    return SettableClock(tmp_path / "clock")


@pytest.fixture
def server(tmp_path: Path, clock: SettableClock) -> Iterator[Server]:
    """It runs no collector itself, and by a clock that a test may set."""
    with Server(tmp_path / "var", *WITHOUT_COLLECTORS, program=clock.vedette) as running:
        yield running


@pytest.fixture
def entity(client: Client) -> str:
    return client.create("entities", label="here", ip_addresses={"here": "127.0.0.1"})


def check(client: Client, server: Server, entity: str) -> str:
    return client.create(
        f"entities/{entity}/checks", type="remote.http", label="health", period=30, target_alias="here",
        details={"url": f"{server.api}/healthz"}, monitoring_zones_poll=[ZONE],
    )  # fmt: skip


def first_point_ms(client: Client, server: Server, entity: str) -> int:
    """When a check that is made now is first seen to run, by its point."""
    made = check(client, server, entity)
    metric = f"{ZONE}.duration"
    [point, *_] = until(lambda: client.points(entity, made, metric), "points of a new check", 60.0)
    at_ms: int = point["timestamp"]
    return at_ms


def connections(one: CollectorProcess) -> int:
    return one.output.count('"connected"')


def test_a_name_that_does_not_resolve_stops_it_neither_at_its_start_nor_later(
    tmp_path: Path, server: Server, client: Client, entity: str
) -> None:
    unresolved, token = ServedAt(server, NOWHERE), collector_token(server, ZONE)
    with Relay(server.agent) as relay:
        other = ("--server", f"127.0.0.1:{relay.address[1]}")
        with CollectorProcess(tmp_path, unresolved, token, ZONE, "one", *other) as one:
            until(lambda: connections(one) == 1, "it connects", seen=lambda: one.output)
            assert one.output.count(NOWHERE[0]) == 1
            relay.cut()
            until(lambda: connections(one) == 2, "it is back", seen=lambda: one.output)
            assert one.output.count(NOWHERE[0]) == 2
            first_point_ms(client, server, entity)


def test_each_change_of_its_list_reaches_it_over_the_same_connection(
    tmp_path: Path, server: Server, client: Client, entity: str
) -> None:
    path = f"entities/{entity}/checks/{check(client, server, entity)}"
    with CollectorProcess(tmp_path, server, collector_token(server, ZONE), ZONE, "one") as one:
        one.has(1)
        lists = list(one.lists)
        for change, count in (
            (lambda: check(client, server, entity), 2),
            (lambda: client.update(path, disabled=True), 1),
            (lambda: client.update(path, disabled=False), 2),
            (lambda: client.update(path, period=60), 2),
            (lambda: client.delete(path), 1),
        ):
            change()
            lists.append(count)
            until(lambda: one.lists == lists, f"its lists are {lists}", 10.0, lambda: one.output)
        assert connections(one) == 1


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_jumps_an_hour_ends_no_connection_and_moves_no_point(
    tmp_path: Path, server: Server, client: Client, entity: str, by_s: int
) -> None:
    own = SettableClock(tmp_path / "collector-clock")
    with CollectorProcess(
        tmp_path, server, collector_token(server, ZONE), ZONE, "one", program=own.vedette
    ) as one:  # fmt: skip
        one.has(0)
        for ahead_s in (by_s, 0):
            own.set(ahead_s)
            assert abs(first_point_ms(client, server, entity) - time.time() * 1000) < SOON_MS
        assert connections(one) == 1


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S])
def test_a_server_whose_clock_jumps_an_hour_keeps_its_collectors(
    tmp_path: Path, clock: SettableClock, server: Server, client: Client, entity: str, by_s: int
) -> None:
    with CollectorProcess(tmp_path, server, collector_token(server, ZONE), ZONE, "one") as one:
        one.has(0)
        for ahead_s in (by_s, 0):
            clock.set(ahead_s)
            at_ms = first_point_ms(client, server, entity)
            assert abs(at_ms - (time.time() + ahead_s) * 1000) < SOON_MS
        assert connections(one) == 1
    assert all(line["level"] != "error" for line in server.logged)
