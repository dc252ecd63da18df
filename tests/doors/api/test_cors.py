"""CORS and OPTIONS: pages of other origins (api decisions: headers)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.doors.api.house import Caller, House

ORIGIN = "https://panel.example.com"


@pytest.fixture
def alice(house: House) -> Caller:
    return house.cast().alice


@pytest.fixture(scope="module")
def strict_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Only two origins may call."""
    directory = tmp_path_factory.mktemp("house") / "var"
    with House(directory, cors_origin=["HTTPS://Panel.example.com", "http://localhost:3000"]) as running:
        yield running


def cors(answer: httpx.Response) -> dict[str, str]:
    prefix = "access-control-"
    return {name.removeprefix(prefix): value for name, value in answer.headers.items() if name.startswith(prefix)}


def preflight(url: str, origin: str = ORIGIN, method: str = "PUT") -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return httpx.options(url, headers=headers | {"Access-Control-Request-Headers": "x-auth-token"}, trust_env=False)


def test_any_origin_may_read_the_answer_and_what_it_needs_of_its_headers(alice: Caller) -> None:
    answer = alice.call("POST", "/entities", {"label": "x", "other": 1}, headers={"Origin": ORIGIN})
    shared = cors(answer)
    assert shared.pop("allow-origin") == "*"
    exposed = set(shared.pop("expose-headers").lower().split(", "))
    assert shared == {}
    assert {"x-response-id", "x-object-id", "location", "x-ignored-attributes", "etag"} <= exposed
    ours = {name for name in answer.headers if name.startswith("x-")} | {"location"}
    assert ours <= exposed, "every header of ours can be read"


@pytest.mark.parametrize(
    ("path", "code"), [("/v1.0/entities", 401), ("/v1.0/nothing", 404), ("/v2.0/tenants", 401), ("/v2.0", 200)]
)
def test_faults_can_be_read_too(house: House, path: str, code: int) -> None:
    answer = httpx.get(f"{house.api}{path}", headers={"Origin": ORIGIN}, trust_env=False)
    assert (answer.status_code, cors(answer)["allow-origin"]) == (code, "*")


def test_without_an_origin_nothing_is_said(alice: Caller) -> None:
    answer = alice.call("GET", "/entities")
    assert cors(answer) == {}
    assert "Vary" not in answer.headers


def test_credentials_are_never_allowed(alice: Caller) -> None:
    answers = [
        alice.call("GET", "/entities", headers={"Origin": ORIGIN, "Cookie": "a=b"}),
        preflight(f"{alice.api}/v1.0/entities"),
    ]
    assert all("allow-credentials" not in cors(answer) for answer in answers)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1.0/{tenant}/entities", {"GET", "POST"}),
        ("/v1.0/entities/enNone", {"GET", "PUT", "DELETE"}),
        ("/v1.0/{tenant}/entities/enNone/checks/chNone/", {"GET", "PUT", "DELETE"}),
        ("/v1.0/account", {"GET", "PUT"}),
        ("/v1.0/audits", {"GET"}),
        ("/v2.0/tokens", {"POST"}),
        ("/openapi.json", {"GET"}),
    ],
)
def test_options_tells_what_an_address_allows(alice: Caller, path: str, methods: set[str]) -> None:
    """Without a token, for that is what browsers send ahead of it."""
    url = alice.api + path.format(tenant=alice.tenant)
    plain = httpx.options(url, trust_env=False)
    assert (plain.status_code, plain.content) == (204, b"")
    assert set(plain.headers["Allow"].split(", ")) == methods | {"OPTIONS"}
    assert plain.headers["X-Response-Id"]
    ahead = preflight(url)
    assert (ahead.status_code, ahead.content) == (204, b"")
    shared = cors(ahead)
    assert shared["allow-origin"] == "*"
    assert set(shared["allow-methods"].split(", ")) == methods | {"OPTIONS"}
    allowed = set(shared["allow-headers"].lower().split(", "))
    assert {"x-auth-token", "content-type", "if-match", "idempotency-key", "x-tenant-id"} <= allowed
    assert re.fullmatch("[0-9]+", shared["max-age"])


def test_options_of_nothing_is_nothing(house: House) -> None:
    for answer in (httpx.options(f"{house.api}/v1.0/nothing", trust_env=False), preflight(f"{house.api}/v1.0/nothing")):
        assert answer.status_code == 404
        assert "allow-methods" not in cors(answer)


def test_options_is_neither_counted_nor_audited(alice: Caller) -> None:
    before = alice.call("GET", "/entities").headers["X-RateLimit-Used"]
    httpx.options(f"{alice.api}/v1.0/{alice.tenant}/entities", headers={"X-Auth-Token": alice.token}, trust_env=False)
    assert int(alice.call("GET", "/entities").headers["X-RateLimit-Used"]) == int(before) + 1
    assert alice.audits() == []


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/%6detrics", "/healthz", "/readyz"])
def test_what_is_open_to_the_machine_itself_is_not_for_pages(house: House, path: str) -> None:
    """A browser on the same machine reaches it without a token."""
    answer = httpx.get(house.api + path, headers={"Origin": ORIGIN}, trust_env=False)
    assert answer.status_code == 200
    assert cors(answer) == {}
    assert "allow-origin" not in cors(preflight(house.api + path, method="GET"))


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000"])
def test_a_named_origin_may_call(strict_house: House, origin: str) -> None:
    url = f"{strict_house.api}/v1.0/entities"
    for answer in (httpx.get(url, headers={"Origin": origin}, trust_env=False), preflight(url, origin)):
        assert cors(answer)["allow-origin"] == origin
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin", ["https://panel.example.com.evil.example", "http://panel.example.com", "null", "*", "none", ""]
)
def test_no_other_origin_may(strict_house: House, origin: str) -> None:
    url = f"{strict_house.api}/v1.0/entities"
    for answer in (httpx.get(url, headers={"Origin": origin}, trust_env=False), preflight(url, origin)):
        assert cors(answer) == {}
        assert answer.headers["Vary"] == "Origin"


def test_caches_must_tell_origins_apart_where_they_are_named(strict_house: House) -> None:
    assert httpx.get(f"{strict_house.api}/v1.0/entities", trust_env=False).headers["Vary"] == "Origin"


def test_cors_can_be_turned_off(tmp_path: Path) -> None:
    with House(tmp_path / "var", cors_origin=["none"]) as house:
        for origin in (ORIGIN, "none"):
            assert cors(httpx.get(f"{house.api}/v1.0", headers={"Origin": origin}, trust_env=False)) == {}
