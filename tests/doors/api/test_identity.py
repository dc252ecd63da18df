"""Identity v2.0, as every client of the field uses it (clients.md 1.1)."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.doors.api.house import Caller, Cast, House, by_key
from vedette.services.accounts import Login


def _post(house: House, body: Any, path: str = "/v2.0/tokens") -> httpx.Response:
    content = body if isinstance(body, bytes) else None
    return httpx.post(f"{house.api}{path}", content=content, json=None if content else body, trust_env=False)


def _ask(caller: Caller, method: str, path: str, token: str | None = None) -> httpx.Response:
    headers = {"X-Auth-Token": caller.token if token is None else token}
    return httpx.request(method, f"{caller.api}{path}", headers=headers, trust_env=False)


def _forms(login: Login, token: str) -> dict[str, dict[str, Any]]:
    key = {"username": login.username, "apiKey": login.api_key}
    password = {"username": login.username, "password": login.api_key}
    return {
        "an API key": {"RAX-KSKEY:apiKeyCredentials": key},
        "an API key with a tenant's name": {"RAX-KSKEY:apiKeyCredentials": key, "tenantName": login.tenant_id},
        "an API key with a tenant's id": {"RAX-KSKEY:apiKeyCredentials": key, "tenantId": login.tenant_id},
        "an API key as password": {"passwordCredentials": password},
        "a password with the user's name as tenant": {"passwordCredentials": password, "tenantId": login.username},
        "a token with a tenant's id": {"token": {"id": token}, "tenantId": login.tenant_id},
        "a token with a tenant's name": {"token": {"id": token}, "tenantName": login.tenant_id},
    }


@pytest.mark.parametrize("form", list(_forms(Login(username="", api_key="", tenant_id=None, roles=()), "")))  # type: ignore[arg-type]
def test_every_form_of_log_in_is_answered_with_a_token_that_works(house: House, cast: Cast, form: str) -> None:
    answer = _post(house, {"auth": _forms(cast.alice.login, cast.alice.token)[form]})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    token = answer.json()["access"]["token"]["id"]
    assert _ask(cast.alice, "GET", "/v1.0/entities", token).status_code == 200


def test_a_trailing_slash_is_no_other_address(house: House, cast: Cast) -> None:
    assert _post(house, by_key(cast.alice.login), "/v2.0/tokens/").status_code == 200


def test_the_answer_has_all_that_clients_cannot_do_without(house: House, cast: Cast) -> None:
    access = _post(house, by_key(cast.alice.login)).json()["access"]

    tenant = cast.alice.tenant
    assert set(access) == {"token", "serviceCatalog", "user"}
    assert access["token"]["tenant"] == {"id": tenant, "name": tenant}
    assert access["user"]["name"] == cast.alice.login.username
    assert access["user"]["RAX-AUTH:defaultRegion"] == "DFW"
    assert [role["name"] for role in access["user"]["roles"]] == ["monitoring:admin"]


def test_expiry_is_iso_8601_with_three_digits_of_milliseconds(house: House, cast: Cast) -> None:
    expires = _post(house, by_key(cast.alice.login)).json()["access"]["token"]["expires"]

    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", expires)


def test_the_catalogue_has_one_regionless_monitoring_endpoint_and_one_entry_with_a_region(
    house: House, cast: Cast
) -> None:
    catalogue = _post(house, by_key(cast.alice.login)).json()["access"]["serviceCatalog"]

    tenant = cast.alice.tenant
    assert catalogue == [
        {
            "name": "cloudMonitoring",
            "type": "rax:monitor",
            "endpoints": [{"tenantId": tenant, "publicURL": f"{house.api}/v1.0/{tenant}"}],
        },
        {
            "name": "cloudServersOpenStack",
            "type": "compute",
            "endpoints": [{"tenantId": tenant, "region": "DFW", "publicURL": f"{house.api}/v2/{tenant}"}],
        },
    ]


def test_the_catalogue_follows_the_host_that_the_caller_names(house: House, cast: Cast) -> None:
    answer = httpx.post(
        f"{house.api}/v2.0/tokens",
        json=by_key(cast.alice.login),
        headers={"Host": "watch.example:8443"},
        trust_env=False,
    )

    endpoint = answer.json()["access"]["serviceCatalog"][0]["endpoints"][0]
    assert endpoint["publicURL"] == f"http://watch.example:8443/v1.0/{cast.alice.tenant}"


@pytest.mark.parametrize("host", ["evil@host", "h:99999999", "a_b:c", ""])
def test_a_host_that_is_none_is_not_repeated(house: House, cast: Cast, host: str) -> None:
    answer = httpx.post(
        f"{house.api}/v2.0/tokens", json=by_key(cast.alice.login), headers={"Host": host}, trust_env=False
    )

    endpoint = answer.json()["access"]["serviceCatalog"][0]["endpoints"][0]
    assert endpoint["publicURL"] == f"{house.api}/v1.0/{cast.alice.tenant}"


@pytest.mark.parametrize("host", ["a b", "x/y", "<script>"])
def test_a_host_that_nobody_can_have_is_a_400(house: House, host: str) -> None:
    answer = httpx.get(f"{house.api}/v2.0", headers={"Host": host}, trust_env=False)

    assert (answer.status_code, list(answer.json())) == (400, ["badRequest"])


def test_wrong_credentials_of_any_form_get_the_same_nested_401(house: House, cast: Cast) -> None:
    name = cast.alice.login.username
    answers = [
        _post(house, {"auth": {"RAX-KSKEY:apiKeyCredentials": {"username": name, "apiKey": "0" * 32}}}),
        _post(house, {"auth": {"RAX-KSKEY:apiKeyCredentials": {"username": "nobody", "apiKey": "0" * 32}}}),
        _post(house, {"auth": {"passwordCredentials": {"username": name, "password": "wrong"}}}),
        _post(house, {"auth": {"token": {"id": "0" * 64}}}),
        _post(house, {"auth": {"token": {"id": "no token\x00"}}}),
    ]

    message = "Unable to authenticate user with credentials provided."
    assert [answer.status_code for answer in answers] == [401] * len(answers)
    assert [answer.json() for answer in answers] == [{"unauthorized": {"code": 401, "message": message}}] * len(answers)
    assert all("WWW-Authenticate" not in answer.headers for answer in answers)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"auth"', b"\xff\xfe", b"{}", b'{"auth":null}', b'{"auth":[]}', b'{"auth":{}}',
        b'{"auth":{"passwordCredentials":[]}}', b'{"auth":{"passwordCredentials":{}}}',
        b'{"auth":{"passwordCredentials":{"username":1,"password":2}}}', b'{"auth":{"token":{"id":""}}}',
        b'{"auth":{"RAX-KSKEY:apiKeyCredentials":{"username":"alice"}}}',
        b'{"auth":{"RAX-AUTH:passcodeCredentials":{"passcode":"123456"}}}',
    ],
)  # fmt: skip
def test_a_body_without_credentials_is_a_nested_400(house: House, body: bytes) -> None:
    answer = _post(house, body)

    assert answer.status_code == 400
    assert list(answer.json()) == ["badRequest"]
    assert answer.json()["badRequest"]["code"] == 400


def test_a_token_may_be_looked_at_by_itself(cast: Cast) -> None:
    path = f"/v2.0/tokens/{cast.bob.token}"
    shown, head, endpoints = (
        _ask(cast.bob, *call) for call in (("GET", path), ("HEAD", path), ("GET", f"{path}/endpoints"))
    )

    assert shown.json()["access"]["user"]["name"] == cast.bob.login.username
    assert (head.status_code, head.content) == (200, b"")
    assert [endpoint["name"] for endpoint in endpoints.json()["endpoints"]] == [
        "cloudMonitoring",
        "cloudServersOpenStack",
    ]


def test_an_admin_looks_at_tokens_of_the_tenant_and_nobody_at_others(cast: Cast) -> None:
    assert _ask(cast.alice, "GET", f"/v2.0/tokens/{cast.bob.token}").status_code == 200

    refusals = [
        _ask(cast.bob, "GET", f"/v2.0/tokens/{cast.alice.token}"),
        _ask(cast.carol, "GET", f"/v2.0/tokens/{cast.alice.token}"),
        _ask(cast.charlie, "GET", f"/v2.0/tokens/{cast.alice.token}"),
        _ask(cast.charlie, "DELETE", f"/v2.0/tokens/{cast.alice.token}"),
        _ask(cast.alice, "GET", f"/v2.0/tokens/{'0' * 64}"),
        _ask(cast.alice, "GET", "/v2.0/tokens/nonsense"),
    ]

    assert {answer.text for answer in refusals} == {'{"itemNotFound":{"code":404,"message":"Token not found"}}'}
    assert _ask(cast.alice, "GET", "/v1.0/entities").status_code == 200


def test_a_revoked_token_is_refused_at_once(house: House, cast: Cast) -> None:
    assert _ask(cast.alice, "DELETE", f"/v2.0/tokens/{cast.bob.token}").status_code == 204
    assert cast.bob.call("GET", "/entities").status_code == 401

    assert _ask(cast.alice, "DELETE", f"/v2.0/tokens/{cast.alice.token}").status_code == 204
    assert cast.alice.call("GET", "/entities").status_code == 401
    assert _post(house, {"auth": {"token": {"id": cast.alice.token}}}).status_code == 401


@pytest.mark.parametrize("path", ["/v2.0/tenants", f"/v2.0/tokens/{'0' * 64}", f"/v2.0/tokens/{'0' * 64}/endpoints"])
@pytest.mark.parametrize("token", ["", "x", "0" * 64, "0" * 5000, "\xff" * 64])
def test_without_a_token_identity_answers_a_nested_401(house: House, path: str, token: str) -> None:
    answer = httpx.get(f"{house.api}{path}", headers=[(b"X-Auth-Token", token.encode("latin-1"))], trust_env=False)

    assert answer.status_code == 401
    assert list(answer.json()) == ["unauthorized"]


def test_the_tenant_of_a_token_is_listed(cast: Cast) -> None:
    tenants = _ask(cast.bob, "GET", "/v2.0/tenants").json()["tenants"]

    assert tenants == [{"id": cast.bob.tenant, "name": cast.bob.tenant, "enabled": True, "description": None}]


@pytest.mark.parametrize("path", ["/v2.0", "/v2.0/"])
def test_identity_says_which_version_it_is(house: House, path: str) -> None:
    version = httpx.get(f"{house.api}{path}", trust_env=False).json()["version"]

    assert (version["id"], version["links"]) == ("v2.0", [{"rel": "self", "href": f"{house.api}/v2.0"}])


@pytest.mark.parametrize("path", ["/", "/v1.0", "/v1.0/"])
def test_the_api_says_which_versions_there_are(house: House, path: str) -> None:
    (version,) = httpx.get(f"{house.api}{path}", trust_env=False).json()["versions"]

    assert (version["id"], version["status"]) == ("v1.0", "CURRENT")


@pytest.mark.parametrize(("method", "path", "code"), [("GET", "/v2.0/nothing", 404), ("PUT", "/v2.0/tokens", 405)])
def test_what_identity_does_not_have_is_a_nested_fault_too(house: House, method: str, path: str, code: int) -> None:
    answer = httpx.request(method, f"{house.api}{path}", trust_env=False)

    assert answer.status_code == code
    assert next(iter(answer.json().values()))["code"] == code
