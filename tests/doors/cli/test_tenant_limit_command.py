from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.waiting import until
from tests.doors.cli.command import first_start, vedette
from tests.doors.cli.test_beside_a_server import credentials, log_in, server, token_of


def limits(data_dir: Path, *arguments: str) -> dict[str, Any]:
    ended = vedette("tenant", "limit", "100001", *arguments, "--json", "--data-dir", data_dir)
    assert ended.code == 0, ended.err
    return {row["limit"]: row["value"] for row in ended.json}


async def test_a_limit_can_be_set_lifted_and_given_back(tmp_path: Path) -> None:
    data_dir = (await first_start(tmp_path / "var")).path
    everybodys = limits(data_dir)
    assert (everybodys["checks"], everybodys["rate.global"]) == (1000, 50_000)

    assert limits(data_dir, "checks", "7") == everybodys | {"checks": 7}
    assert limits(data_dir, "rate.global", "none") == everybodys | {"checks": 7, "rate.global": "none"}
    assert limits(data_dir, "alarms", "none")["alarms"] == "none"
    for name in ("checks", "rate.global", "alarms"):
        after = limits(data_dir, name, "default")
    assert after == everybodys


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("100001", "cheques", "1"), 1, "Expected one of checks, alarms, rate.global"),
        (("nobody", "checks", "1"), 1, 'Object "Tenant" with key "nobody" does not exist'),
        (("100001", "checks"), 2, "expected a number"),
        (("100001", "checks", "-1"), 2, ""),
        (("100001", "rate.global", "0"), 2, "expected `none`"),
        (("100001", "checks", "1000000001"), 1, "Expected a number from 0 to 1000000000"),
    ],
)
async def test_wrong_limits_are_refused(arguments: tuple[str, ...], code: int, expected: str, tmp_path: Path) -> None:
    data_dir = (await first_start(tmp_path / "var")).path

    ended = vedette("tenant", "limit", *arguments, "--data-dir", data_dir)

    assert ended.code == code
    assert expected in ended.err


def test_a_running_server_takes_a_limit_over(tmp_path: Path) -> None:
    data_dir = tmp_path / "var"
    with server(data_dir):
        found = credentials(data_dir)
        token = token_of(log_in(data_dir, found.username, found.api_key))

        def ask(method: str = "GET") -> httpx.Response:
            headers = {"X-Auth-Token": token}
            url = f"{found.monitoring_url}/entities"
            return httpx.request(method, url, headers=headers, trust_env=False)

        assert ask().headers["X-RateLimit-Limit"] == "50000"
        limits(data_dir, "rate.global", "100000")
        until(lambda: ask().headers["X-RateLimit-Limit"] == "100000", "the new limit", 10)
        limits(data_dir, "rate.global", "none")
        until(lambda: ask().headers["X-RateLimit-Limit"] == "0", "the lifted limit", 10)
