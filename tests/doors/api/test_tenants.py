"""Tenants see nothing of one another."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.doors.api.house import Caller, Cast, http_check


def _told(caller: Caller, method: str, path: str, body: Any, key: str) -> str:
    """An answer without what differs by nature: the key asked for and the transaction's id."""
    fault = caller.refused(method, path, body)
    del fault["txnId"], fault["request_id"]
    return repr(fault).replace(key, "KEY")


def test_another_tenants_objects_and_none_get_the_same_answers(cast: Cast) -> None:
    alice, charlie = cast.alice, cast.charlie
    entity, mine = alice.entity(), charlie.entity()
    check, plan, hook = alice.check(entity), alice.plan(), alice.notification()
    alarm = alice.alarm(entity, check, plan)
    token = alice.create("/agent_tokens")
    nobodys = "f" * 64 + f".{charlie.tenant}"
    pairs = [
        ("/entities/{}", entity, "en0000000000"), ("/entities/{}/checks", entity, "en0000000000"),
        ("/entities/{}/alarms/al0", entity, "en0000000000"), (f"/entities/{mine}/checks/{{}}", check, "ch0000000000"),
        (f"/entities/{mine}/alarms/{{}}", alarm, "al0000000000"), ("/notification_plans/{}", plan, "np0000000000"),
        ("/notifications/{}", hook, "nt0000000000"), (f"/entities/{mine}/checks/{{}}/metrics", check, "ch0000000000"),
    ]  # fmt: skip

    for path, theirs, none in pairs:
        methods = ("GET",) if path.endswith(("metrics", "checks")) else ("GET", "PUT", "DELETE")
        for method in methods:
            body = {"label": "x"} if method == "PUT" else None
            answers = [_told(charlie, method, path.format(key), body, key) for key in (theirs, none)]
            assert answers[0] == answers[1]
    for method in ("GET", "PUT", "DELETE"):
        body = {} if method == "PUT" else None
        answers = [_told(charlie, method, f"/agent_tokens/{key}", body, key[:8]) for key in (token, nobodys)]
        assert answers[0] == answers[1]
    assert alice.get(f"/entities/{entity}")["id"] == entity


def test_lists_hold_only_what_is_ones_own(cast: Cast) -> None:
    cast.alice.entity(), cast.alice.notification(), cast.alice.plan(), cast.alice.create("/agent_tokens")

    built_in = {"/notifications": 1, "/notification_plans": 2}
    for path in (
        "/entities",
        "/notifications",
        "/notification_plans",
        "/agent_tokens",
        "/audits",
        "/changelogs/alarms",
    ):
        assert cast.charlie.get(path)["metadata"]["count"] == built_in.get(path, 0)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_tenants_address_is_forbidden_whether_it_exists_or_not(cast: Cast, method: str) -> None:
    def refused(tenant: str) -> dict[str, Any]:
        answer = httpx.request(
            method,
            f"{cast.charlie.api}/v1.0/{tenant}/entities",
            headers={"X-Auth-Token": cast.charlie.token},
            trust_env=False,
        )
        fault: dict[str, Any] = answer.json()
        return {name: fault[name] for name in ("type", "code", "message", "details")}

    existing, none = refused(cast.alice.tenant), refused("nobody")

    assert existing == none
    assert (existing["type"], existing["code"]) == ("forbiddenError", 403)
    assert [audit["statusCode"] for audit in cast.charlie.audits()] == ([403, 403] if method == "POST" else [])
    assert cast.alice.audits() == []


def test_ones_own_tenant_is_found_ignoring_case(cast: Cast) -> None:
    answer = httpx.get(
        f"{cast.alice.api}/v1.0/{cast.alice.tenant.upper()}/entities", headers={"X-Auth-Token": cast.alice.token},
        trust_env=False,
    )  # fmt: skip

    assert answer.status_code == 200


def test_the_tenant_header_must_be_the_tokens_tenant(cast: Cast) -> None:
    def status(tenant: str) -> int:
        return cast.alice.call("GET", "/entities", headers={"X-Tenant-Id": tenant}).status_code

    assert [status(cast.alice.tenant), status(cast.charlie.tenant), status("x")] == [200, 403, 403]


def test_ids_of_another_tenant_cannot_be_referred_to(cast: Cast) -> None:
    entity = cast.charlie.entity()
    check = cast.charlie.check(entity)
    body = {"check_id": check, "notification_plan_id": cast.alice.plan()}

    assert cast.charlie.refused("POST", f"/entities/{entity}/alarms", body)["type"] == "requiredNotFoundError"
    assert cast.charlie.refused("POST", f"/entities/{cast.alice.entity()}/checks", http_check())["code"] == 404
