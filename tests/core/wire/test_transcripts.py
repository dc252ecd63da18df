"""Golden lines of an agent-like peer, in and out (wire protocol, 5 to 7)."""

from __future__ import annotations

import json

import pytest

from tests.core.wire.conversation import HELLO, TOKEN, assert_harmless, live, moment, sent
from vedette.domain.metrics import Metric
from vedette.wire.envelope import answered, refused
from vedette.wire.events import (
    Answered,
    Ended,
    FilesPosted,
    HeartbeatReceived,
    HelloReceived,
    MetricsPosted,
    ScheduleAsked,
    Send,
)
from vedette.wire.messages import Post, ScheduledCheck, files_result, schedule_result
from vedette.wire.server import Phase, ServerConnection, Terms

GUID = "1f5a90c2-77d1-48c3-c8a9-fa163e0b1c2d"


def test_a_hello_is_read_with_what_is_switched_on() -> None:
    events = ServerConnection(moment()).receive(HELLO, moment())
    assert isinstance(events[0], HelloReceived)
    hello = events[0].hello
    assert (hello.token, hello.agent_id, hello.guid) == (TOKEN, "web-03.example.net", GUID)
    assert hello.features == {"upgrades", "confd"}
    assert (hello.process_version, hello.bundle_version, hello.zone_ids) == ("2.1.10", "2.6.23", ())


def test_a_welcome_echoes_the_number_zero_and_names_interval_and_entity() -> None:
    connection = ServerConnection(moment())
    connection.receive(HELLO, moment())
    events = connection.welcome(Terms(entity_id="enZ8kQ2w1X"), moment())
    assert events == [
        Send(
            b'{"v":"1","id":0,"source":"endpoint","target":"' + GUID.encode() + b'",'
            b'"result":{"heartbeat_interval":30000,"channel":"stable","entity_id":"enZ8kQ2w1X"}}\n'
        )
    ]
    assert connection.phase is Phase.LIVE


def test_an_unbound_agent_is_told_no_entity() -> None:
    connection = ServerConnection(moment())
    connection.receive(HELLO, moment())
    assert sent(connection.welcome(Terms(), moment()))[0]["result"] == {
        "heartbeat_interval": 30000,
        "channel": "stable",
    }


def test_a_refusal_says_why_and_ends() -> None:
    connection = ServerConnection(moment())
    connection.receive(HELLO, moment())
    events = connection.refuse(401, "unauthorized", "The agent token is unknown")
    assert sent(events) == [
        {
            "v": "1",
            "id": 0,
            "source": "endpoint",
            "target": GUID,
            "error": {"code": 401, "type": "unauthorized", "message": "The agent token is unknown"},
        }
    ]
    assert events[-1] == Ended("The agent token is unknown")
    assert connection.receive(HELLO, moment()) == []


def test_a_poller_s_hello_carries_its_zones_and_ends_in_cr_lf() -> None:
    line = (
        b'{"v":"1","id":1,"target":"endpoint","source":"0b8f2f9e","method":"handshake.hello","params":{"token":"t",'
        b'"agent_id":"-poller-","agent_name":"remote_poller","process_version":"0.2.40","bundle_version":"0.2.40",'
        b'"zone_ids":["pzA1b2C3d4"],"features":[{"name":"poller","disabled":false}]}}\r\n'
    )
    events = ServerConnection(moment()).receive(line, moment())
    assert isinstance(events[0], HelloReceived)
    assert events[0].hello.zone_ids == ("pzA1b2C3d4",)
    assert events[0].hello.features == {"poller"}


def test_a_hello_of_2012_has_a_token_and_an_agent_id_only() -> None:
    line = b'{"v":"1","id":0,"source":"a","method":"handshake.hello","params":{"token":"t","agent_id":"a"}}\n'
    events = ServerConnection(moment()).receive(line, moment())
    assert isinstance(events[0], HelloReceived)
    assert events[0].hello.features == frozenset()


def test_a_heartbeat_is_answered_with_our_clock() -> None:
    line = (
        b'{"v":"1","id":"4","target":"endpoint","source":"1f5a","method":"heartbeat.post",'
        b'"params":{"timestamp":1718000000123}}\n'
    )
    events = live().receive(line, moment(5))
    assert events == [
        Send(b'{"v":"1","id":"4","source":"endpoint","target":"1f5a","result":{"timestamp":1718000000131}}\n'),
        HeartbeatReceived(1718000000123),
    ]


@pytest.mark.parametrize("id", ["0", '"0"', '"17"', "1e3", "123456789012345", "-1", '"\\u00e9"', "1.5"])
def test_an_id_goes_back_with_its_type_and_value(id: str) -> None:
    line = b'{"v":"1","id":%s,"source":"s","method":"heartbeat.post","params":[]}\n' % id.encode()
    (reply,) = sent([event for event in live().receive(line, moment()) if isinstance(event, Send)])
    assert json.dumps(reply["id"]) == json.dumps(json.loads(id))


def test_a_peer_without_a_name_gets_no_target() -> None:
    (reply,) = sent(
        live().receive(b'{"v":"1","id":"1","method":"heartbeat.post","params":{"timestamp":1}}\n', moment())
    )
    assert "target" not in reply
    assert reply["source"] == "endpoint"


def test_a_schedule_is_asked_for_and_handed_out() -> None:
    line = b'{"v":"1","id":"0","target":"endpoint","source":"g","method":"check_schedule.get","params":{"blah":1}}\n'
    (event,) = live().receive(line, moment())
    assert isinstance(event, ScheduleAsked)
    check = ScheduledCheck(id="chA1", type="agent.memory", period=60, timeout=30, disabled=False, details={})
    assert answered(event.request, schedule_result([check])) == (
        b'{"v":"1","id":"0","source":"endpoint","target":"g","result":{"checks":[{"id":"chA1","type":"agent.memory",'
        b'"period":60,"timeout":30,"disabled":false,"details":{}}]}}\n'
    )


def test_our_own_agent_gets_the_revision_too() -> None:
    check = ScheduledCheck(id="c", type="agent.memory", period=60, timeout=30, disabled=False, details={}, revision=7)
    line = b'{"v":"1","id":1,"source":"g","method":"check_schedule.get","params":{}}\n'
    (event,) = live().receive(line, moment())
    assert isinstance(event, ScheduleAsked)
    assert b'"revision":7' in answered(event.request, schedule_result([check]))


def test_a_post_is_read_with_its_metrics() -> None:
    line = (
        b'{"v":"1","id":"17","target":"endpoint","source":"g","method":"check_metrics.post","params":{"check_id":"chA2",'
        b'"check_type":"agent.filesystem","state":"available","status":"success","timestamp":1718000300000,'
        b'"min_check_period":75000,"metrics":[[null,{"free":{"t":"int64","v":"20480","u":"kilobytes"},'
        b'"options":{"t":"string","v":"rw,noatime","u":"options"}}]]}}\n'
    )
    (event,) = live().receive(line, moment())
    assert isinstance(event, MetricsPosted)
    assert event.post == Post(
        check_id="chA2",
        check_type="agent.filesystem",
        available=True,
        status="success",
        timestamp_ms=1718000300000,
        metrics={"free": Metric("l", 20480, "kilobytes"), "options": Metric("s", "rw,noatime", "options")},
    )
    assert answered(event.request, []) == b'{"v":"1","id":"17","source":"endpoint","target":"g","result":[]}\n'


def test_a_post_of_2012_without_state_status_and_time_counts_as_available() -> None:
    line = b'{"v":"1","id":1,"source":"g","method":"check_metrics.post","params":{"check_id":"c","metrics":[]}}\n'
    (event,) = live().receive(line, moment())
    assert isinstance(event, MetricsPosted)
    assert (event.post.available, event.post.timestamp_ms, event.post.metrics) == (True, None, {})


def test_a_post_that_cannot_be_read_gets_a_400_that_names_the_member() -> None:
    line = b'{"v":"1","id":"9","source":"g","method":"check_metrics.post","params":{"check_id":5}}\n'
    (reply,) = sent(live().receive(line, moment()))
    assert reply["error"]["code"] == 400
    assert "check_id" in reply["error"]["message"]


def test_files_are_read_and_answered_with_a_list() -> None:
    line = (
        b'{"v":"1","id":"0","source":"g","method":"config_file.post",'
        b'"params":{"config_data":{"mem.yaml":"type: agent.memory\\n","unreadable.yaml":[]}}}\n'
    )
    (event,) = live().receive(line, moment())
    assert isinstance(event, FilesPosted)
    assert event.files == {"mem.yaml": "type: agent.memory\n", "unreadable.yaml": None}
    assert b'"result":{"success":true,"values":[]}' in answered(event.request, files_result([]))


def test_files_that_are_no_object_are_refused_for_none_would_remove_what_was_defined() -> None:
    line = b'{"v":"1","id":"0","source":"g","method":"config_file.post","params":{"config_data":[1]}}\n'
    (reply,) = sent(live().receive(line, moment()))
    assert reply["error"]["code"] == 400
    assert "config_data" in reply["error"]["message"]


@pytest.mark.parametrize("params", ['{"dummy":1}', "[]", "{}", "null", '{"config_data":[]}', '{"config_data":{}}'])
def test_an_agent_without_files_posts_none(params: str) -> None:
    line = b'{"v":"1","id":"0","source":"g","method":"config_file.post","params":%s}\n' % params.encode()
    (event,) = live().receive(line, moment())
    assert isinstance(event, FilesPosted)
    assert event.files == {}


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("check_metrics.post_multi", "private monitoring zone"),
        ("handshake.hello", "over already"),
        ("poller.register", "Unknown method"),
        ("metrics.set", "Unknown method"),
    ],
)
def test_what_we_do_not_serve_gets_a_400_which_disturbs_nobody(method: str, says: str) -> None:
    connection = live()
    line = b'{"v":"1","id":3,"source":"g","method":"%s","params":{}}\n' % method.encode()
    (reply,) = sent(connection.receive(line, moment()))
    assert (reply["error"]["code"], reply["id"]) == (400, 3)
    assert says in reply["error"]["message"]
    assert connection.phase is Phase.LIVE


def test_our_requests_count_from_a_thousand_million_and_take_an_answer() -> None:
    connection = live()
    question = connection.ask("check_schedule.changed", {}, moment(), "g")
    assert question == (
        1_000_000_000,
        b'{"v":"1","id":1000000000,"source":"endpoint","target":"g","method":"check_schedule.changed","params":{}}\n',
    )
    events = connection.receive(b'{"v":"1","id":1000000000,"source":"g","target":"endpoint","result":[]}\n', moment())
    assert events == [Answered(1_000_000_000, "check_schedule.changed", b"[]", None)]
    second = connection.ask("check_schedule.changed", {}, moment(), None)
    assert second is not None
    assert second[0] == 1_000_000_001
    assert b"target" not in second[1]


def test_an_answer_with_an_error_is_an_answer() -> None:
    connection = live()
    connection.ask("check_schedule.changed", {}, moment(), "g")
    (event,) = connection.receive(
        b'{"v":"1","id":1000000000,"source":"g","error":{"code":1,"message":"no"}}\n', moment()
    )
    assert isinstance(event, Answered)
    assert event.error is not None
    assert (event.error.code, event.error.message) == (1, "no")


def test_every_line_of_ours_upsets_no_stock_client() -> None:
    connection = ServerConnection(moment())
    connection.receive(HELLO, moment())
    welcome = connection.welcome(Terms(entity_id="en1"), moment())
    requests = [
        b'{"v":"1","id":"0","source":"g","method":"check_schedule.get","params":{}}\n',
        b'{"v":"1","id":"1","source":"g","method":"config_file.post","params":{}}\n',
        b'{"v":"1","id":"2","source":"g","method":"check_metrics.post","params":{"check_id":"c"}}\n',
    ]
    lines = [event.data for event in welcome if isinstance(event, Send)]
    check = ScheduledCheck(id="c", type="agent.redis", period=60, timeout=30, disabled=False, details={})
    results = [schedule_result([check]), files_result([]), []]
    for line, result in zip(requests, results, strict=True):
        (event,) = connection.receive(line, moment())
        assert isinstance(event, ScheduleAsked | FilesPosted | MetricsPosted)
        lines += [answered(event.request, result), refused(event.request, 400, "badRequest", "no")]
    question = connection.ask("check_schedule.changed", {}, moment(), None)
    assert question is not None
    for line in [*lines, question[1]]:
        assert_harmless(line)


@pytest.mark.parametrize("interval", [0, -1, 10_000, 14_999, 1_200, 100_000, 140_000])
def test_an_interval_that_makes_stock_agents_reconnect_cannot_be_had(interval: int) -> None:
    with pytest.raises(ValueError, match="heartbeat_interval_ms"):
        Terms(heartbeat_interval_ms=interval)


@pytest.mark.parametrize(
    ("method", "params", "line"),
    [
        (
            "connection.closing",
            {"reason": "expired", "message": "The agent token has expired"},
            b'"method":"connection.closing","params":{"reason":"expired","message":"The agent token has expired"}}\n',
        ),
        ("token.rotate", {"token": TOKEN}, b'"method":"token.rotate","params":{"token":"' + TOKEN.encode() + b'"}}\n'),
    ],
)
def test_what_agents_of_our_kind_are_asked(method: str, params: dict[str, str], line: bytes) -> None:
    connection = live()
    question = connection.ask(method, params, moment(), GUID)
    assert question is not None
    assert question[1] == b'{"v":"1","id":1000000000,"source":"endpoint","target":"' + GUID.encode() + b'",' + line
    assert_harmless(question[1])
    answer = b'{"v":"1","id":1000000000,"source":"x","target":"endpoint","result":{"stored":true}}\n'
    assert connection.receive(answer, moment()) == [Answered(1_000_000_000, method, b'{"stored":true}', None)]
