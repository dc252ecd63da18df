"""Our own agent's side, and both sides against each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.wire.conversation import WALL_MS, moment
from vedette.wire.client import ClientConnection, Introduction, Phase
from vedette.wire.envelope import answered
from vedette.wire.events import (
    ClientEvent,
    ClosingAnnounced,
    Ended,
    FilesAnswered,
    HelloReceived,
    MetricsPosted,
    PostAnswered,
    Refused,
    ScheduleAsked,
    ScheduleReceived,
    Send,
    TokenOffered,
    Welcomed,
)
from vedette.wire.messages import Closing, ScheduledCheck, schedule_result
from vedette.wire.metrics import WireMetric
from vedette.wire.moment import Moment
from vedette.wire.server import ServerConnection, Terms

ME = Introduction(token="t.1", agent_id="web-1", guid="g", version="0.1", features=("vedette.buffer", "fast_reconnect"))
CHECK = ScheduledCheck(id="c1", type="agent.memory", period=60, timeout=30, disabled=False, details={}, revision=3)


def written(events: list[ClientEvent]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Send))


def welcomed() -> ClientConnection:
    client = ClientConnection(ME, moment())
    client.hello(moment())
    client.receive(
        b'{"v":"1","id":1,"source":"endpoint","target":"g","result":{"heartbeat_interval":30000}}\n', moment()
    )
    return client


def test_the_hello_declares_what_our_agent_can_do() -> None:
    hello = json.loads(ClientConnection(ME, moment()).hello(moment()))
    assert hello == {
        "v": "1", "id": 1, "source": "g", "target": "endpoint", "method": "handshake.hello",
        "params": {
            "token": "t.1", "agent_id": "web-1", "agent_name": "vedette-agent", "process_version": "0.1",
            "bundle_version": "0.1",
            "features": [
                {"name": "vedette.buffer", "version": "1.0.0"}, {"name": "fast_reconnect", "version": "1.0.0"},
            ],
        },
    }  # fmt: skip


def test_the_first_heartbeat_follows_the_welcome_at_once_and_then_each_interval() -> None:
    client = ClientConnection(ME, moment())
    client.hello(moment())
    events = client.receive(
        b'{"v":"1","id":1,"source":"endpoint","result":{"heartbeat_interval":30000,"entity_id":"en1"}}\n', moment()
    )
    assert events[0] == Welcomed(30_000, "en1")
    assert json.loads(written(events))["params"] == {"timestamp": WALL_MS}
    client.receive(b'{"v":"1","id":2,"source":"endpoint","result":{"timestamp":5}}\n', moment(10))
    assert client.deadline_ms == 30_000
    assert client.tick(moment(29_999)) == []
    assert json.loads(written(client.tick(moment(30_000))))["method"] == "heartbeat.post"


def test_a_refusal_is_passed_on_and_ends() -> None:
    client = ClientConnection(ME, moment())
    client.hello(moment())
    events = client.receive(
        b'{"v":"1","id":1,"source":"endpoint","error":{"code":401,"type":"unauthorized","message":"unknown"}}\n',
        moment(),
    )
    assert isinstance(events[0], Refused)
    assert events[0].failure.message == "unknown"
    assert isinstance(events[1], Ended)


def test_a_changed_schedule_is_acknowledged_and_fetched() -> None:
    events = welcomed().receive(
        b'{"v":"1","id":1000000009,"source":"endpoint","target":"g","method":"check_schedule.changed","params":{}}\n',
        moment(),
    )
    acknowledgement, fetch = (json.loads(line) for line in written(events).splitlines())
    assert acknowledgement == {"v": "1", "id": 1000000009, "source": "g", "target": "endpoint", "result": []}
    assert fetch["method"] == "check_schedule.get"


def test_an_unknown_request_is_answered_so_that_the_server_need_not_wait() -> None:
    events = welcomed().receive(
        b'{"v":"1","id":1000000009,"source":"endpoint","method":"mind.read","params":{}}\n', moment()
    )
    assert json.loads(written(events))["error"]["code"] == 400


def test_a_schedule_that_cannot_be_read_now_is_asked_for_again() -> None:
    client = welcomed()
    fetch = json.loads(client.fetch_schedule(moment()))
    unavailable = b'{"v":"1","id":%d,"source":"endpoint","error":{"code":400,"type":"unavailable","message":"later"}}\n'
    assert client.receive(unavailable % fetch["id"], moment()) == []
    assert client.deadline_ms == 5_000
    assert json.loads(written(client.tick(moment(5_000))))["method"] == "check_schedule.get"
    assert client.deadline_ms > 5_000


def test_files_that_cannot_be_stored_now_are_sent_again() -> None:
    client = welcomed()
    first = json.loads(client.post_files({"a.yaml": "type: agent.memory", "b.yaml": None}, moment()))
    unavailable = b'{"v":"1","id":%d,"source":"endpoint","error":{"code":400,"type":"unavailable","message":"later"}}\n'
    assert client.receive(unavailable % first["id"], moment()) == []
    assert client.deadline_ms == 5_000
    again = json.loads(written(client.tick(moment(5_000))))
    assert (again["method"], again["params"]) == ("config_file.post", first["params"])
    taken = b'{"v":"1","id":%d,"source":"endpoint","result":{"success":true,"values":[]}}\n' % again["id"]
    assert client.receive(taken, moment(5_000)) == [FilesAnswered([], None)]
    assert client.deadline_ms > 5_000


@pytest.mark.parametrize("by_ms", [3_600_000, -3_600_000])
def test_a_clock_that_was_set_is_told_before_what_was_seen_by_it(by_ms: int) -> None:
    client = welcomed()
    later = Moment(WALL_MS + 1_000 + by_ms, 1_000)
    number, lines = client.post({"check_id": "c1"}, later)
    beat, post = (json.loads(line) for line in lines.splitlines())
    assert (beat["method"], beat["params"]) == ("heartbeat.post", {"timestamp": later.wall_ms})
    assert (post["method"], post["id"]) == ("check_metrics.post", number)
    _, again = client.post({"check_id": "c1"}, later)
    assert json.loads(again)["method"] == "check_metrics.post"


def test_a_clock_that_is_slewed_is_told_at_the_next_heartbeat() -> None:
    client = welcomed()
    _, line = client.post({"check_id": "c1"}, Moment(WALL_MS + 1_400, 1_000))
    assert json.loads(line)["method"] == "check_metrics.post"


def test_a_server_that_says_nothing_is_given_up() -> None:
    client = ClientConnection(ME, moment())
    client.hello(moment())
    assert client.tick(moment(29_999)) == []
    assert client.tick(moment(30_000)) == [Ended("no answer to handshake.hello in time")]
    assert client.phase is Phase.OVER


def test_an_unanswered_post_gives_the_connection_up() -> None:
    client = welcomed()
    client.receive(b'{"v":"1","id":2,"source":"endpoint","result":{"timestamp":5}}\n', moment())
    client.post({"check_id": "c1"}, moment())
    assert client.tick(moment(30_000)) == [Ended("no answer to check_metrics.post in time")]


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b'{"v":"1","id":1,"source":"endpoint","result":{}}\n',
        b'{"v":"1","id":1,"source":"endpoint","result":{"heartbeat_interval":0}}\n',
        b'{"v":"1","id":1,"source":"endpoint","result":{"heartbeat_interval":"often"}}\n',
    ],
)
def test_a_server_that_makes_no_sense_is_left(line: bytes) -> None:
    client = ClientConnection(ME, moment())
    client.hello(moment())
    assert isinstance(client.receive(line, moment())[-1], Ended)


@given(st.lists(st.binary(max_size=100), max_size=10))
def test_nothing_a_server_sends_raises(pieces: list[bytes]) -> None:
    client = welcomed()
    for piece in pieces:
        client.receive(piece, moment())
    client.tick(moment(10**9))


def test_both_sides_understand_each_other() -> None:
    client, server = ClientConnection(ME, moment()), ServerConnection(moment())
    (hello,) = server.receive(client.hello(moment()), moment())
    assert isinstance(hello, HelloReceived)
    assert hello.hello.features == {"vedette.buffer", "fast_reconnect"}

    def to_client(events: list[Any]) -> list[ClientEvent]:
        return client.receive(b"".join(event.data for event in events if isinstance(event, Send)), moment())

    events = to_client(server.welcome(Terms(entity_id="en1"), moment()))
    assert isinstance(events[0], Welcomed)
    assert to_client(server.receive(written(events), moment())) == []

    (asked,) = server.receive(client.fetch_schedule(moment()), moment())
    assert isinstance(asked, ScheduleAsked)
    assert client.receive(answered(asked.request, schedule_result([CHECK])), moment()) == [ScheduleReceived((CHECK,))]

    params = {"check_id": "c1", "check_revision": 3, "metrics": [[None, {"total": WireMetric("gauge", "7", "bytes")}]]}
    number, line = client.post(params, moment())
    (posted,) = server.receive(line, moment())
    assert isinstance(posted, MetricsPosted)
    assert (posted.post.check_revision, posted.post.metrics["total"].value) == (3, 7)
    assert client.receive(answered(posted.request, []), moment()) == [PostAnswered(number, None)]


CLOSING = (
    b'{"v":"1","id":1000000003,"source":"endpoint","target":"g","method":"connection.closing",'
    b'"params":{"reason":"revoked","message":"The agent token was revoked"}}\n'
)
ROTATE = (
    b'{"v":"1","id":1000000004,"source":"endpoint","target":"g","method":"token.rotate",'
    b'"params":{"token":"b0b0.550123"}}\n'
)


def test_a_notice_is_acknowledged_and_passed_on() -> None:
    acknowledgement, announced = welcomed().receive(CLOSING, moment())
    assert acknowledgement == Send(b'{"v":"1","id":1000000003,"source":"g","target":"endpoint","result":[]}\n')
    assert announced == ClosingAnnounced(Closing("revoked", "The agent token was revoked"))


def test_a_new_token_is_offered_and_answered_when_its_owner_has_stored_it() -> None:
    client = welcomed()
    (offered,) = client.receive(ROTATE, moment())
    assert isinstance(offered, TokenOffered)
    assert offered.token == "b0b0.550123"
    assert client.stored(offered.request) == (
        b'{"v":"1","id":1000000004,"source":"g","target":"endpoint","result":{"stored":true}}\n'
    )
    assert client.not_stored(offered.request, "No space left on device") == (
        b'{"v":"1","id":1000000004,"source":"g","target":"endpoint",'
        b'"error":{"code":400,"type":"notStored","message":"No space left on device"}}\n'
    )


@pytest.mark.parametrize(
    "token", ["", "two words", "line\nmonitoring_endpoints evil:1", "x" * 513, "caf\u00e9", 5, None]
)
def test_a_token_that_would_spoil_a_file_of_lines_is_refused_and_not_repeated(token: object) -> None:
    line = (
        json.dumps({"v": "1", "id": 1000000004, "method": "token.rotate", "params": {"token": token}}).encode() + b"\n"
    )
    client = welcomed()
    error = json.loads(written(client.receive(line, moment())))["error"]
    assert error["code"] == 400
    assert not token or str(token) not in error["message"]
    assert client.phase is Phase.LIVE


def test_nothing_is_stored_for_a_server_that_has_not_welcomed_us() -> None:
    client = ClientConnection(ME, moment())
    client.hello(moment())
    (refused,) = client.receive(ROTATE, moment())
    assert b'"error"' in refused.data  # type: ignore[union-attr]
