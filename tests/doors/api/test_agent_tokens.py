"""Agent tokens: method by role by body, over both databases (reference: agent tokens)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.doors.api.house import House
from tests.doors.api.token_cast import Callers, callers
from tests.doors.api.token_table import ATTEMPTS, BODIES, FAULTS, HEADERS, KEYS, OPERATIONS, Attempt, verdict
from vedette.adapters.sql.agent_tokens import SqlAgentTokens
from vedette.app import load
from vedette.ports.unit import StoreUnavailable

RATES = {"x-ratelimit-limit", "x-ratelimit-used", "x-ratelimit-remaining", "x-ratelimit-window", "x-ratelimit-type"}


@pytest.fixture(scope="module")
def table(stored_house: House) -> Callers:
    """One tenant for the whole table; its rate limit is lifted."""
    everybody = callers(stored_house)
    stored_house.limit(everybody.cast.alice.tenant, **{"rate.global": 0})
    return everybody


def prepare(table: Callers, attempt: Attempt) -> str:
    """The token it is about."""
    token = table.cast.alice.create("/agent_tokens", label="before")
    if attempt.operation == "finish":
        table.cast.alice.create(f"/agent_tokens/{token}/rotate")
    return token


def ask(table: Callers, attempt: Attempt, token: str) -> httpx.Response:
    method, path = OPERATIONS[attempt.operation]
    caller = table.by_name[attempt.caller]
    headers = {"X-Auth-Token": caller.token} if caller.token else {}
    body = BODIES[attempt.shape]
    content = {} if body is None else {"content": body} if isinstance(body, bytes) else {"json": body}
    headers |= HEADERS.get(attempt.shape, {})
    return caller.http.request(method, path.format(token=token), headers=headers, **content)


def expect_fault(answer: httpx.Response, word: str) -> dict[str, Any]:
    """Status, type, members and headers of a fault."""
    status, kind = FAULTS[word]
    fault: dict[str, Any] = answer.json()
    assert (answer.status_code, fault["type"], fault["code"]) == (status, kind, status), answer.text
    assert set(fault) == {"type", "code", "message", "details", "txnId", "request_id"}
    assert fault["txnId"] == fault["request_id"] == answer.headers["X-Response-Id"]
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert RATES.issubset(answer.headers) == (word != "who")
    return fault


def expect_success(answer: httpx.Response, attempt: Attempt, token: str, seen_by: Any) -> None:
    """Status and headers of what was done."""
    assert RATES.issubset(answer.headers)
    if answer.status_code == 200:
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert ("ETag" in answer.headers) == (attempt.operation == "show")
        return
    assert answer.content == b""
    if answer.status_code == 201:
        made = answer.headers["X-Object-ID"]
        assert made != token
        assert answer.headers["Location"] == f"{seen_by.http.base_url}agent_tokens/{made}".replace("%3A", ":")
    elif attempt.operation == "update":
        assert answer.headers["Location"] == f"{seen_by.http.base_url}agent_tokens/{token}"
        assert "X-Object-ID" not in answer.headers
    else:
        assert not {"location", "x-object-id"} & set(answer.headers)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_every_method_answers_every_role_and_body_as_the_table_says(table: Callers, attempt: Attempt) -> None:
    token = prepare(table, attempt)
    before = state(table, token)
    answer = ask(table, attempt, token)
    expected = verdict(attempt)
    if expected in FAULTS:
        fault = expect_fault(answer, expected)
        assert token not in answer.text
        if expected == "key":
            assert fault["message"] == f"Validation error for key '{KEYS[attempt.shape]}'"
        assert state(table, token) == before
    else:
        assert answer.status_code == int(expected), answer.text
        expect_success(answer, attempt, token, table.by_name[attempt.caller])


def state(table: Callers, token: str) -> Any:
    return table.cast.alice.get(f"/agent_tokens/{token}")


# What fails in the store, by what the operation asks of it first.
_NEEDS = {"create": "add", "list": "list"}


def failing(error: Exception) -> Any:
    def fail(*_given: object, **_more: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_failing_store_is_an_internal_failure_that_tells_nothing_of_itself(
    table: Callers, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Attempt(operation, "admin", "empty_object")
    token = prepare(table, attempt)
    before = state(table, token)
    with monkeypatch.context() as broken:
        broken.setattr(SqlAgentTokens, _NEEDS.get(operation, "find_by_index"), failing(RuntimeError("cylinder 7")))
        answer = ask(table, attempt, token)
    fault = answer.json()
    assert (answer.status_code, fault["type"], fault["code"]) == (500, "internalError", 500)
    assert "cylinder" not in answer.text
    assert fault["txnId"] == answer.headers["X-Response-Id"]
    assert state(table, token) == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_store_that_cannot_be_reached_is_a_failure_to_wait_for(
    table: Callers, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Attempt(operation, "admin", "empty_object")
    token = prepare(table, attempt)
    before = state(table, token)
    with monkeypatch.context() as gone:
        gone.setattr(SqlAgentTokens, _NEEDS.get(operation, "find_by_index"), failing(StoreUnavailable("host 7")))
        answer = ask(table, attempt, token)
    expect_unavailable(answer)
    assert "host 7" not in answer.text
    assert state(table, token) == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_overload_is_shed_before_anything_happens(
    table: Callers, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Attempt(operation, "admin", "empty_object")
    token = prepare(table, attempt)
    before = state(table, token)
    audits = len(table.cast.alice.get("/audits", limit=1000, reverse="true")["values"])
    with monkeypatch.context() as busy:
        busy.setattr(load, "_MOST_WAIT_S", -1.0)  # however short the wait, it is too long
        answer = ask(table, attempt, token)
    expect_unavailable(answer)
    assert not RATES & set(answer.headers)
    assert state(table, token) == before
    assert len(table.cast.alice.get("/audits", limit=1000, reverse="true")["values"]) == audits


def expect_unavailable(answer: httpx.Response) -> None:
    fault = answer.json()
    assert (answer.status_code, fault["type"], fault["code"]) == (503, "systemFailureError", 503)
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert fault["txnId"] == answer.headers["X-Response-Id"]


def test_other_methods_are_refused_by_name(table: Callers) -> None:
    token = table.cast.alice.create("/agent_tokens")
    allowed = {
        "/agent_tokens": "GET, POST",
        f"/agent_tokens/{token}": "DELETE, GET, PUT",
        f"/agent_tokens/{token}/agents": "GET",
        f"/agent_tokens/{token}/rotate": "POST",
        f"/agent_tokens/{token}/rotate/finish": "POST",
    }
    for path, methods in allowed.items():
        answer = table.cast.alice.call("PATCH", path)
        assert (answer.status_code, answer.json()["type"], answer.headers["Allow"]) == (405, "badRequest", methods)
