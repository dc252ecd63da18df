"""Check types over HTTP, and what they mean for checks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.api.house import Cast, http_check

DNS = {"query": "example.org", "record_type": "A"}
# Secrets by the names the details have; whatever is needed beside them.
SECRETS: dict[str, dict[str, Any]] = {
    "remote.http": {"url": "http://example.org/", "auth_password": "swordfish"},
    "agent.mysql": {"username": "u", "password": "swordfish"},
    "agent.redis": {"hostname": "r1", "port": 6379, "password": "swordfish"},
    "agent.mssql_database": {"db": "d", "password": "swordfish"},
}


def test_the_list_has_every_type_in_order(cast: Cast) -> None:
    answer = cast.bob.get("/check_types")

    ids = [one["id"] for one in answer["values"]]
    assert ids == sorted(ids)
    assert {"remote.dns", "remote.telnet-banner", "agent.plugin", "agent.windows_perfos"} <= set(ids)
    assert answer["metadata"] == {
        "count": len(ids), "limit": 100, "marker": None, "next_marker": None, "next_href": None,
    }  # fmt: skip
    assert all(one["type"] == one["category"] == one["id"].partition(".")[0] for one in answer["values"])


def test_the_list_is_paged(cast: Cast) -> None:
    every = [one["id"] for one in cast.bob.get("/check_types")["values"]]
    seen: list[str] = []
    marker = None
    while True:
        answer = cast.bob.get("/check_types", limit=5, **({"marker": marker} if marker else {}))
        seen += [one["id"] for one in answer["values"]]
        marker = answer["metadata"]["next_marker"]
        if marker is None:
            break
        assert f"marker={marker}" in answer["metadata"]["next_href"]
        assert "limit=5" in answer["metadata"]["next_href"]

    assert seen == every


def test_a_page_may_begin_between_types(cast: Cast) -> None:
    answer = cast.bob.get("/check_types", marker="remote.", limit=1)

    assert [one["id"] for one in answer["values"]] == ["remote.dns"]


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
def test_a_limit_is_between_1_and_1000(cast: Cast, limit: str) -> None:
    assert cast.bob.refused("GET", f"/check_types?limit={limit}")["type"] == "invalidLimit"


def test_one_type_is_shown_with_its_fields(cast: Cast) -> None:
    shown = cast.bob.get("/check_types/remote.ssh")

    assert shown == {
        "id": "remote.ssh",
        "category": "remote",
        "type": "remote",
        "fields": [{"name": "port", "description": "Port number (default: 22)", "optional": True}],
    }
    assert cast.bob.get("/check_types/agent.filesystem_state")["supported_platforms"] == ["Linux"]


def test_a_type_that_is_none_is_not_found(cast: Cast) -> None:
    fault = cast.bob.refused("GET", "/check_types/remote.telepathy")

    assert fault["type"] == "notFoundError"
    assert fault["details"] == 'Object "CheckType" with key "remote.telepathy" does not exist'


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_types_cannot_be_changed(cast: Cast, method: str) -> None:
    path = "/check_types" if method == "POST" else "/check_types/remote.ssh"

    assert cast.alice.refused(method, path, {})["code"] == 405


def test_a_check_that_no_collector_of_its_zones_can_run_is_refused(cast: Cast) -> None:
    checks = f"/entities/{cast.alice.entity()}/checks"
    zones = ["mzdfw", "mzlon"]
    body = http_check(type="remote.telnet-banner", details={}, monitoring_zones_poll=zones)

    known = cast.alice.call("POST", checks, http_check(monitoring_zones_poll=zones))
    fault = cast.alice.refused("POST", checks, body)

    assert known.status_code == 201
    assert fault["message"] == "Validation error for key 'monitoring_zones_poll'"
    assert "remote.telnet-banner" in fault["details"]
    assert fault["details"].endswith("mzdfw, mzlon")


def test_details_are_judged_before_zones(cast: Cast) -> None:
    body = http_check(type="remote.dns", details=DNS | {"record_type": "ANY"})
    fault = cast.alice.refused("POST", f"/entities/{cast.alice.entity()}/checks", body)

    assert fault["message"] == "Validation error for key 'details.record_type'"


def test_an_agents_check_takes_the_details_of_its_type_only(cast: Cast) -> None:
    checks = f"/entities/{cast.alice.entity()}/checks"
    plugin = {"file": "check.sh", "args": ["-w", "1", "-c", "1"], "timeout": "5000"}

    check = cast.alice.create(checks, type="agent.plugin", details=plugin)
    fault = cast.alice.refused("POST", checks, {"type": "agent.plugin", "details": plugin | {"user": "root"}})

    assert cast.alice.get(f"{checks}/{check}")["details"] == plugin | {"timeout": 5000}
    assert fault["message"] == "Validation error for key 'details.user'"


@pytest.mark.parametrize("type_", SECRETS)
def test_passwords_are_for_those_who_may_see_them(cast: Cast, type_: str) -> None:
    checks = f"/entities/{cast.alice.entity()}/checks"
    remote = http_check() if type_.startswith("remote.") else {}
    check = cast.alice.create(checks, **remote | {"type": type_, "details": SECRETS[type_]})

    assert cast.alice.get(f"{checks}/{check}")["details"].items() >= SECRETS[type_].items()
    assert "swordfish" not in cast.bob.call("GET", f"{checks}/{check}").text
    assert "swordfish" not in cast.bob.call("GET", checks).text
    assert "swordfish" not in cast.alice.call("GET", "/audits").text


def test_a_changed_detail_keeps_to_its_type(cast: Cast) -> None:
    entity = cast.alice.entity()
    check = f"/entities/{entity}/checks/{cast.alice.check(entity, type='agent.network', details={'target': 'eth0'})}"

    cast.alice.update(check, details={"target": "eth1"})
    fault = cast.alice.refused("PUT", check, {"details": {}})

    assert cast.alice.get(check)["details"] == {"target": "eth1"}
    assert fault["message"] == "Validation error for key 'details.target'"
