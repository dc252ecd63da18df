"""What the cases are played on: a server in which Alice has an object of every kind, and a history of alarms."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.answering_agent import AnsweringAgent
from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.receiver import Receiver
from tests.acceptance.waiting import until
from tests.doors.api.house import Caller, Cast, House

CRITERIA = 'if (metric["used"] > 90) { return new AlarmStatus(CRITICAL, "full"); } return new AlarmStatus(OK, "fine");'
AGENT_ID = "00-host.example.org"
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Stage:
    """`ids`: what stands for `<name>` in a case."""

    house: House
    cast: Cast
    ids: dict[str, Any]


@contextmanager
def set_up(directory: Path) -> Iterator[Stage]:
    """Everything that Alice's ids lead to."""
    with (
        House(directory / "var", allow_network=["127.0.0.0/8"]) as house,
        Receiver() as receiver,
        _web_server() as page,
    ):
        cast = house.cast()
        ids = {"hook": receiver.url, "page": page, "tenant": cast.alice.tenant, "agent": AGENT_ID}
        ids |= _objects(cast.alice, receiver.url)
        ids |= _spares(cast.alice, ids)
        with _agent(house, ids["token"]) as agent:
            ids |= _history(cast.alice, ids, agent, receiver)
            yield Stage(house, cast, ids)


@contextmanager
def _web_server() -> Iterator[str]:
    """The url of a page that is there."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, format: str, *args: object) -> None:
            """A test's output is its assertions."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_address[1]}/"
        finally:
            web.shutdown()
            thread.join()


def _objects(alice: Caller, hook: str) -> dict[str, Any]:
    entity = alice.entity(label="host", agent_id=AGENT_ID, ip_addresses={"default": "127.0.0.1", "b": "192.0.2.5"},
                          metadata={"all": "kinds"}, uri="https://example.org/servers/1")  # fmt: skip
    check = alice.create(f"/entities/{entity}/checks", type="agent.memory", label="memory", metadata={"a": "b"})
    notification = alice.notification(details={"url": hook}, metadata={"a": "b"})
    states = {state: [notification] for state in ("critical_state", "warning_state", "ok_state")}
    plan, quiet = alice.plan(**states), alice.plan(label="quiet", **states)
    alarm = alice.alarm(entity, check, plan, criteria=CRITERIA, label="memory")
    return {
        "entity": entity,
        "check": check,
        "remote": alice.check(entity),
        "notification": notification,
        "plan": plan,
        "quiet": quiet,
        "alarm": alarm,
        "suppressed": alice.alarm(entity, check, quiet, criteria=CRITERIA),
        "token": alice.create("/agent_tokens", label="token"),
        "suppression": alice.create("/suppressions", notification_plans=[quiet], end_time=_in_hours(alice, 1)),
        "zone": alice.create("/monitoring_zones", label="ours"),
    }


def _spares(alice: Caller, ids: dict[str, Any]) -> dict[str, Any]:
    """Objects to be deleted, and a suppression that has not begun."""
    entity, later = ids["entity"], _in_hours(alice, 2)
    return {
        "spare-entity": alice.entity(label="spare"),
        "spare-check": alice.check(entity),
        "spare-alarm": alice.alarm(entity, ids["check"], ids["plan"]),
        "spare-notification": alice.notification(),
        "spare-plan": alice.plan(),
        "spare-token": alice.create("/agent_tokens", label="spare"),
        "spare-zone": alice.create("/monitoring_zones", label="spare"),
        "spare-suppression": alice.create("/suppressions", entities=[entity], start_time=later, end_time=later),
        "coming": alice.create("/suppressions", entities=[entity], start_time=later, end_time=later),
        "later": later + 1,
        "far": later + 2,
    }


def _in_hours(alice: Caller, hours: int) -> int:
    """By the server's clock, as its audits tell it."""
    timestamp: int = alice.audits()[-1]["timestamp"]
    return timestamp + hours * _HOUR_MS


def _agent(house: House, token: str) -> AnsweringAgent:
    assert house.app.agent is not None
    address = (house.app.agent.host, house.app.agent.port)
    return AnsweringAgent(address, house.config.data_dir / "tls" / "ca.pem", token, AGENT_ID)


def _history(alice: Caller, ids: dict[str, Any], agent: BareAgent, receiver: Receiver) -> dict[str, Any]:
    """The alarm goes up and down, both are told; of the suppressed one nobody hears."""
    agent.post(ids["check"], used=95)
    until(lambda: len(receiver.bodies) == 1, "the first webhook")
    agent.post(ids["check"], used=5)
    until(lambda: len(receiver.bodies) == 2, "the second webhook")
    until(lambda: len(alice.get("/suppression_logs")["values"]) == 2, "the suppression logs")
    until(lambda: len(_connections(alice)) == 1, "the agent's connection")
    past = f"/entities/{ids['entity']}/alarms/{ids['alarm']}/notification_history/{ids['check']}"

    def finished() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = alice.get(past)["values"]
        results = [result for one in found for result in one["notification_results"]]
        return found if len(found) == 2 and not any(result["in_progress"] for result in results) else []

    return {
        "history": until(finished, "the notification history")[0]["id"],
        "connection": _connections(alice)[0]["id"],
    }


def _connections(alice: Caller) -> list[dict[str, Any]]:
    if alice.call("GET", f"/agents/{AGENT_ID}").status_code == 404:
        return []
    found: list[dict[str, Any]] = alice.get(f"/agents/{AGENT_ID}/connections")["values"]
    return found
