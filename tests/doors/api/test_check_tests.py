"""Test a check, test an existing check, traceroutes: the real probes of this process's zones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.doors.api.house import Cast, House, http_check
from tests.doors.api.test_agents import connected, seen
from vedette.adapters.local import traceroute

BODY = b"<html><body>hello</body></html>"


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_known = self.headers.get("Authorization") is not None or self.path == "/"
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Its zones may reach this machine."""
    directory: Path = tmp_path_factory.mktemp("house") / "var"
    with House(directory, allow_network=["127.0.0.0/8"]) as running:
        yield running


def run(cast: Cast, body: dict[str, Any] | None, path: str = "/test-check", entity: str | None = None) -> Any:
    entity = entity or cast.alice.entity()
    answer = cast.carol.call("POST", f"/entities/{entity}{path}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def described(site: str, *zones: str, **details: Any) -> dict[str, Any]:
    """As the reference's example has it."""
    return {
        "type": "remote.http",
        "details": {"url": f"{site}/", "method": "GET"} | details,
        "monitoring_zones_poll": list(zones) or ["mzdfw"],
        "timeout": 30,
        "target_alias": "default",
    }


@pytest.fixture
def entity(cast: Cast) -> str:
    return cast.alice.entity(ip_addresses={"default": "127.0.0.1"})


def test_a_described_check_is_run_once_from_each_zone(cast: Cast, site: str, entity: str) -> None:
    found = run(cast, described(site, "mzord", "mzdfw"), entity=entity)

    assert [one["monitoring_zone_id"] for one in found] == ["mzord", "mzdfw"]
    for one in found:
        assert set(one) == {"timestamp", "monitoring_zone_id", "available", "status", "metrics"}
        assert (one["available"], one["status"].startswith("code=200")) == (True, True)
        assert one["metrics"]["code"] == {"type": "s", "data": "200", "unit": "unknown"}
        assert one["metrics"]["bytes"]["data"] == str(len(BODY))
        assert one["timestamp"] > 1_700_000_000_000
    assert cast.alice.get(f"/entities/{entity}/checks")["values"] == []


def test_debug_shows_what_the_server_sent(cast: Cast, site: str, entity: str) -> None:
    [plain] = run(cast, described(site), "/test-check?debug=true", entity)
    [own] = run(cast, described(site, include_body=True), "/test-check?debug=true", entity)

    assert plain["debug_info"] == own["debug_info"] == {"body": BODY.decode()}
    assert "body" not in plain["metrics"]
    assert own["metrics"]["body"]["data"] == BODY.decode()


def test_what_it_answers_can_be_given_to_test_alarm(cast: Cast, site: str, entity: str) -> None:
    data = run(cast, described(site, "mzord", "mzdfw"), entity=entity)
    criteria = "if (metric['code'] == '200') { return new AlarmStatus(OK, 'HTTP #{code}'); }"

    [*_, last] = run(cast, {"criteria": criteria, "check_data": data}, "/test-alarm", entity)

    assert (last["state"], last["status"]) == ("OK", "HTTP 200")


def test_an_existing_check_is_run_with_its_secrets_though_it_is_disabled(cast: Cast, site: str, entity: str) -> None:
    details = {"url": f"{site}/private", "auth_user": "u", "auth_password": "hunter2"}
    check = cast.alice.check(entity, details=details, disabled=True)

    for body in (None, b'""', b"null", b"{}"):
        [found] = run(cast, body, f"/checks/{check}/test", entity)  # type: ignore[arg-type]  # as clients send them
        assert found["metrics"]["code"]["data"] == "200"


def test_what_a_zone_may_not_reach_is_an_observation(cast: Cast, entity: str) -> None:
    body = described("http://169.254.169.254") | {"target_alias": None}

    [found] = run(cast, body, entity=entity)

    assert (found["available"], found["status"], found["metrics"]) == (False, "prevented by ACL 'global'", {})


def test_a_check_that_could_not_be_created_cannot_be_tested(cast: Cast, entity: str) -> None:
    for change, key in (({"type": None}, "type"), ({"monitoring_zones_poll": []}, "monitoring_zones_poll"),
                        ({"target_alias": "x"}, "target_alias"), ({"details": {}}, "details.url")):  # fmt: skip
        fault = cast.alice.refused("POST", f"/entities/{entity}/test-check", http_check(**change))
        assert fault["message"] == f"Validation error for key '{key}'"


def test_a_private_zone_without_a_collector_here_cannot_test(cast: Cast, site: str, entity: str) -> None:
    zone = cast.alice.create("/monitoring_zones", label="attic")

    fault = cast.alice.refused("POST", f"/entities/{entity}/test-check", described(site, zone))

    assert (fault["type"], fault["code"]) == ("notImplementedError", 501)
    assert [one["statusCode"] for one in cast.alice.audits() if one["url"].endswith("/test-check")] == [501]


def test_a_check_of_the_host_needs_its_agent(house: House, cast: Cast) -> None:
    entity, bound = cast.alice.entity(), cast.alice.entity(agent_id="web")
    body = {"type": "agent.memory"}
    stored = cast.alice.create(f"/entities/{bound}/checks", **body)

    def fault(path: str) -> tuple[str, int]:
        refused = cast.alice.refused("POST", path, body)
        return refused["type"], refused["code"]

    assert fault(f"/entities/{entity}/test-check") == ("agentDoesNotExist", 400)
    seen(house, cast.alice, "web")
    for path in (f"/entities/{bound}/test-check", f"/entities/{bound}/checks/{stored}/test"):
        assert fault(path) == ("agentNotConnected", 400)
    connected(house, cast.alice, "web", f"cn{cast.alice.tenant}")  # and gone meanwhile
    for path in (f"/entities/{bound}/test-check", f"/entities/{bound}/checks/{stored}/test"):
        assert fault(path) == ("agentNotConnected", 400)


def test_another_tenants_objects_cannot_be_tested(cast: Cast, site: str) -> None:
    entity = cast.charlie.entity()
    check = cast.charlie.check(entity)
    own = cast.alice.entity()

    for path, kind in (
        (f"/entities/{entity}/test-check", "parentNotFoundError"),
        (f"/entities/{entity}/checks/{check}/test", "parentNotFoundError"),
        (f"/entities/{own}/checks/{check}/test", "notFoundError"),
    ):
        assert cast.alice.refused("POST", path, described(site))["type"] == kind


def test_tests_count_as_tests_and_are_audited_without_secrets(cast: Cast, site: str, entity: str) -> None:
    run(cast, described(site, auth_user="u", auth_password="hunter2"), entity=entity)

    assert cast.alice.get("/limits")["rate"]["test_check"]["used"] == 1
    audit = cast.alice.audits()[-1]
    assert (audit["app"], audit["statusCode"]) == ("checks", 200)
    assert "hunter2" not in str(audit)
    assert cast.bob.refused("POST", f"/entities/{entity}/test-check", described(site))["code"] == 403


needs_linux = pytest.mark.skipif(not traceroute.can_trace(), reason="Linux tells a socket of ICMP errors")


@needs_linux
@pytest.mark.parametrize("resolver", ["IPv4", "", None])
def test_a_traceroute_names_every_hop(cast: Cast, resolver: str | None) -> None:
    body = {"target": "127.0.0.1", "target_resolver": resolver}

    answer = cast.carol.call("POST", "/monitoring_zones/mzdfw/traceroute", body)

    assert answer.status_code == 200
    [hop] = answer.json()["result"]
    assert (hop["number"], hop["ip"], hop["hostname"], len(hop["rtts"])) == (1, "127.0.0.1", None, 3)
    assert cast.alice.get("/limits")["rate"]["traceroute"]["used"] == 1


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "target"),
        ({"target": ""}, "target"),
        ({"target": "a b"}, "target"),
        ({"target": "127.0.0.1", "target_resolver": "IPv5"}, "target_resolver"),
        ({"target": "127.0.0.1", "target_resolver": "IPv6"}, "target"),
        ({"target": "169.254.169.254"}, "target"),
        ({"target": "10.0.0.1"}, "target"),
    ],
)
def test_a_traceroute_goes_only_where_the_zone_may_reach(cast: Cast, body: dict[str, Any], key: str) -> None:
    fault = cast.alice.refused("POST", "/monitoring_zones/mzdfw/traceroute", body)

    assert (fault["code"], fault["message"]) == (400, f"Validation error for key '{key}'")


def test_a_traceroute_needs_a_zone_that_runs_here(cast: Cast) -> None:
    zone, theirs = (caller.create("/monitoring_zones", label="attic") for caller in (cast.alice, cast.charlie))
    body = {"target": "127.0.0.1"}

    assert cast.alice.refused("POST", f"/monitoring_zones/{zone}/traceroute", body)["code"] == 501
    for key in (theirs, "mznone"):
        fault = cast.alice.refused("POST", f"/monitoring_zones/{key}/traceroute", body)
        assert (fault["type"], fault["code"]) == ("parentNotFoundError", 404)
    assert cast.bob.refused("POST", "/monitoring_zones/mzdfw/traceroute", body)["code"] == 403
