"""Collectors of one zone that are connected to different server processes, on one PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.collector_process import CollectorProcess
from tests.acceptance.test_two_servers import Site
from tests.acceptance.test_two_servers import site as site  # noqa: PLC0414 - a fixture
from tests.acceptance.waiting import until

CHECKS = 8


def test_they_share_the_zone_s_checks_and_go_over_to_the_other_server_when_theirs_is_gone(
    site: Site, tmp_path: Path
) -> None:
    client = site.client
    zone = client.create("monitoring_zones", label="attic")
    token = client.create("agent_tokens", label="attic")
    entity = client.create("entities", label="here", ip_addresses={"here": "127.0.0.1"})

    def check() -> str:
        return client.create(
            f"entities/{entity}/checks", type="remote.http", label="health", period=30, target_alias="here",
            details={"url": f"{site.there.api}/healthz"}, monitoring_zones_poll=[zone],
        )  # fmt: skip

    for _ in range(CHECKS):
        check()
    also_there = ("--server", "{}:{}".format(*site.there.agent))
    with (
        CollectorProcess(tmp_path, site.here, token, zone, "one", *also_there) as one,
        CollectorProcess(tmp_path, site.there, token, zone, "two") as two,
    ):
        until(lambda: one.lists and two.lists and one.lists[-1] + two.lists[-1] == CHECKS, "the checks are shared",
              seen=lambda: (one.output, two.output))  # fmt: skip
        assert min(one.lists[-1], two.lists[-1]) > 0
        site.here.kill()
        client.base = site.there.api
        until(lambda: one.output.count('"connected"') == 2, "it goes over", seen=lambda: one.output)
        until(lambda: one.lists[-1] + two.lists[-1] == CHECKS, "the checks are shared again",
              seen=lambda: (one.output, two.output))  # fmt: skip
        more = check()
        until(lambda: client.points(entity, more, f"{zone}.duration"), "points by the other server")
        one.kill()
        two.has(CHECKS + 1)
