"""A whole server lives through an outage; afterwards its own engine says the same of it, from what it has kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.client import Client
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.waiting import until

CRITERIA = """if (metric["bad"] > 1) { return new AlarmStatus(CRITICAL, "bad #{bad}"); }
if (metric["bad"] > 0) { return new AlarmStatus(WARNING, "bad #{bad}"); }
return new AlarmStatus(OK, "fine");"""
STRICTER = CRITERIA.replace("WARNING", "CRITICAL")


def same(side: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What a change came to and was made of."""
    names = ("timestamp", "state", "previous_state", "status", "reason", "votes")
    return [tuple(one[name] for name in names) for one in side["timeline"]]


def told(side: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("notification_plan_id", "state", "previous_state", "status", "notification_ids")
    return [tuple(one[name] for name in names) for one in side["notifications"]]


def test_an_explanation_and_a_back_test_agree_with_what_the_server_did(
    server: Server, client: Client, receiver: Receiver
) -> None:
    plan = client.tell(receiver.url)
    entity = client.create("entities", label="db1", agent_id="db1")
    check = client.create(f"entities/{entity}/checks", type="agent.memory", label="memory", period=30)
    alarm = client.create(
        f"entities/{entity}/alarms", label="memory", check_id=check, notification_plan_id=plan, criteria=CRITERIA
    )
    token = client.create("agent_tokens", label="db1")
    with BareAgent(server.agent, Path(server.credentials["ca_file"]), token, "db1") as agent:
        for bad in (0, 1, 1, 2, 0, 0, 1, 0):
            agent.post(check, bad=bad)
        until(lambda: len(receiver.events) == 5, "all five changes are told", seen=lambda: receiver.states)
        client.update(f"entities/{entity}/alarms/{alarm}", criteria=STRICTER)
        for bad in (1, 0):
            agent.post(check, bad=bad)
        until(lambda: len(receiver.events) == 7, "the last two as well", seen=lambda: receiver.states)

    address = f"entities/{entity}/alarms/{alarm}"
    made_at = client.get(address)["created_at"]
    own = client.call("POST", f"{address}/backtest", {"from": made_at}).json()
    assert same(own["would"]) == same(own["was"])
    assert told(own["would"]) == told(own["was"])
    assert (own["would"]["changes"], own["comparison"]["same"], own["comparison"]["spared"]) == (8, 7, 0)
    assert own["observations"] == 10

    stricter = client.call("POST", f"{address}/backtest", {"from": made_at, "criteria": STRICTER}).json()
    states = [one["state"] for one in stricter["would"]["timeline"]]
    assert states == ["OK", "CRITICAL", "OK", "CRITICAL", "OK", "CRITICAL", "OK"]

    critical = own["was"]["timeline"][2]
    then = client.get(f"{address}/explain", at=critical["timestamp"])
    assert (then["state"], then["status"]) == ("CRITICAL", "bad 2")
    assert (then["statement"]["line"], then["statement"]["values"]) == (1, {'metric["bad"]': 2})
    assert then["replay"]["agrees"]
    now = client.get(f"{address}/explain")
    assert (now["state"], now["criteria"]) == ("OK", STRICTER)
    assert now["notifications"][0]["delivery"] == "delivered"
    assert now["notifications"][0]["attempts"][0]["success"] is True
    assert now["replay"]["agrees"]
