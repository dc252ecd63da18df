"""`Idempotency-Key`: what is sent again within a day is answered as before and not done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doors.api.house import Caller, House, http_check

_AS_ANSWERED = ("Location", "X-Object-ID", "X-Ignored-Attributes", "X-Shell-Installer-Location")

Prepared = tuple[str, dict[str, Any]]
"""(path, body) of a creation."""


def _alarm(caller: Caller) -> Prepared:
    entity = caller.entity()
    body = {"check_id": caller.check(entity), "notification_plan_id": "npTechnicalContactsEmail"}
    return f"/entities/{entity}/alarms", body


CREATIONS: dict[str, Callable[[Caller], Prepared]] = {
    "create_entities": lambda _caller: ("/entities", {"label": "web1"}),
    "create_checks": lambda caller: (f"/entities/{caller.entity()}/checks", http_check()),
    "create_alarms": _alarm,
    "create_notifications": lambda _caller: (
        "/notifications",
        {"label": "hook", "type": "webhook", "details": {"url": "https://example.org/hook"}},
    ),
    "create_notification_plans": lambda _caller: ("/notification_plans", {"label": "plan"}),
    "create_suppressions": lambda caller: ("/suppressions", {"entities": [caller.entity()]}),
    "create_monitoring_zone": lambda _caller: ("/monitoring_zones", {"label": "ours"}),
    "create_agent_token": lambda _caller: ("/agent_tokens", {"label": "hosts"}),
    "rotate_agent_token": lambda caller: (f"/agent_tokens/{caller.create('/agent_tokens')}/rotate", {"overlap": 60}),
    "create_agent_installer": lambda caller: ("/agent_installers", {"entity_id": caller.entity()}),
}
"""By the name of the operation."""


@pytest.fixture
def alice(stored_house: House) -> Caller:
    return stored_house.cast().alice


@pytest.fixture(params=CREATIONS)
def prepared(request: pytest.FixtureRequest, alice: Caller) -> Prepared:
    return CREATIONS[request.param](alice)


def post(caller: Caller, path: str, body: Any, key: str = "a-key") -> httpx.Response:
    return caller.call("POST", path, body, headers={"Idempotency-Key": key})


def answered(answer: httpx.Response) -> tuple[int, bytes, list[str | None]]:
    return answer.status_code, answer.content, [answer.headers.get(name) for name in _AS_ANSWERED]


def test_every_operation_that_creates_is_here(house: House) -> None:
    document = httpx.get(f"{house.api}/openapi.json", trust_env=False).json()
    creating, keyed = set(), set()
    for path in document["paths"].values():
        for operation in path.values():
            if "201" in operation["responses"]:
                creating.add(operation["operationId"])
            if any(one["name"] == "Idempotency-Key" for one in operation["parameters"]):
                keyed.add(operation["operationId"])
    assert creating == keyed == set(CREATIONS)


def test_the_same_request_is_answered_as_before(alice: Caller, prepared: Prepared) -> None:
    path, body = prepared
    body = body | {"unknown_member": 1}
    first = post(alice, path, body)
    assert first.status_code == 201, first.text
    assert first.headers["X-Ignored-Attributes"] == "unknown_member"
    again = [post(alice, path, body) for _ in range(2)]
    assert [answered(one) for one in again] == [answered(first)] * 2
    assert len({one.headers["X-Response-Id"] for one in (first, *again)}) == 3
    other = post(alice, path, body, "another-key")
    assert other.status_code == 400 if path.endswith("/rotate") else answered(other) != answered(first)


def test_another_body_is_refused(alice: Caller, prepared: Prepared) -> None:
    path, body = prepared
    assert post(alice, path, body).status_code == 201
    fault = alice.refused("POST", path, body | {"other": "x"}, headers={"Idempotency-Key": "a-key"})
    assert (fault["code"], fault["message"]) == (400, "The Idempotency-Key was used for another request")


def test_sent_many_times_at_once_it_is_done_once(alice: Caller) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: answered(post(alice, "/entities", {"label": "x"})), range(16)))
    assert answers == [answers[0]] * 16
    assert answers[0][0] == 201
    assert alice.get("/entities")["metadata"]["count"] == 1
    assert [audit["statusCode"] for audit in alice.audits()] == [201] * 16


@pytest.fixture
def neighbour(dsn: str | None, stored_house: House, tmp_path: Path) -> Iterator[House]:
    """Another server process over the same PostgreSQL."""
    if dsn is None:
        pytest.skip("the embedded database has one server")
    with House(_with_keys(stored_house, tmp_path), database=dsn) as running:
        yield running


def _with_keys(house: House, tmp_path: Path) -> Path:
    directory = tmp_path / "var"
    directory.mkdir(mode=0o700)
    keys = directory / "keys"
    keys.touch(mode=0o600)
    keys.write_bytes((house.config.data_dir / "keys").read_bytes())
    return directory


def test_two_servers_do_it_once(alice: Caller, neighbour: House) -> None:
    there = neighbour.caller(alice.login, alice.token)
    callers = [alice, there] * 8
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda one: post(one, "/entities", {"label": "x"}), callers))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.headers["X-Object-ID"] for answer in answers}) == 1
    assert alice.get("/entities")["metadata"]["count"] == 1


def test_both_forms_of_an_address_are_one(alice: Caller) -> None:
    first = post(alice, "/entities", {"label": "x"})
    headers = {"X-Auth-Token": alice.token, "Idempotency-Key": "a-key"}
    short = httpx.post(f"{alice.api}/v1.0/entities/", json={"label": "x"}, headers=headers, trust_env=False)
    assert answered(short) == answered(first)


def test_it_is_answered_although_the_object_is_gone(alice: Caller) -> None:
    first = post(alice, "/entities", {"label": "x"})
    alice.delete(f"/entities/{first.headers['X-Object-ID']}")
    assert answered(post(alice, "/entities", {"label": "x"})) == answered(first)
    assert alice.get("/entities")["values"] == []


def test_a_token_that_is_gone_cannot_be_told_again(alice: Caller) -> None:
    token = post(alice, "/agent_tokens", {"label": "x"}).headers["X-Object-ID"]
    alice.delete(f"/agent_tokens/{token}")
    fault = alice.refused("POST", "/agent_tokens", {"label": "x"}, headers={"Idempotency-Key": "a-key"})
    assert (fault["code"], fault["message"]) == (400, "What this Idempotency-Key has created is gone")


def test_what_was_refused_may_be_tried_again(alice: Caller) -> None:
    assert post(alice, "/entities", {}).status_code == 400
    assert post(alice, "/entities", {"label": "x"}).status_code == 201


def test_another_user_has_keys_of_their_own(stored_house: House) -> None:
    cast = stored_house.cast()
    answers = [post(caller, "/entities", {"label": "x"}) for caller in (cast.alice, cast.carol, cast.charlie)]
    assert len({answer.headers["X-Object-ID"] for answer in answers}) == 3
    assert post(cast.bob, "/entities", {"label": "x"}).status_code == 403


@pytest.mark.parametrize("key", ["", "a key", "é", "x" * 256])
def test_what_is_no_key_is_refused(alice: Caller, key: str) -> None:
    headers = [(b"X-Auth-Token", alice.token.encode()), (b"Idempotency-Key", key.encode("latin-1"))]
    answer = alice.http.post("/entities", json={"label": "x"}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["message"] == "The Idempotency-Key header is not valid"
    assert alice.get("/entities")["values"] == []


def test_the_longest_key_is_taken(alice: Caller) -> None:
    assert post(alice, "/entities", {"label": "x"}, "~" * 255).status_code == 201


def test_elsewhere_the_header_means_nothing(alice: Caller) -> None:
    entity = alice.entity()
    for method, body in (("PUT", {"label": "a"}), ("PUT", {"label": "b"}), ("GET", None), ("DELETE", None)):
        answer = alice.call(method, f"/entities/{entity}", body, headers={"Idempotency-Key": "a-key"})
        assert answer.status_code in {200, 204}
