"""The outermost layer, called as the server calls it: who may speak plainly, and who is believed."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any, NamedTuple

import pytest

from vedette.api.addresses import Bases, without_tenant
from vedette.api.door import Door
from vedette.api.visits import visit_of
from vedette.config import Config

_PROXY = ip_network("198.51.100.0/24")


class _Answer(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


async def _inside(scope: Any, _receive: Any, send: Any) -> None:
    """Answers what the door made of the request."""
    visit = visit_of(scope)
    seen = {"base": visit.base_url, "peer": visit.peer, "path": scope["path"], "tenant": visit.tenant}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


async def _ask(
    config: Config, peer: str, headers: dict[str, str] | None = None, scheme: str = "http", path: str = "/v1.0/entities"
) -> _Answer:
    door = Door(
        _inside,
        Bases(config.public_url, config.trusted_proxy),
        lambda: 1_700_000_000_000,
        bytes,
        lambda: None,
        lambda _method, _status: None,
        config.takes_plain_http_from,
    )
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "client": (peer, 40000),
        "server": ("203.0.113.9", 8080),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await door(scope, None, send)  # type: ignore[arg-type]  # nobody reads a body here
    return _Answer(sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"])


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
async def test_plain_http_is_spoken_on_loopback(peer: str) -> None:
    assert (await _ask(Config(), peer)).status == 200


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.1", "", "nonsense"])
async def test_plain_http_from_elsewhere_is_refused_and_closed(peer: str) -> None:
    answer = await _ask(Config(), peer)

    fault = json.loads(answer.body)
    assert (answer.status, fault["type"], answer.headers[b"connection"]) == (403, "forbiddenError", b"close")
    assert "--tls" in fault["details"]
    assert fault["txnId"].encode() == answer.headers[b"x-response-id"]


async def test_plain_http_from_elsewhere_is_a_nested_fault_of_identity() -> None:
    answer = await _ask(Config(), "192.0.2.1", path="/v2.0/tokens")

    assert list(json.loads(answer.body)) == ["forbidden"]


async def test_tls_plain_http_said_aloud_and_trusted_proxies_are_let_in() -> None:
    assert (await _ask(Config(), "192.0.2.1", scheme="https")).status == 200
    assert (await _ask(Config(insecure_http=True), "192.0.2.1")).status == 200
    assert (await _ask(Config(trusted_proxy=(_PROXY,)), "198.51.100.7")).status == 200
    assert (await _ask(Config(trusted_proxy=(_PROXY,)), "192.0.2.1")).status == 403


async def test_who_claims_to_speak_for_loopback_is_not_on_loopback() -> None:
    forwarded = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}

    assert (await _ask(Config(), "192.0.2.1", forwarded)).status == 403


async def test_a_trusted_proxy_tells_whom_it_speaks_for() -> None:
    forwarded = {
        "Host": "inside:1",
        "X-Forwarded-For": "6.6.6.6, 192.0.2.1, 198.51.100.8",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "watch.example",
    }

    seen = json.loads((await _ask(Config(trusted_proxy=(_PROXY,)), "198.51.100.7", forwarded)).body)

    assert (seen["base"], seen["peer"]) == ("https://watch.example", "192.0.2.1")


async def test_nobody_else_is_believed() -> None:
    forwarded = {"Host": "a.example", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "evil.example"}

    seen = json.loads((await _ask(Config(trusted_proxy=(_PROXY,)), "127.0.0.1", forwarded)).body)

    assert (seen["base"], seen["peer"]) == ("http://a.example", "127.0.0.1")


@pytest.mark.parametrize(
    "forwarded",
    [
        {"X-Forwarded-For": "nonsense"},
        {"X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "a b"},
        {"X-Forwarded-Host": "evil/path"},
    ],
)
async def test_nonsense_of_a_trusted_proxy_is_left_out(forwarded: dict[str, str]) -> None:
    seen = json.loads(
        (await _ask(Config(trusted_proxy=(_PROXY,)), "198.51.100.7", {"Host": "a.example"} | forwarded)).body
    )

    assert seen["base"] in {"http://a.example", "http://203.0.113.9:8080"}
    assert seen["peer"] == "198.51.100.7"


async def test_the_public_url_is_the_base_whatever_the_host_is() -> None:
    config = Config(public_url="https://watch.example/")

    seen = json.loads((await _ask(config, "127.0.0.1", {"Host": "other"})).body)

    assert seen["base"] == "https://watch.example"


@pytest.mark.parametrize(
    ("path", "short", "tenant"),
    [
        ("/v1.0/entities", "/v1.0/entities", None),
        ("/v1.0/entities/", "/v1.0/entities", None),
        ("/v1.0/acme/entities/enX/", "/v1.0/entities/enX", "acme"),
        ("/v1.0/a:b-c_d/entities", "/v1.0/entities", "a:b-c_d"),
        ("/v1.0/views/overview", "/v1.0/views/overview", None),
        ("/v1.0/acme", "/v1.0/acme", None),
        ("/v1.0", "/v1.0", None),
        ("/v2.0/tokens/", "/v2.0/tokens", None),
        ("/", "/", None),
        ("", "/", None),
    ],
)
def test_the_tenant_of_an_address(path: str, short: str, tenant: str | None) -> None:
    assert without_tenant(path) == (short, tenant)
