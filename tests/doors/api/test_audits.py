"""Every write request is recorded, and no secret with it (reference: audits)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.doors.api.house import Cast, http_check

_MEMBERS = {
    "id",
    "headers",
    "url",
    "timestamp",
    "app",
    "query",
    "txnId",
    "payload",
    "method",
    "account_id",
    "who",
    "why",
    "statusCode",
    "previous_state",
}


def test_a_write_is_recorded_with_all_documented_members(cast: Cast) -> None:
    answer = cast.alice.call("POST", "/entities", {"label": "x"}, params={"_who": "alice", "_why": "because"})

    (audit,) = cast.bob.audits()
    assert set(audit) == _MEMBERS
    assert audit["txnId"] == answer.headers["X-Response-Id"]
    assert (audit["method"], audit["statusCode"], audit["app"]) == ("POST", 201, "entities")
    assert audit["url"] == f"/v1.0/{cast.alice.tenant}/entities"
    assert audit["query"] == {"_who": "alice", "_why": "because"}
    assert (audit["who"], audit["why"], audit["account_id"]) == ("alice", "because", cast.alice.tenant)
    assert (audit["payload"], audit["previous_state"]) == ('{"label":"x"}', [])
    assert audit["headers"]["x-auth-token"] == "[redacted]"
    assert audit["headers"]["content-type"] == "application/json"


def test_reads_are_not_recorded(cast: Cast) -> None:
    for path in ("/entities", "/entities/none", "/account"):
        cast.alice.call("GET", path)

    assert cast.alice.audits() == []


def test_a_change_records_the_object_as_it_was(cast: Cast) -> None:
    entity = cast.alice.entity(label="before")
    before = cast.alice.get(f"/entities/{entity}")

    cast.alice.update(f"/entities/{entity}", label="after")
    cast.alice.update(f"/entities/{entity}")

    _, changed, unchanged = cast.alice.audits()
    (previous,) = changed["previous_state"]
    assert previous == {name: before[name] for name in previous}
    assert previous["label"] == "before"
    assert unchanged["previous_state"][0]["label"] == "after"


def test_a_removal_records_all_that_went_with_it(cast: Cast) -> None:
    entity = cast.alice.entity()
    check = cast.alice.check(entity)
    alarm = cast.alice.alarm(entity, check, "npManaged")

    cast.alice.delete(f"/entities/{entity}")

    audit = cast.alice.audits()[-1]
    assert (audit["method"], audit["payload"], audit["statusCode"]) == ("DELETE", None, 204)
    assert [one["id"] for one in audit["previous_state"]] == [entity, check, alarm]


def test_refused_writes_are_recorded_too(cast: Cast) -> None:
    entity = cast.alice.entity()
    calls: list[tuple[Any, str, str, Any, int]] = [
        (cast.alice, "POST", "/entities", {}, 400),
        (cast.alice, "POST", "/entities", b"{", 400),
        (cast.bob, "POST", "/entities", {"label": "x"}, 403),
        (cast.carol, "DELETE", f"/entities/{entity}", None, 403),
        (cast.alice, "PUT", "/entities/none", {}, 404),
        (cast.alice, "DELETE", "/notification_plans/npManaged", None, 403),
        (cast.alice, "POST", "/entities", b" " * 300_000, 413),
    ]

    for caller, method, path, body, code in calls:
        assert caller.call(method, path, body).status_code == code
    cast.alice.call("POST", "/entities", b"<x/>", headers={"Content-Type": "text/xml"})

    audits = cast.alice.audits()[1:]
    assert [audit["statusCode"] for audit in audits] == [code for *_, code in calls] + [415]
    assert [audit["payload"] for audit in audits[:3]] == ["{}", "[1 bytes that are not JSON]", '{"label":"x"}']
    assert all(audit["previous_state"] == [] for audit in audits)


@pytest.mark.parametrize("token", [None, "0" * 64])
def test_who_has_no_token_fills_no_audit(cast: Cast, token: str | None) -> None:
    headers = {} if token is None else {"X-Auth-Token": token}
    httpx.post(
        f"{cast.alice.api}/v1.0/{cast.alice.tenant}/entities", json={"label": "x"}, headers=headers, trust_env=False
    )

    assert cast.alice.audits() == []


def test_no_secret_is_recorded(cast: Cast) -> None:
    alice = cast.alice
    entity = alice.entity()
    details = {
        "url": "http://user:hunter2@example.org/",
        "auth_password": "hunter2",
        "headers": {"Authorization": "Bearer hunter2"},
    }
    check = alice.check(entity, details=details)
    alice.update(f"/entities/{entity}/checks/{check}", details=details | {"auth_password": "hunter22"})
    token = alice.create("/agent_tokens", label="x")
    alice.update(f"/agent_tokens/{token}", label="y", token="hunter2-token")
    alice.update("/account", webhook_token="hunter2-hunter2")
    alice.update("/account", webhook_token=None)
    secrets = {"Authorization": "Bearer hunter2", "Cookie": "session=hunter2", "Referer": f"http://x/{token}"}
    alice.call(
        "POST", "/entities", {"label": token}, headers=secrets, params={"X-Auth-Token": alice.token, "_who": token}
    )
    alice.delete(f"/entities/{entity}")
    alice.delete(f"/agent_tokens/{token}")

    recorded = cast.alice.call("GET", "/audits").text

    assert "hunter2" not in recorded
    assert token not in recorded
    assert token[8:64] not in recorded
    assert alice.token not in recorded
    assert f"{token[:8]}..." in recorded


def test_who_and_why_are_cut_at_255_characters(cast: Cast) -> None:
    cast.alice.call("POST", "/entities", {"label": "x"}, params={"_who": "w" * 300, "_why": "ä" * 300})

    (audit,) = cast.alice.audits()
    assert (audit["who"], audit["why"]) == ("w" * 255, "ä" * 255)


def test_the_app_is_the_collection(cast: Cast) -> None:
    entity = cast.alice.entity()
    check = cast.alice.check(entity)
    cast.alice.alarm(entity, check, cast.alice.plan())
    cast.alice.notification()
    cast.alice.create("/agent_tokens")
    cast.alice.update("/account")
    cast.alice.call("POST", f"/entities/{entity}/checks", http_check(period=1))

    assert [audit["app"] for audit in cast.alice.audits()] == [
        "entities",
        "checks",
        "notification_plans",
        "alarms",
        "notifications",
        "agent_tokens",
        "account",
        "checks",
    ]
