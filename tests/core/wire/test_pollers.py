"""Golden lines of a poller-like peer, in and out, and whatever else such a peer may send (wire protocol, 7.1 and 8)."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.core.wire.conversation import assert_harmless, moment, sent
from tests.core.wire.stock_poller import GUID, StockPoller, request
from tests.core.wire.test_deliveries import check
from vedette.domain.metrics import Metric
from vedette.wire.deliveries import Delivery, Step
from vedette.wire.envelope import MalformedMessage, answered, refused
from vedette.wire.events import (
    Answered,
    CollectorPosted,
    Ended,
    HeartbeatReceived,
    HelloReceived,
    Send,
    ServerEvent,
    Unanswered,
)
from vedette.wire.framing import KNOWN_PEER_LINE_BYTES
from vedette.wire.messages import Post
from vedette.wire.poller import COMMIT, PREPARE, STOCK_TYPES, CollectorPost, Verdict, is_poller, runs, verdict_of
from vedette.wire.server import MOST_CONTROL, Phase, ServerConnection, Terms

ZONE = "pzA1b2C3d4"
HELLO = request(
    1,
    "handshake.hello",
    {
        "token": "9b1c0d5e.550123", "agent_id": "rack7-poller", "agent_name": "remote_poller",
        "process_version": "0.2.40", "bundle_version": "0.2.40", "zone_ids": [ZONE],
        "features": [{"name": "poller", "disabled": False}],
    },
)  # fmt: skip
PING = (
    b'{"v":"1","id":9,"target":"endpoint","source":"0b8f2f9e","method":"check_metrics.post_multi","params":{'
    b'"entity_id":"enZ8kQ2w1X","check_id":"chR1","check_type":"remote.ping","metrics":[[null,{"available":{"t":"double",'
    b'"v":"100","u":"PERCENT"},"average":{"t":"double","v":"0.000213","u":"SECONDS"},"count":{"t":"int64","v":"6",'
    b'"u":""}}]],"min_check_period":60000,"state":"available","status":"success","timestamp":1718000400999}}\r\n'
)


def poller() -> ServerConnection:
    """Welcomed at 0."""
    connection = ServerConnection(moment())
    (event,) = connection.receive(HELLO, moment())
    assert isinstance(event, HelloReceived)
    assert is_poller(event.hello)
    connection.welcome(Terms(is_collector=True), moment())
    return connection


def test_a_poller_is_welcomed_with_its_number_and_a_whole_positive_interval() -> None:
    connection = ServerConnection(moment())
    connection.receive(HELLO, moment())
    assert connection.welcome(Terms(is_collector=True), moment()) == [
        Send(
            b'{"v":"1","id":1,"source":"endpoint","target":"' + GUID.encode() + b'",'
            b'"result":{"heartbeat_interval":30000,"channel":"stable"}}\n'
        )
    ]


def test_a_result_is_read_and_acknowledged() -> None:
    (event,) = poller().receive(PING, moment())
    assert isinstance(event, CollectorPosted)
    assert event.post == CollectorPost(
        post=Post(
            check_id="chR1",
            check_type="remote.ping",
            available=True,
            status="success",
            timestamp_ms=1718000400999,
            metrics={
                "available": Metric("D", 100.0, "PERCENT"),
                "average": Metric("D", 0.000213, "SECONDS"),
                "count": Metric("l", 6, "unknown"),
            },
        )
    )
    assert answered(event.request, {}) == b'{"v":"1","id":9,"source":"endpoint","target":"0b8f2f9e","result":{}}\n'


@pytest.mark.parametrize(
    ("member", "text", "metrics"),
    [
        ("metrics", "null", {}),
        ("metrics", "[]", {}),
        ("metrics", "[[null,[]]]", {}),
        ("metrics", "[[null,{}]]", {}),
        ("metrics", '[[null,{"a":{"t":"int64","v":"0xfffffffffffffffb"}}]]', {"a": Metric("l", -5)}),
        ("metrics", '[[null,{"a":{"t":"int64","v":"1e+14"}}]]', {"a": Metric("l", 10**14)}),
        ("metrics", '[["d",{"a":{"t":"string","v":""}}]]', {"d.a": Metric("s", "")}),
        ("metrics", '[[null,{"a":{"t":"bool","v":"true","u":""}}]]', {"a": Metric("b", "true")}),
        ("metrics", '[[null,{"a":{"t":"undefined","v":"x"}}]]', {"a": Metric("s", "x")}),
    ],
)
def test_metrics_come_in_every_encoding(member: str, text: str, metrics: dict[str, Metric]) -> None:
    line = b'{"v":"1","id":1,"source":"g","method":"check_metrics.post_multi","params":{"check_id":"c","%s":%s}}\n'
    (event,) = poller().receive(line % (member.encode(), text.encode()), moment())
    assert isinstance(event, CollectorPosted)
    assert event.post.post.metrics == metrics


def test_seconds_are_told_from_milliseconds_and_a_failure_from_a_success() -> None:
    line = request(2, "check_metrics.post_multi",
                   {"check_id": "c", "timestamp": 1718000400, "state": "unavailable", "status": "x" * 300})  # fmt: skip
    (event,) = poller().receive(line, moment())
    assert isinstance(event, CollectorPosted)
    post = event.post.post
    assert (post.timestamp_ms, post.available, len(post.status)) == (1718000400000, False, 256)


def test_our_collector_s_result_says_more() -> None:
    params = {"check_id": "c", "check_revision": 7, "took": 40, "round": "r1", "blind": True, "target": "192.0.2.1"}
    (event,) = poller().receive(request(2, "check_metrics.post_multi", params), moment())
    assert isinstance(event, CollectorPosted)
    assert event.post.post.check_revision == 7
    assert (event.post.took_ms, event.post.round_id, event.post.is_blind) == (40, "r1", True)
    assert event.post.target == "192.0.2.1"


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"check_id": 5}, "check_id"),
        ({}, "check_id"),
        ({"check_id": "c", "metrics": [[None, ["x"]]]}, "map of names"),
        ({"check_id": "c", "metrics": {"a": 1}}, "metrics"),
        ([1], "params"),
    ],
)
def test_a_result_that_makes_no_sense_gets_a_400_that_says_why(params: Any, says: str) -> None:
    connection = poller()
    (reply,) = sent(connection.receive(request(2, "check_metrics.post_multi", params), moment()))
    assert reply["error"]["code"] == 400
    assert says in reply["error"]["message"]
    assert connection.phase is Phase.LIVE


@pytest.mark.parametrize("method", ["check_schedule.get", "check_metrics.post", "config_file.post"])
def test_what_is_for_agents_is_not_for_collectors(method: str) -> None:
    (reply,) = sent(poller().receive(request(2, method, {}), moment()))
    assert reply["error"]["code"] == 400
    assert "poller.prepare" in reply["error"]["message"]


def test_a_heartbeat_may_say_that_the_collector_is_blind() -> None:
    line = request(2, "heartbeat.post", {"timestamp": 1718000000123, "blind": True})
    assert poller().receive(line, moment())[-1] == HeartbeatReceived(1718000000123, is_blind=True)
    plain = request(3, "heartbeat.post", {"timestamp": 1718000000123})
    assert poller().receive(plain, moment())[-1] == HeartbeatReceived(1718000000123, is_blind=False)


def test_results_are_no_flood_and_heartbeats_are() -> None:
    connection = poller()
    for _ in range(5 * MOST_CONTROL):
        assert not any(isinstance(event, Ended) for event in connection.receive(PING, moment()))
    beat = request(3, "heartbeat.post", {"timestamp": 1})
    events = [event for _ in range(MOST_CONTROL + 1) for event in connection.receive(beat, moment())]
    assert any(isinstance(event, Ended) for event in events)


def test_what_a_collector_runs_is_what_it_declares_or_what_stock_pollers_run() -> None:
    assert runs(["poller"]) == STOCK_TYPES
    assert runs(["poller", "vedette.probe.remote.http", "vedette.probe.remote.dns"]) == {"remote.http", "remote.dns"}


def test_blocks_and_ends_are_told_and_not_waited_for() -> None:
    connection = poller()
    assert connection.tell("poller.prepare.end", {"version": 1}, GUID) is not None
    assert connection.questions == 0
    assert connection.receive(b'{"v":"1","id":1000000000,"source":"g","result":{"status":"failed"}}\n', moment()) == []
    connection.end()
    assert connection.tell("poller.prepare.end", {"version": 1}, GUID) is None


@pytest.mark.parametrize("result", [b"[]", b'{"status":5}', b'"x"', b'{"status":"prepared","version":"1"}', b"null"])
def test_an_answer_of_another_shape_makes_no_sense(result: bytes) -> None:
    with pytest.raises(MalformedMessage):
        verdict_of(result)


def test_the_real_answers_are_read() -> None:
    result = b'{"zone_id":"pzA1b2C3d4","version":41,"status":"prepared","details":""}'
    assert verdict_of(result) == Verdict("prepared", 41, "")


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
methods = st.sampled_from(
    ["handshake.hello", "heartbeat.post", "check_metrics.post_multi", "check_metrics.post", "check_schedule.get",
     "config_file.post", "poller.prepare", "poller.commit", "poller.register", ""]
)  # fmt: skip
params = anything | st.fixed_dictionaries(
    {},
    optional={
        "check_id": st.text(max_size=3) | anything, "metrics": anything, "status": anything, "state": anything,
        "timestamp": anything, "check_revision": anything, "took": anything, "round": anything, "blind": anything,
        "target": anything, "entity_id": anything,
    },
)  # fmt: skip
results = anything | st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["prepared", "committed", "failed", "ignored", "aborted"]) | anything,
        "version": st.integers(1, 20) | anything, "details": anything, "zone_id": anything,
    },
)  # fmt: skip
ids = st.integers(1_000_000_000, 1_000_000_030) | st.integers(0, 50) | anything
requests_ = st.builds(
    lambda id, method, params: {"v": "1", "id": id, "source": GUID, "method": method, "params": params},
    ids, methods, params,
)  # fmt: skip
answers = st.builds(lambda id, result: {"v": "1", "id": id, "source": GUID, "result": result}, ids, results)
errors = st.builds(lambda id, error: {"v": "1", "id": id, "source": GUID, "error": error}, ids, anything)
lines = (requests_ | answers | errors).map(lambda message: json.dumps(message).encode() + b"\r\n")
chunks = st.lists(lines | st.binary(max_size=60), min_size=1, max_size=4).map(b"".join)


class HostilePoller(RuleBasedStateMachine):
    """A collector that answers well, ill, late or never, and sends rubbish in pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.connection = poller()
        self.stock = StockPoller()
        self.delivery = Delivery(ZONE, count(1).__next__)
        self.versions: list[int] = []
        self.well: list[bytes] = []  # what a stock poller would answer

    def _take(self, events: list[ServerEvent]) -> None:
        for event in events:
            if isinstance(event, Send):
                for line in event.data.splitlines(keepends=True):
                    assert_harmless(line)
            elif isinstance(event, CollectorPosted):
                assert_harmless(answered(event.request, {}))
                assert_harmless(refused(event.request, 400, "badRequest", "no"))
            elif isinstance(event, Answered | Unanswered) and event.method in {PREPARE, COMMIT}:
                self.delivery.answered(event.number, _verdict(event), self.now)
        self._pump()

    def _pump(self) -> None:
        while (step := self.delivery.take(self.now)) is not None:
            number = self._send(step)
            if number is None:
                self.delivery.put_back(step)
                return
            self.delivery.sent(step, number)

    def _send(self, step: Step) -> int | None:
        if step.limit_ms is None:
            line = self.connection.tell(step.method, step.params, GUID)
            found = None if line is None else (0, line)
        else:
            found = self.connection.ask(step.method, step.params, moment(self.now), GUID, step.limit_ms)
        if found is None:
            return None
        assert_harmless(found[1])
        if step.method == PREPARE:
            self.versions.append(step.params["version"])
        self.well += self.stock.receive(found[1])
        return found[0]

    @rule(data=chunks, cut=st.integers(0, 60))
    def send_rubbish(self, data: bytes, cut: int) -> None:
        for piece in (data[:cut], data[cut:]):
            self._take(self.connection.receive(piece, moment(self.now)))

    @precondition(lambda self: self.well)
    @rule(cut=st.integers(1, 100))
    def answer_well(self, cut: int) -> None:
        line = self.well.pop(0)
        for piece in (line[:cut], line[cut:]):
            self._take(self.connection.receive(piece, moment(self.now)))

    @rule(periods=st.dictionaries(st.sampled_from("abcd"), st.integers(30, 32), max_size=4))
    def want(self, periods: dict[str, int]) -> None:
        self.delivery.want([check(key, period=period) for key, period in periods.items()])
        self._pump()

    @rule(by_ms=st.integers(0, 40_000))
    def wait(self, by_ms: int) -> None:
        self.now += by_ms
        self._take(self.connection.tick(moment(self.now)))

    @rule()
    def beat(self) -> None:
        self._take(self.connection.receive(request(3, "heartbeat.post", {"timestamp": 1}), moment(self.now)))

    @invariant()
    def memory_is_bounded(self) -> None:
        assert self.connection.held <= KNOWN_PEER_LINE_BYTES
        assert self.connection.questions <= 64

    @invariant()
    def at_most_one_version_is_under_way_and_versions_only_grow(self) -> None:
        assert self.versions == sorted(set(self.versions))
        assert self.connection.questions <= 1 or self.connection.phase is not Phase.LIVE


def _verdict(event: Answered | Unanswered) -> Verdict | None:
    if isinstance(event, Unanswered) or event.error is not None:
        return None
    try:
        return verdict_of(event.result)
    except MalformedMessage:
        return None


TestHostilePoller = HostilePoller.TestCase
TestHostilePoller.settings = settings(max_examples=settings().max_examples // 2)
