"""Garbage of every kind gets the documented fault; nothing reaches a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.api.house import Caller, Cast, House, http_check
from vedette.domain import resources
from vedette.domain.check_types import CHECK_TYPES

_ANY_EXAMPLES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
_FAULTS = {400, 401, 403, 404, 405, 406, 413, 415, 429, 503}

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(
        [
            "",
            "true",
            "60",
            "\0",
            "a\0b",
            "en0123456789",
            "http://[",
            "http://a:99999/",
            "x" * 20_000,
            10**30,
            -(10**400),
            1e308,
            "\ud800",
            "(",
            "[a-",
            "a" * 256,
            "€" * 255,
        ]
    )
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def _bodies(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=12), _VALUES, max_size=8)


def _is_fault_or_done(answer: httpx.Response) -> bool:
    if answer.status_code in {200, 201, 204}:
        return True
    fault = answer.json()
    return answer.status_code in _FAULTS and fault["code"] == answer.status_code and bool(fault["type"])


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def alice(house: House) -> Caller:
    return house.cast().alice


@pytest.fixture(scope="module")
def things(alice: Caller) -> dict[str, str]:
    """Address of a collection -> address of one object in it."""
    entity = alice.entity()
    check, plan = alice.check(entity), alice.plan()
    below = f"/entities/{entity}"
    return {
        "/entities": below,
        f"{below}/checks": f"{below}/checks/{check}",
        f"{below}/alarms": f"{below}/alarms/{alice.alarm(entity, check, plan)}",
        "/notifications": f"/notifications/{alice.notification()}",
        "/notification_plans": f"/notification_plans/{plan}",
        "/agent_tokens": f"/agent_tokens/{alice.create('/agent_tokens', label='x')}",
    }


_NAMES = sorted(
    {a.name for resource in resources.RESOURCES.values() for a in resource.attributes} | {"id", "created_at"}
)


@_ANY_EXAMPLES
@given(body=_bodies(_NAMES), which=st.integers(0, 5))
def test_any_object_is_taken_or_refused_when_something_is_created(
    alice: Caller, things: dict[str, str], body: dict[str, Any], which: int
) -> None:
    assert _is_fault_or_done(alice.call("POST", list(things)[which], _dumped(body)))


@_ANY_EXAMPLES
@given(body=_bodies(_NAMES), which=st.integers(0, 5))
def test_any_object_is_taken_or_refused_when_something_is_changed(
    alice: Caller, things: dict[str, str], body: dict[str, Any], which: int
) -> None:
    path = list(things.values())[which]

    assert _is_fault_or_done(alice.call("PUT", path, _dumped(body)))
    assert alice.call("GET", path).status_code == 200


@_ANY_EXAMPLES
@given(type=st.sampled_from(sorted(CHECK_TYPES)), data=st.data())
def test_any_details_are_taken_or_refused(
    alice: Caller, things: dict[str, str], type: str, data: st.DataObject
) -> None:
    names = [attribute.name for attribute in CHECK_TYPES[type].attributes] or ["x"]
    details = data.draw(_bodies(names))
    collection = next(path for path in things if path.endswith("/checks"))

    answer = alice.call("POST", collection, _dumped(http_check(type=type, details=details)))

    assert _is_fault_or_done(answer)
    if answer.status_code == 201:
        assert alice.call("GET", f"{collection}/{answer.headers['X-Object-ID']}").json()["type"] == type


@_ANY_EXAMPLES
@given(criteria=st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_any_criteria_are_parsed_or_refused(alice: Caller, things: dict[str, str], criteria: str) -> None:
    path = next(path for path in things.values() if "/alarms/" in path)

    assert _is_fault_or_done(alice.call("PUT", path, _dumped({"criteria": criteria})))


@_ANY_EXAMPLES
@given(raw=st.binary(max_size=200), which=st.integers(0, 5))
def test_any_bytes_are_refused(alice: Caller, things: dict[str, str], raw: bytes, which: int) -> None:
    assert _is_fault_or_done(alice.call("POST", list(things)[which], raw or b" "))


@_ANY_EXAMPLES
@given(path=st.text(min_size=1, max_size=30), method=st.sampled_from(["GET", "PUT", "POST", "DELETE"]))
def test_any_address_is_answered(alice: Caller, path: str, method: str) -> None:
    for below in ("/", "/entities/", "/agent_tokens/", "/monitoring_zones/", "/entities/enX/checks/chY/metrics/"):
        encoded = quote(path.encode("utf-8", "surrogatepass"), safe="")
        answer = httpx.request(
            method,
            f"{alice.api}/v1.0/{alice.tenant}{below}{encoded}",
            headers={"X-Auth-Token": alice.token},
            trust_env=False,
        )
        assert _is_fault_or_done(answer)


_QUERIES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "limit",
                "marker",
                "id",
                "label",
                "from",
                "to",
                "reverse",
                "points",
                "resolution",
                "select",
                "entityId",
                "_who",
                "_why",
                "JSONP",
                "x",
            ]
        ),
        st.text(max_size=20) | st.integers().map(str) | st.sampled_from(["\0", "1" * 400, "²", "-1", "1e3", "0x10"]),
    ),
    max_size=5,
)


@_ANY_EXAMPLES
@given(query=_QUERIES, raw=st.binary(max_size=10))
def test_any_query_is_answered(alice: Caller, things: dict[str, str], query: list[tuple[str, str]], raw: bytes) -> None:
    text = (
        "&".join(f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in query) + "&" + quote(raw)
    )
    check = next(path for path in things.values() if "/checks/" in path)
    for path in [
        *things,
        "/audits",
        "/changelogs/alarms",
        "/monitoring_zones",
        f"{check}/metrics",
        f"{check}/metrics/x/plot",
    ]:
        assert _is_fault_or_done(alice.call("GET", f"{path}?{text}"))


@_ANY_EXAMPLES
@given(token=st.binary(max_size=80), tenant=st.binary(max_size=20), other=st.binary(max_size=40))
def test_any_headers_are_answered(alice: Caller, token: bytes, tenant: bytes, other: bytes) -> None:
    def value(raw: bytes) -> bytes:
        return bytes(byte for byte in raw if byte >= 32 and byte != 127).strip()

    headers = {
        "X-Auth-Token": value(token),
        "X-Tenant-Id": value(tenant),
        "Accept": value(other),
        "Content-Type": value(other),
        "X-Forwarded-For": value(other),
        "X-Forwarded-Proto": value(other),
        "Authorization": value(token),
    }
    mine = headers | {"X-Auth-Token": alice.token.encode()}
    for method, sent, body in (("GET", headers, None), ("POST", mine, b"{}")):
        raw = [(name.encode(), text) for name, text in sent.items()]
        answer = alice.http.request(method, "/entities", headers=raw, content=body)
        assert _is_fault_or_done(answer)


_NOT_JSON = {
    "nothing": b"",
    "spaces": b"  \n",
    "a number": b"1",
    "null": b"null",
    "text": b'"label"',
    "a list": b"[]",
    "half an object": b'{"label":',
    "two objects": b"{}{}",
    "a trailing comma": b'{"label":"x",}',
    "a comment": b"{}//",
    "NaN": b'{"x":NaN}',
    "single quotes": b"{'label':'x'}",
    "bad UTF-8": b'{"label":"\xff"}',
    "an encoded surrogate": b'{"label":"\xed\xa0\x80"}',
    "a lone surrogate": b'{"label":"\\ud800"}',
    "UTF-16": '{"label":"x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a form": b"label=x&type=y",
    "XML": b"<entity><label>x</label></entity>",
    "a huge number": b'{"x":1' + b"0" * 5000 + b"}",
    "a number out of range": b'{"x":1e999}',
    "33 levels": b'{"x":' * 33 + b"1" + b"}" * 33,
    "40,000 levels": b"[" * 40_000 + b"]" * 40_000,
    "40,000 open braces": b'{"x":' * 40_000,
}


@pytest.mark.parametrize("what", _NOT_JSON)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_is_no_json_object_is_a_bad_request(cast: Cast, what: str, method: str) -> None:
    path = "/entities" if method == "POST" else f"/entities/{cast.alice.entity()}"

    fault = cast.alice.refused(method, path, _NOT_JSON[what])

    assert (fault["type"], fault["code"]) == ("badRequest", 400)
    assert "The request" in fault["message"]


def test_thirty_two_levels_are_deep_enough(cast: Cast) -> None:
    body = b'{"label":"x","ignored":' + b"[" * 31 + b"]" * 31 + b"}"

    assert cast.alice.call("POST", "/entities", body).status_code == 201


def test_of_duplicate_keys_the_last_counts(cast: Cast) -> None:
    answer = cast.alice.call("POST", "/entities", b'{"label":"first","label":"second"}')

    assert cast.alice.get(f"/entities/{answer.headers['X-Object-ID']}")["label"] == "second"


@pytest.mark.parametrize("kib", [257, 300, 900, 2_000])
def test_a_body_above_256_kib_is_too_large(cast: Cast, kib: int) -> None:
    body = b'{"label":"' + b"x" * (kib * 1024) + b'"}'

    answer = cast.alice.call("POST", "/entities", body, headers={"Connection": "close"} if kib < 1000 else {})

    assert (answer.status_code, answer.json()["type"]) == (413, "requestTooLargeError")


def test_a_chunked_body_above_256_kib_is_too_large(cast: Cast) -> None:
    def chunks() -> Any:
        for _ in range(300):
            yield b" " * 1024

    answer = cast.alice.http.post("/entities", content=chunks(), headers={"X-Auth-Token": cast.alice.token})

    assert (answer.status_code, answer.json()["type"]) == (413, "requestTooLargeError")


def test_256_kib_are_read(cast: Cast) -> None:
    body = b'{"label":"x"}'.ljust(256 * 1024)

    assert cast.alice.call("POST", "/entities", body).status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "//v1.0/entities",
        "/v1.0//entities",
        "/v1.0/{tenant}//entities",
        "/v1.0/{tenant}/entities//{entity}",
        "/v1.0/{tenant}%2Fentities",
        "/v1.0/{tenant}/entities%2F{entity}",
        "/v1.0/{tenant}/entities/{entity}%2Fchecks",
        "/v1.0/{tenant}/entities/{entity}%00",
        "/v1.0/{tenant}/entities/%2e%2e/entities",
        "/v1.0/{tenant}",
        "/v1.0/nothing",
        "/v1.0/{tenant}/entities;x=1",
        "/v3.0/entities",
        "/V1.0/entities",
        "/v1.0/{tenant}/{tenant}/entities",
        "/v1.0/{tenant}/entities/%252F",
        "/v1.0/{tenant}/ENTITIES",
    ],
)
def test_only_the_documented_addresses_lead_to_something(cast: Cast, path: str) -> None:
    path = path.format(tenant=cast.alice.tenant, entity=cast.alice.entity())
    answer = httpx.get(f"{cast.alice.api}{path}", headers={"X-Auth-Token": cast.alice.token}, trust_env=False)

    assert (answer.status_code, answer.json()["type"]) == (404, "notFoundError")


def test_percent_encoded_ids_are_the_same_ids(cast: Cast) -> None:
    entity = cast.alice.entity()
    encoded = "".join(f"%{ord(letter):02x}" for letter in entity)

    answer = httpx.get(
        f"{cast.alice.api}/v1.0/{cast.alice.tenant}/entities/{encoded}/",
        headers={"X-Auth-Token": cast.alice.token},
        trust_env=False,
    )

    assert answer.json()["id"] == entity
