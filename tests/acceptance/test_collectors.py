"""Collectors in processes of their own: real probes, over real TLS, of real targets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import Client
from tests.acceptance.collector_process import CollectorProcess, collector_token
from tests.acceptance.receiver import Receiver
from tests.acceptance.relay import Relay, ServedAt
from tests.acceptance.server import Server, run
from tests.acceptance.waiting import until

ZONE = "mzdfw"
CHECKS = 8
ALWAYS = 'return new AlarmStatus(WARNING, "#{code}");'
WITHOUT_COLLECTORS = ("--roles", "api,agent_endpoint,evaluate,dispatch")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """It runs no collector itself."""
    with Server(tmp_path / "var", *WITHOUT_COLLECTORS) as running:
        yield running


def entity_of(client: Client) -> str:
    return client.create("entities", label="here", ip_addresses={"here": "127.0.0.1"})


def check(client: Client, server: Server, entity: str, zone: str, period: int = 30) -> str:
    return client.create(
        f"entities/{entity}/checks", type="remote.http", label="health", period=period, target_alias="here",
        details={"url": f"{server.api}/healthz"}, monitoring_zones_poll=[zone],
    )  # fmt: skip


def test_a_zone_s_checks_are_shared_and_when_one_collector_is_killed_another_takes_over(
    tmp_path: Path, server: Server, client: Client
) -> None:
    token = collector_token(server, ZONE)
    entity = entity_of(client)
    checks = [check(client, server, entity, ZONE) for _ in range(CHECKS)]
    with (
        CollectorProcess(tmp_path, server, token, ZONE, "one") as one,
        CollectorProcess(tmp_path, server, token, ZONE, "two") as two,
    ):
        until(lambda: one.lists and two.lists and one.lists[-1] + two.lists[-1] == CHECKS, "the checks are shared",
              seen=lambda: (one.lists, two.lists))  # fmt: skip
        for key in checks:
            until(lambda: client.points(entity, key, f"{ZONE}.duration"), "points of the zone")  # noqa: B023 - at once
        one.kill()
        two.has(CHECKS)
        more = check(client, server, entity, ZONE)
        until(lambda: client.points(entity, more, f"{ZONE}.duration"), "points of a new check", 10.0)
        assert two.terminated() == 0
    assert token not in one.output + two.output + server.log


def test_an_alarm_of_a_private_zone_fires_by_its_collector_and_the_webhook_names_the_zone(
    tmp_path: Path, server: Server, client: Client, receiver: Receiver
) -> None:
    zone = client.create("monitoring_zones", label="attic")
    token = client.create("agent_tokens", label="attic")
    entity = entity_of(client)
    key = check(client, server, entity, zone)
    client.create(f"entities/{entity}/alarms", check_id=key, notification_plan_id=client.tell(receiver.url),
                  criteria=ALWAYS)  # fmt: skip
    with CollectorProcess(tmp_path, server, token, zone, "attic") as attic:
        until(lambda: receiver.bodies, "a webhook", seen=lambda: attic.output)
        (tried,) = client.call("POST", f"entities/{entity}/checks/{key}/test").json()
    (event,) = receiver.events
    (seen,) = event["details"]["observations"]
    assert (event["details"]["state"], event["details"]["status"]) == ("WARNING", "200")
    assert (seen["monitoring_zone_id"], seen["collectorState"]) == (zone, "UP")
    assert event["details"]["target"] == "127.0.0.1"
    assert (tried["monitoring_zone_id"], tried["available"], tried["metrics"]["code"]["data"]) == (zone, True, "200")


def test_it_survives_a_restart_of_the_server_and_goes_on_with_what_is_new(
    tmp_path: Path, server: Server, client: Client
) -> None:
    entity = entity_of(client)
    first = check(client, server, entity, ZONE)
    host, port = server.agent
    with CollectorProcess(tmp_path, server, collector_token(server, ZONE), ZONE, "one") as one:
        until(lambda: client.points(entity, first, f"{ZONE}.duration"), "points", seen=lambda: one.output)
        server.terminate()
        assert server.ended() == 0
        one.says("no_connection")
        server.flags = (*server.flags, "--agent", f"{host}:{port}")
        server.start()
        client.base = server.api
        until(lambda: one.output.count('"connected"') == 2, "it is back", seen=lambda: one.output)
        more = check(client, server, entity, ZONE)
        until(lambda: client.points(entity, more, f"{ZONE}.duration"), "new points", seen=lambda: one.output)
        assert one.lists in ([1, 1, 2], [1, 2])  # the new one may have come before its list was made
        assert one.terminated() == 0


def test_a_revoked_token_ends_it_and_a_new_one_in_its_file_brings_it_back(
    tmp_path: Path, server: Server, client: Client
) -> None:
    zone = client.create("monitoring_zones", label="attic")
    first, second = (client.create("agent_tokens", label=label) for label in ("first", "second"))
    with CollectorProcess(tmp_path, server, first, zone, "one") as one:
        one.has(0)
        one.token_file.write_text(second)
        client.delete(f"agent_tokens/{first}")
        until(lambda: one.output.count('"connected"') == 2, "it is back", seen=lambda: one.output)
        assert "The agent token was revoked" in one.output


def test_a_rotated_token_is_taken_over_without_anybody_touching_the_collector(
    tmp_path: Path, server: Server, client: Client
) -> None:
    zone = client.create("monitoring_zones", label="attic")
    old = client.create("agent_tokens", label="attic")
    with CollectorProcess(tmp_path, server, old, zone, "one") as one:
        one.has(0)
        new = client.create(f"agent_tokens/{old}/rotate", overlap=600)
        until(lambda: one.token_file.read_text().strip() == new, "the new token is stored", seen=lambda: one.output)
        until(lambda: one.output.count('"connected"') == 2, "it is back", seen=lambda: one.output)
        assert old not in one.output
        assert new not in one.output


def test_a_rotated_collector_token_is_taken_over_and_the_old_one_ends(tmp_path: Path, server: Server) -> None:
    old = collector_token(server, ZONE)
    with CollectorProcess(tmp_path, server, old, ZONE, "one") as one:
        one.has(0)
        made = run("zone", "token", "rotate", old[:8], "--overlap", "1", "--data-dir", str(server.data_dir), "--json")
        new = json.loads(made.stdout)["token"]
        until(lambda: one.token_file.read_text().strip() == new, "the new token is stored", seen=lambda: one.output)
        until(lambda: one.output.count('"connected"') == 2, "it is back", seen=lambda: one.output)
        until(lambda: beginnings(server) == [new[:8]], "the old one is no more")


def beginnings(server: Server) -> list[str]:
    """Of the collector tokens there are."""
    listed = run("zone", "token", "list", "--data-dir", str(server.data_dir), "--json")
    return [row["begins"] for row in json.loads(listed.stdout)]


def test_half_an_open_connection_is_noticed_by_both_sides(tmp_path: Path, server: Server, client: Client) -> None:
    """A relay in between stops passing anything on, without closing."""
    zone = client.create("monitoring_zones", label="attic")
    token = client.create("agent_tokens", label="attic")
    with Relay(server.agent) as relay, Relayed(tmp_path, server, relay, token, zone) as one:
        one.has(0)
        relay.freeze()
        one.says("nothing heard from the server", within_s=20.0)
        until(lambda: "no message for three heartbeat intervals" in server.log, "the server notices", 30.0)
        relay.thaw()
        until(lambda: one.output.count('"connected"') == 2, "it is back", seen=lambda: one.output)


class Relayed(CollectorProcess):
    """Connects to a relay in the server's place."""

    def __init__(self, directory: Path, server: Server, relay: Relay, token: str, zone: str) -> None:
        super().__init__(directory, ServedAt(server, relay.address), token, zone, "one")
