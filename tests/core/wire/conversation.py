"""A server-side connection under test, and the rules that every line of ours keeps."""

from __future__ import annotations

import json
from typing import Any

from vedette.wire.events import Send, ServerEvent
from vedette.wire.moment import Moment
from vedette.wire.server import ServerConnection, Terms

WALL_MS = 1_718_000_000_131
TOKEN = "9b1c0d5ea7f24c35b2a6f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e4f.550123"
HELLO = (
    '{"v":"1","id":0,"target":"endpoint","source":"1f5a90c2-77d1-48c3-c8a9-fa163e0b1c2d","method":"handshake.hello",'
    '"params":{"token":"' + TOKEN + '","agent_id":"web-03.example.net","agent_name":"rackspace-monitoring-agent",'
    '"process_version":"2.1.10","bundle_version":"2.6.23","features":[{"name":"upgrades","version":"1.0.0"},'
    '{"name":"confd","version":"1.0.0"},{"name":"health","version":"1.0.0","disabled":true}]}}\n'
).encode()


def moment(steady_ms: int = 0) -> Moment:
    return Moment(WALL_MS, steady_ms)


def live(terms: Terms | None = None) -> ServerConnection:
    """A connection that said hello and was welcomed at 0."""
    connection = ServerConnection(moment())
    connection.receive(HELLO, moment())
    connection.welcome(terms or Terms(), moment())
    return connection


def sent(events: list[ServerEvent]) -> list[Any]:
    """The messages among the events."""
    lines = b"".join(event.data for event in events if isinstance(event, Send)).splitlines()
    return [json.loads(line) for line in lines]


def assert_harmless(line: bytes, *, after_handshake: bool = True) -> None:
    """What upsets no stock client (wire protocol, 17)."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    message = json.loads(line)
    assert isinstance(message, dict)
    assert message["v"] == "1"
    assert message["source"] == "endpoint"
    assert isinstance(message["id"], int | float | str)
    assert not isinstance(message["id"], bool)
    assert isinstance(message.get("target", ""), str)
    if "method" in message:
        assert isinstance(message["method"], str)
        assert message["method"]
        assert isinstance(message["params"], dict)
        assert isinstance(message["id"], int)
        assert 10**9 <= message["id"] < 2**53
        assert not {"result", "error"} & message.keys()
        return
    assert ("result" in message) != ("error" in message)
    if "error" in message:
        assert type(message["error"]["code"]) is int
        assert message["error"]["code"] == 400 or not after_handshake
        return
    assert message["result"] is not None
    _assert_result(message["result"])


def _assert_result(result: Any) -> None:
    if isinstance(result, dict) and "heartbeat_interval" in result:
        assert type(result["heartbeat_interval"]) is int
        assert result["heartbeat_interval"] > 0
    if isinstance(result, dict) and "checks" in result:
        assert isinstance(result["checks"], list)
        for check in result["checks"]:
            assert type(check["period"]) is int
            assert isinstance(check["details"], dict)
    if isinstance(result, dict) and "success" in result:
        assert isinstance(result["values"], list)
