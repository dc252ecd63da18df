"""JSONP: pages read by a script's address (reference: request and response types)."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.doors.api.house import Caller, Cast, House


@pytest.fixture
def alice(cast: Cast) -> Caller:
    return cast.alice


def script(caller: Caller, path: str, method: str = "GET", **query: Any) -> httpx.Response:
    """With the token in the address, as a page has it."""
    query = {"JSONP": "cb", "X-Auth-Token": caller.token} | query
    given = {name: value for name, value in query.items() if value is not None}
    url = f"{caller.api}/v1.0/{caller.tenant}{path}"
    return httpx.request(method, url, params=given, json={} if method != "GET" else None, trust_env=False)


def called(answer: httpx.Response, name: str = "cb") -> Any:
    """What the function was handed."""
    assert answer.headers["Content-Type"] == "application/javascript; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    before, after = f"/**/{name}(", ");"
    assert answer.text.startswith(before)
    assert answer.text.endswith(after)
    return json.loads(answer.text.removeprefix(before).removesuffix(after))


def test_an_answer_is_a_call_of_the_named_function(alice: Caller) -> None:
    entity = alice.entity()
    answer = script(alice, f"/entities/{entity}", JSONP="jQuery_1.cb$")
    assert answer.status_code == 200
    assert called(answer, "jQuery_1.cb$") == alice.get(f"/entities/{entity}")
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["X-RateLimit-Type"] == "global"


@pytest.mark.parametrize("name", ["", "a b", "alert(1)//", "a" * 65, "a\n", "é", "cb;", "<b>", "[0]"])
def test_a_name_that_is_none_is_refused_and_not_repeated(alice: Caller, name: str) -> None:
    answer = script(alice, "/entities", JSONP=name)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json()["message"] == "The JSONP parameter is not valid"
    assert answer.json()["txnId"] == answer.headers["X-Response-Id"]
    assert not name or name not in answer.text


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/entities/enNone", {}, 404),
        ("/nothing-here", {}, 404),
        ("/entities", {"limit": 0}, 400),
        ("/entities", {"X-Auth-Token": None}, 401),
        ("/entities", {"X-Auth-Token": "none"}, 401),
        ("/entities", {"X-Auth-Token": "\u20ac\x00"}, 401),
    ],
)
def test_faults_are_wrapped_too_and_keep_their_status(
    alice: Caller, path: str, query: dict[str, Any], code: int
) -> None:
    answer = script(alice, path, **query)
    assert answer.status_code == code
    assert called(answer)["code"] == code


def test_another_tenants_token_is_no_good(cast: Cast) -> None:
    url = f"{cast.alice.api}/v1.0/{cast.alice.tenant}/entities"
    query = {"JSONP": "cb", "X-Auth-Token": cast.charlie.token}
    answer = httpx.get(url, params=query, trust_env=False)
    assert (answer.status_code, called(answer)["type"]) == (403, "forbiddenError")


def test_a_token_in_the_address_counts_with_jsonp_only(alice: Caller) -> None:
    assert script(alice, "/entities", JSONP=None).status_code == 401
    assert alice.call("GET", "/entities", params={"JSONP": "cb"}).status_code == 200
    answer = alice.call("GET", "/entities", params={"JSONP": "cb", "X-Auth-Token": "another"})
    assert answer.status_code == 200, "the header wins"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_a_get_is_jsonp(alice: Caller, method: str) -> None:
    answer = script(alice, "/account" if method == "PUT" else "/entities", method)
    assert answer.status_code in {401, 405}
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_identity_and_health_speak_no_jsonp(alice: Caller) -> None:
    query = {"JSONP": "cb", "X-Auth-Token": alice.token}
    tenants, health = (
        httpx.get(f"{alice.api}{path}", params=query, trust_env=False) for path in ("/v2.0/tenants", "/healthz")
    )
    assert tenants.status_code == 401
    assert tenants.headers["Content-Type"] == health.headers["Content-Type"] == "application/json; charset=utf-8"


def test_what_is_no_json_is_not_wrapped(alice: Caller) -> None:
    location = alice.call("POST", "/agent_installers", {"entity_id": alice.entity()}).headers[
        "X-Shell-Installer-Location"
    ]
    answer = httpx.get(location, params={"JSONP": "cb"}, trust_env=False)
    assert answer.headers["Content-Type"].startswith("text/x-shellscript")
    assert answer.text.startswith("#!")


def test_the_next_page_is_jsonp_again_and_has_no_token(alice: Caller) -> None:
    for _ in range(2):
        alice.entity()
    answer = script(alice, "/entities", limit=1, label="web1")
    next_href = called(answer)["metadata"]["next_href"]
    assert alice.token not in answer.text
    query = parse_qs(urlsplit(next_href).query)
    assert (query["JSONP"], query["label"]) == (["cb"], ["web1"])
    assert "X-Auth-Token" not in query
    following = httpx.get(next_href, headers={"X-Auth-Token": alice.token}, trust_env=False)
    assert len(called(following)["values"]) == 1


@pytest.mark.parametrize("name", ["X-Auth-Token", "X-Auth%2DToken", "%58-Auth-Token"])
def test_the_token_is_recorded_nowhere(
    alice: Caller, name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        for method, path in (("GET", "/entities"), ("GET", "/entities/none"), ("POST", "/entities")):
            url = f"{alice.api}/v1.0/{alice.tenant}{path}?JSONP=cb&{name}={alice.token}"
            headers = {"X-Auth-Token": alice.token} if method == "POST" else {}
            answer = httpx.request(method, url, headers=headers, trust_env=False)
            assert alice.token not in answer.text
    (audit,) = alice.audits()
    assert alice.token not in json.dumps(audit)
    assert audit["query"]["JSONP"] == "[redacted]"
    said = capfd.readouterr()
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("vedette")]
    assert alice.token not in said.out + said.err + "".join(logged)


def test_line_ends_that_scripts_do_not_take_are_escaped(alice: Caller) -> None:
    entity = alice.entity(label="a\u2028b\u2029c")
    answer = script(alice, f"/entities/{entity}")
    assert "\u2028" not in answer.text
    assert "\u2029" not in answer.text
    assert called(answer)["label"] == "a\u2028b\u2029c"


def test_a_full_house_tells_pages_so(house: House) -> None:
    """What is refused at the door, before any token is looked at, is wrapped as well."""
    answer = httpx.get(f"{house.api}/v1.0/none/entities//x", params={"JSONP": "cb"}, trust_env=False)
    assert (answer.status_code, called(answer)["code"]) == (404, 404)
