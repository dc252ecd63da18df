"""Reference: test a notification, test an existing notification."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.doors.api.house import Cast, House

NETWORK = "127.0.0.0/8"  # receivers are on this machine


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory: Path = tmp_path_factory.mktemp("house") / "var"
    with House(directory, allow_network=[NETWORK]) as running:
        yield running


class Receiver:
    """Answers with a status, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                receiver.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@pytest.mark.parametrize("body", [None, b'""', b"null", {}, {"who": None, "why": None}])
def test_a_stored_notification_is_sent_to_once(cast: Cast, receiver: Receiver, body: Any) -> None:
    cast.alice.update("/account", webhook_token="a token of ours")
    key = cast.alice.notification(details={"url": receiver.url})
    answer = cast.carol.call("POST", f"/notifications/{key}/test", body)
    assert answer.status_code == 200
    assert answer.json()["status"] == "success"
    assert "Success" in answer.json()["message"]
    [event] = receiver.events
    assert (event["tenant_id"], event["details"]["status"]) == (cast.alice.tenant, "Test notification")
    documented = ["event_id", "log_entry_id", "details", "entity", "check", "alarm", "tenant_id"]
    assert list(event)[:7] == documented
    assert receiver.headers[0]["x-rackspace-webhook-token"] == "a token of ours"


@pytest.mark.parametrize("address", ["/test-notification", "/test-notifications", "/test-notification/"])
def test_a_described_notification_is_sent_to(cast: Cast, receiver: Receiver, address: str) -> None:
    body = {"type": "webhook", "details": {"url": receiver.url}, "label": None, "who": None}
    answer = cast.carol.call("POST", address, body)
    assert answer.json()["status"] == "success"
    assert len(receiver.events) == 1
    assert cast.alice.get("/notifications")["metadata"]["count"] == 1  # the built-in one only


def test_a_receiver_that_refuses_is_an_error_and_is_not_tried_again(cast: Cast, receiver: Receiver) -> None:
    receiver.status = 500
    answer = cast.carol.call("POST", "/test-notification", {"type": "webhook", "details": {"url": receiver.url}})
    assert answer.status_code == 200
    assert answer.json()["status"] == "error"
    assert "500" in answer.json()["message"]
    assert len(receiver.events) == 1


def test_a_type_that_this_server_cannot_send_is_an_error(cast: Cast) -> None:
    answer = cast.carol.call("POST", "/notifications/ntTechnicalContactsEmail/test")
    assert answer.json() == {
        "status": "error",
        "message": "Notifications of type technicalContactsEmail cannot be sent by this server",
    }


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (None, "type"),
        ({}, "type"),
        ({"type": "pigeon", "details": {}}, "type"),
        ({"type": "webhook"}, "details.url"),
        ({"type": "webhook", "details": {"url": "not a url"}}, "details.url"),
    ],
)
def test_a_description_is_held_to_the_same_rules_as_a_notification(cast: Cast, body: Any, key: str) -> None:
    fault = cast.carol.refused("POST", "/test-notification", body)
    assert fault["message"] == f"Validation error for key '{key}'"


def test_it_needs_creator_and_the_notification_is_ours(cast: Cast) -> None:
    key = cast.alice.notification()
    assert cast.bob.refused("POST", f"/notifications/{key}/test")["type"] == "missingCapabilitiesError"
    assert cast.bob.refused("POST", "/test-notification", {})["type"] == "missingCapabilitiesError"
    assert cast.charlie.refused("POST", f"/notifications/{key}/test")["type"] == "notFoundError"


def test_it_counts_in_a_rate_group_of_its_own_and_is_audited(cast: Cast, receiver: Receiver) -> None:
    key = cast.alice.notification(details={"url": receiver.url})
    answer = cast.carol.call("POST", f"/notifications/{key}/test")
    assert answer.headers["X-RateLimit-Type"] == "test_notification"
    assert answer.headers["X-RateLimit-Limit"] == "200"
    assert cast.carol.get("/limits")["rate"]["test_notification"]["used"] == 1
    last = cast.alice.audits()[-1]
    assert (last["app"], last["statusCode"]) == ("notifications", 200)
