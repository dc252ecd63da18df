"""Who may do what, and who sees what (reference: role-based access control)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.doors.api.house import Caller, Cast, House, http_check

_SECRET = "s3cret-pass"


@pytest.fixture
def objects(cast: Cast) -> dict[str, tuple[str, dict[str, Any]]]:
    """Address of a collection -> (address of an object that nothing refers to, a body that creates another)."""
    alice = cast.alice
    entity = alice.entity()
    checks, alarms = f"/entities/{entity}/checks", f"/entities/{entity}/alarms"
    check, plan, hook = alice.check(entity), alice.plan(), alice.notification()
    alarm = {"check_id": check, "notification_plan_id": "npManaged"}
    webhook = {"label": "x", "type": "webhook", "details": {"url": "http://example.org/"}}
    return {
        alarms: (f"{alarms}/{alice.alarm(entity, check, 'npManaged')}", alarm),
        checks: (f"{checks}/{alice.check(entity)}", http_check()),
        "/notifications": (f"/notifications/{hook}", webhook),
        "/notification_plans": (f"/notification_plans/{plan}", {"label": "x"}),
        "/agent_tokens": (f"/agent_tokens/{alice.create('/agent_tokens')}", {"label": "x"}),
        "/entities": (f"/entities/{alice.entity()}", {"label": "x"}),
    }


def _refusal(caller: Caller, method: str, path: str, body: Any = None) -> str | None:
    answer = caller.call(method, path, body)
    return answer.json()["type"] if answer.status_code >= 400 else None


def test_each_role_does_what_its_row_says(cast: Cast, objects: dict[str, tuple[str, dict[str, Any]]]) -> None:
    no = "missingCapabilitiesError"
    for collection, (item, body) in objects.items():
        for caller, create, remove in ((cast.bob, no, no), (cast.carol, None, no), (cast.alice, None, None)):
            assert _refusal(caller, "GET", collection) is None
            assert _refusal(caller, "GET", item) is None
            assert _refusal(caller, "POST", collection, body) == create
            assert _refusal(caller, "PUT", item, {}) == create
            assert _refusal(caller, "DELETE", item) == remove


def test_reading_is_for_every_role(cast: Cast) -> None:
    for path in ("/account", "/limits", "/audits", "/changelogs/alarms", "/monitoring_zones"):
        assert [_refusal(caller, "GET", path) for caller in cast[:3]] == [None, None, None]
    assert _refusal(cast.bob, "PUT", "/account", {}) == "missingCapabilitiesError"
    assert _refusal(cast.carol, "PUT", "/account", {}) is None


def test_a_refusal_for_the_role_is_a_403_that_names_the_roles(cast: Cast) -> None:
    fault = cast.bob.refused("POST", "/entities", {"label": "x"})

    assert (fault["code"], fault["details"]) == (403, "Roles of the token: monitoring:observer")


@pytest.mark.parametrize("token", [None, "", "nonsense", "0" * 64, "\xe4" * 64])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_valid_token_there_is_a_401(house: House, token: str | None, method: str) -> None:
    headers = [] if token is None else [(b"X-Auth-Token", token.encode("latin-1"))]
    answer = httpx.request(method, f"{house.api}/v1.0/entities", headers=headers, trust_env=False)

    assert (answer.status_code, answer.json()["type"]) == (401, "unauthorizedError")
    assert "X-RateLimit-Limit" not in answer.headers


def _everything(caller: Caller, paths: list[str]) -> str:
    return "\n".join(caller.call("GET", path).text for path in paths)


def test_an_observer_sees_no_secret_anywhere(cast: Cast) -> None:
    alice = cast.alice
    entity = alice.entity()
    details = {"url": "http://example.org/", "auth_user": "u", "auth_password": _SECRET}
    check = alice.check(entity, details=details)
    token = alice.create("/agent_tokens", label="x")
    alice.update(f"/agent_tokens/{token}", label="y")
    alice.update("/account", webhook_token=f"{_SECRET}-token")
    alice.update(f"/entities/{entity}/checks/{check}", details=details | {"auth_password": f"{_SECRET}2"})
    (public,) = [item["id"] for item in cast.bob.get("/agent_tokens")["values"]]
    paths = ["/account", "/audits", "/agent_tokens", f"/agent_tokens/{public}", f"/agent_tokens/{token}",
             f"/entities/{entity}/checks", f"/entities/{entity}/checks/{check}"]  # fmt: skip

    seen, seen_by_carol = _everything(cast.bob, paths), _everything(cast.carol, paths)

    assert _SECRET not in seen
    assert token not in seen
    assert token in seen_by_carol
    assert _SECRET in seen_by_carol
    assert cast.carol.get(f"/entities/{entity}/checks/{check}")["details"]["auth_password"] == f"{_SECRET}2"


def test_an_observer_pages_agent_tokens_by_public_ids(cast: Cast) -> None:
    tokens = [cast.alice.create("/agent_tokens") for _ in range(3)]

    first = cast.bob.get("/agent_tokens", limit=2)
    second = cast.bob.get("/agent_tokens", limit=2, marker=first["metadata"]["next_marker"])

    ids = [item["id"] for page in (first, second) for item in page["values"]]
    assert ids == sorted(ids)
    assert len(ids) == 3
    assert not {part for token in tokens for part in (token, token[:64])} & set(f"{first}{second}".split("'"))
    assert all("token" not in item for item in first["values"])
    assert cast.alice.get(f"/agent_tokens/{ids[0]}")["token"] in tokens


def test_changing_a_check_keeps_the_secret_that_is_not_named(cast: Cast) -> None:
    entity = cast.alice.entity()
    details = {"url": "http://example.org/", "auth_user": "u", "auth_password": _SECRET}
    path = f"/entities/{entity}/checks/{cast.alice.check(entity, details=details)}"

    cast.alice.update(path, label="another")

    assert cast.alice.get(path)["details"]["auth_password"] == _SECRET
