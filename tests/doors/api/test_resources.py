"""Create, read, change and remove: the shapes every resource shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest

from tests.doors.api.house import Caller, Cast, http_check

_URL = {"url": "https://example.org/hook"}


class Example(NamedTuple):
    """One resource of the configuration API."""

    collection: Callable[[Caller], str]
    body: Callable[[Caller, str], dict[str, Any]]  # (caller, collection)
    prefix: str
    members: set[str]
    noun: str


def _below_entity(plural: str) -> Callable[[Caller], str]:
    return lambda caller: f"/entities/{caller.entity()}/{plural}"


def _alarm(caller: Caller, collection: str) -> dict[str, Any]:
    return {"check_id": caller.check(collection.split("/")[2]), "notification_plan_id": caller.plan()}


_SUPPRESSIONS = {"active_suppressions", "scheduled_suppressions"}
_STAMPS = {"id", "created_at", "updated_at"}
EXAMPLES = {
    "entities": Example(
        lambda _caller: "/entities",
        lambda _caller, _path: {"label": "web1"},
        "en",
        {"label", "agent_id", "ip_addresses", "managed", "metadata", "uri"} | _SUPPRESSIONS | _STAMPS,
        "Entity",
    ),
    "checks": Example(
        _below_entity("checks"),
        lambda _caller, _path: http_check(),
        "ch",
        {
            "type",
            "details",
            "disabled",
            "label",
            "metadata",
            "period",
            "timeout",
            "monitoring_zones_poll",
            "target_alias",
            "target_hostname",
            "target_resolver",
            "confd_name",
            "confd_hash",
        }
        | _SUPPRESSIONS
        | _STAMPS,
        "Check",
    ),
    "alarms": Example(
        _below_entity("alarms"),
        _alarm,
        "al",
        {
            "check_id",
            "entity_id",
            "notification_plan_id",
            "criteria",
            "disabled",
            "label",
            "metadata",
            "confd_name",
            "confd_hash",
        }
        | _SUPPRESSIONS
        | _STAMPS,
        "Alarm",
    ),
    "notifications": Example(
        lambda _caller: "/notifications",
        lambda _caller, _path: {"label": "hook", "type": "webhook", "details": _URL},
        "nt",
        {"label", "type", "details", "metadata"} | _STAMPS,
        "Notification",
    ),
    "notification_plans": Example(
        lambda _caller: "/notification_plans",
        lambda _caller, _path: {"label": "plan"},
        "np",
        {"label", "critical_state", "warning_state", "ok_state", "metadata"} | _STAMPS,
        "NotificationPlan",
    ),
    "agent_tokens": Example(
        lambda _caller: "/agent_tokens",
        lambda _caller, _path: {"label": "token"},
        "",
        {"token", "label"} | _STAMPS,
        "AgentToken",
    ),
}


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Example:
    return EXAMPLES[request.param]


def _made(caller: Caller, example: Example, **more: Any) -> tuple[str, httpx.Response]:
    """(the collection's address, the answer that created an object)."""
    collection = example.collection(caller)
    answer = caller.call("POST", collection, example.body(caller, collection) | more)
    assert answer.status_code == 201, answer.text
    return collection, answer


def test_creating_answers_where_the_object_is_and_nothing_else(cast: Cast, example: Example) -> None:
    collection, answer = _made(cast.alice, example)

    key = answer.headers["X-Object-ID"]
    assert answer.content == b""
    assert answer.headers["Location"] == f"{cast.alice.api}/v1.0/{cast.alice.tenant}{collection}/{key}"
    assert answer.headers["Content-Length"] == "0"
    assert "X-Ignored-Attributes" not in answer.headers
    assert key.startswith(example.prefix)


def test_what_was_created_is_shown_with_every_member(cast: Cast, example: Example) -> None:
    collection, answer = _made(cast.alice, example)
    key = answer.headers["X-Object-ID"]

    shown = cast.alice.call("GET", f"{collection}/{key}")

    assert shown.headers["Content-Type"] == "application/json; charset=utf-8"
    assert shown.json()["id"] == key
    assert example.members <= set(shown.json())
    assert shown.json()["created_at"] == shown.json()["updated_at"]
    assert shown.json() in cast.alice.get(collection)["values"]


def test_location_leads_to_the_object_and_the_tenantless_address_too(cast: Cast, example: Example) -> None:
    collection, answer = _made(cast.alice, example)
    headers = {"X-Auth-Token": cast.alice.token}
    key = answer.headers["X-Object-ID"]
    addresses = [
        answer.headers["Location"],
        f"{cast.alice.api}/v1.0{collection}/{key}",
        answer.headers["Location"] + "/",
    ]

    shown = [httpx.get(address, headers=headers, trust_env=False).json() for address in addresses]

    assert shown[0] == shown[1] == shown[2]
    assert shown[0]["id"] == key


def test_changing_answers_204_with_the_location(cast: Cast, example: Example) -> None:
    collection, answer = _made(cast.alice, example)
    key = answer.headers["X-Object-ID"]

    changed = cast.alice.update(f"{collection}/{key}", label="another")

    assert changed.content == b""
    assert changed.headers["Location"] == answer.headers["Location"]
    assert cast.alice.get(f"{collection}/{key}")["label"] == "another"


def test_an_update_changes_only_what_it_names(cast: Cast, example: Example) -> None:
    collection, answer = _made(cast.alice, example)
    path = f"{collection}/{answer.headers['X-Object-ID']}"
    before = cast.alice.get(path)

    cast.alice.update(path, label="another")

    after = cast.alice.get(path)
    assert after["updated_at"] >= before["updated_at"]
    assert after | {"label": before["label"], "updated_at": before["updated_at"]} == before


def test_an_update_that_changes_no_value_changes_nothing(cast: Cast, example: Example) -> None:
    collection, answer = _made(cast.alice, example)
    path = f"{collection}/{answer.headers['X-Object-ID']}"
    before = cast.alice.get(path)

    cast.alice.update(path)
    cast.alice.update(path, label=before["label"])
    whole = cast.alice.update(path, **before)

    assert cast.alice.get(path) == before
    ignored = set(whole.headers["X-Ignored-Attributes"].split(", "))
    assert {"id", "created_at", "updated_at"} <= ignored
    assert "label" not in ignored


def test_removing_answers_204_and_then_there_is_none(cast: Cast, example: Example) -> None:
    collection, answer = _made(cast.alice, example)
    path = f"{collection}/{answer.headers['X-Object-ID']}"

    removed = cast.alice.delete(path)

    assert removed.content == b""
    assert cast.alice.refused("GET", path)["type"] == "notFoundError"
    assert cast.alice.refused("DELETE", path)["type"] == "notFoundError"
    assert cast.alice.refused("PUT", path, {})["type"] == "notFoundError"


def test_there_is_one_answer_for_what_does_not_exist(cast: Cast, example: Example) -> None:
    collection = example.collection(cast.alice)

    fault = cast.alice.refused("GET", f"{collection}/zz0000000000")

    key = "zz0000000000" if collection.count("/") == 1 else f"{collection.split('/')[2]}:zz0000000000"
    assert fault["message"] == "Object does not exist"
    assert fault["details"] == f'Object "{example.noun}" with key "{key}" does not exist'


@pytest.mark.parametrize("plural", ["checks", "alarms"])
@pytest.mark.parametrize(
    ("method", "item"), [("GET", ""), ("POST", ""), ("GET", "/zz0"), ("PUT", "/zz0"), ("DELETE", "/zz0")]
)
def test_below_no_entity_the_parent_is_what_is_missing(cast: Cast, plural: str, method: str, item: str) -> None:
    body: dict[str, Any] | None = {} if method in {"POST", "PUT"} else None

    fault = cast.alice.refused(method, f"/entities/en0000000000/{plural}{item}", body)

    assert (fault["code"], fault["type"], fault["message"]) == (404, "parentNotFoundError", "Parent does not exist")
    assert fault["details"] == 'Object "Entity" with key "en0000000000" does not exist'


def test_an_object_is_not_found_below_another_entity(cast: Cast) -> None:
    check = cast.alice.check(cast.alice.entity())

    assert cast.alice.refused("GET", f"/entities/{cast.alice.entity()}/checks/{check}")["type"] == "notFoundError"


def test_unknown_and_read_only_members_are_named_and_not_taken(cast: Cast, example: Example) -> None:
    collection, answer = _made(cast.alice, example, id="mine", created_at=1, lable="typing error", updated_at=None)

    assert answer.headers["X-Ignored-Attributes"] == "id, created_at, lable"
    assert cast.alice.get(f"{collection}/{answer.headers['X-Object-ID']}")["id"] != "mine"


def test_at_most_ten_ignored_members_are_named_and_only_harmless_names(cast: Cast) -> None:
    body = {"label": "x", "a\r\nb": 1, "ü": 1, "y" * 65: 1} | {f"m{number}": 1 for number in range(12)}

    answer = cast.alice.call("POST", "/entities", body)

    assert answer.headers["X-Ignored-Attributes"] == ", ".join([*(f"m{number}" for number in range(10)), "+5"])


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/json; charset=UTF-8", "text/plain", "x"]
)
def test_any_content_type_but_xml_is_tolerated(cast: Cast, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}

    assert cast.alice.call("POST", "/entities", b'{"label":"x"}', headers=headers).status_code == 201


@pytest.mark.parametrize("content_type", ["application/xml", "text/xml; charset=utf-8", "APPLICATION/XML"])
def test_an_xml_body_is_a_415(cast: Cast, content_type: str) -> None:
    fault = cast.alice.refused("POST", "/entities", b"<entity/>", headers={"Content-Type": content_type})

    assert (fault["type"], fault["code"]) == ("badRequest", 415)


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ("application/xml", 406),
        ("text/xml, application/xml;q=0.9", 406),
        ("application/xml, application/json", 200),
        ("*/*", 200),
        ("text/html", 200),
    ],
)
def test_who_takes_only_xml_gets_a_406(cast: Cast, accept: str, code: int) -> None:
    answer = cast.alice.call("GET", "/entities", headers={"Accept": accept})

    assert answer.status_code == code
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/entities", "GET, POST"),
        ("/entities/en0000000000", "DELETE, GET, PUT"),
        ("/account", "GET, PUT"),
        ("/audits", "GET"),
    ],
)
def test_another_method_is_a_405_that_names_the_right_ones(cast: Cast, path: str, allowed: str) -> None:
    answer = cast.alice.call("PATCH", path, {})

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert cast.alice.refused("PATCH", path, {})["type"] == "badRequest"


def test_every_answer_has_an_id_of_its_own_and_the_rate_limits(cast: Cast) -> None:
    answers = [cast.alice.call("GET", path) for path in ("/entities", "/entities", "/entities/none", "/account")]

    assert len({answer.headers["X-Response-Id"] for answer in answers}) == len(answers)
    assert [int(answer.headers["X-RateLimit-Used"]) for answer in answers] == [1, 2, 3, 4]
    for answer in answers:
        used, remaining = (int(answer.headers[f"X-RateLimit-{name}"]) for name in ("Used", "Remaining"))
        assert used + remaining == int(answer.headers["X-RateLimit-Limit"]) == 50_000
        assert (answer.headers["X-RateLimit-Window"], answer.headers["X-RateLimit-Type"]) == ("24 hours", "global")


def test_the_account_is_shown_and_changed(cast: Cast) -> None:
    changed = cast.alice.update("/account", metadata={"team": "blue"}, webhook_token="0123456789")

    assert changed.headers["Location"] == f"{cast.alice.api}/v1.0/{cast.alice.tenant}/account"
    assert cast.alice.get("/account") == {
        "id": cast.alice.tenant,
        "metadata": {"team": "blue"},
        "webhook_token": "0123456789",
    }

    cast.alice.update("/account", webhook_token=None)
    assert cast.alice.get("/account")["webhook_token"] is None
    assert cast.alice.refused("PUT", "/account", {"webhook_token": "short"})["message"].endswith("'webhook_token'")


def test_limits_tell_what_there_is_and_what_is_used(cast: Cast) -> None:
    limits = cast.alice.get("/limits")

    assert limits["resource"] == {"checks": 1000, "alarms": 10_000}
    assert limits["rate"]["global"] == {"limit": 50_000, "used": 1, "window": "24 hours"}
    assert set(limits["rate"]) == {"global", "test_check", "test_alarm", "test_notification", "traceroute"}


def test_what_exists_on_every_account_is_shown_and_cannot_be_changed(cast: Cast) -> None:
    for path in (
        "/notification_plans/npTechnicalContactsEmail",
        "/notification_plans/npManaged",
        "/notifications/ntTechnicalContactsEmail",
    ):
        collection, key = path.rsplit("/", 1)
        assert cast.alice.get(path)["id"] == key
        assert key in [item["id"] for item in cast.alice.get(collection)["values"]]
        assert cast.alice.refused("DELETE", path)["type"] == "forbiddenError"
        assert cast.alice.refused("PUT", path, {"label": "x"})["type"] == "forbiddenError"


def test_zones_are_listed_and_shown(cast: Cast) -> None:
    zones = cast.bob.get("/monitoring_zones")["values"]

    assert [zone["id"] for zone in zones] == ["mzdfw", "mzlon", "mzord"]
    assert cast.bob.get("/monitoring_zones/mzlon") == zones[1]
    assert {"id", "label", "country_code", "source_ips"} <= set(zones[0])
    assert cast.bob.refused("GET", "/monitoring_zones/mznone")["type"] == "notFoundError"


def test_the_token_of_an_agent_is_its_id(cast: Cast) -> None:
    token = cast.alice.create("/agent_tokens", label=None)

    digits, dot, tenant = token.partition(".")
    assert (len(digits), dot, tenant) == (64, ".", cast.alice.tenant)
    shown = cast.alice.get(f"/agent_tokens/{token}")
    assert (shown["id"], shown["token"], shown["label"]) == (token, token, None)
