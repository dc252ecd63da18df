"""Whatever a peer sends: no exception, bounded memory, time limits, and no answer that breaks the rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.core.wire.conversation import HELLO, assert_harmless, live, moment, sent
from vedette.wire.answers import (
    HOST_INFO,
    HOST_INFO_TYPES,
    SYSTEM_INFO,
    TARGETS,
    TEST,
    host_info_of,
    targets_of,
    tried_of,
    types_of,
)
from vedette.wire.envelope import MalformedMessage, answered, refused
from vedette.wire.events import (
    Answered,
    CollectorPosted,
    Ended,
    FilesPosted,
    HelloReceived,
    HttpAsked,
    MetricsPosted,
    ScheduleAsked,
    Send,
    ServerEvent,
    Unanswered,
)
from vedette.wire.framing import KNOWN_PEER_LINE_BYTES, UNKNOWN_PEER_LINE_BYTES
from vedette.wire.http import HttpRequest
from vedette.wire.poller import COMMIT, PREPARE, verdict_of
from vedette.wire.server import MOST_CONTROL, MOST_MALFORMED, Phase, ServerConnection, Terms

HEARTBEAT = b'{"v":"1","id":1,"source":"g","method":"heartbeat.post","params":{"timestamp":1}}\n'


def ended(events: list[ServerEvent]) -> bool:
    return any(isinstance(event, Ended) for event in events)


def test_a_line_cut_anywhere_is_the_same_line() -> None:
    for cut in range(len(HELLO)):
        connection = ServerConnection(moment())
        events = connection.receive(HELLO[:cut], moment()) + connection.receive(HELLO[cut:], moment())
        assert [type(event) for event in events] == [HelloReceived]


def test_blank_lines_before_and_between_are_passed_over() -> None:
    connection = ServerConnection(moment())
    assert connection.receive(b" \r\n\n\t", moment()) == []
    assert [type(event) for event in connection.receive(HELLO, moment())] == [HelloReceived]


def test_what_follows_the_hello_waits_for_the_welcome() -> None:
    connection = ServerConnection(moment())
    assert len(connection.receive(HELLO + HEARTBEAT, moment())) == 1
    assert [reply["id"] for reply in sent(connection.welcome(Terms(), moment()))] == [0, 1]


def test_too_much_before_the_welcome_ends_it() -> None:
    connection = ServerConnection(moment())
    events = connection.receive(HELLO + HEARTBEAT * 1000, moment())
    assert ended(events)
    assert connection.welcome(Terms(), moment()) == []
    assert connection.refuse(401, "unauthorized", "no") == []


def test_a_stranger_s_line_of_64_kib_without_an_end_ends_it() -> None:
    connection = ServerConnection(moment())
    assert connection.receive(b"{" * UNKNOWN_PEER_LINE_BYTES, moment()) == []
    assert ended(connection.receive(b"{", moment()))
    assert connection.held == 0


def test_a_known_peer_may_send_lines_of_4_mib_and_no_longer() -> None:
    connection = live()
    line = b'{"v":"1","id":1,"source":"g","method":"config_file.post","params":{"config_data":{"a":"%s"}}}\n'
    assert not ended(connection.receive(line % (b"x" * (KNOWN_PEER_LINE_BYTES - len(line))), moment()))
    assert ended(connection.receive(b"x" * (KNOWN_PEER_LINE_BYTES + 1), moment()))


@pytest.mark.parametrize(
    "line",
    [
        b"[1,2,3]",
        b"{",
        b'{"id":1}',
        b'{"v":"1","method":"handshake.hello","params":{}}',
        b'{"v":"1","id":null,"method":"handshake.hello","params":{}}',
        b'{"v":"1","id":[1],"method":"handshake.hello","params":{}}',
        b'{"v":"1","id":true,"method":"handshake.hello","params":{}}',
        b'{"v":"1","id":1,"source":"' + b"s" * 513 + b'","method":"handshake.hello","params":{}}',
        b'{"v":"1","id":1,"source":7,"method":"handshake.hello","params":{}}',
        b'{"v":"1","id":1,"method":"handshake.hello","params":' + b"[" * 60000,
        b'{"v":"1","id":"' + b"9" * 300 + b'","method":"handshake.hello","params":{}}',
        b'{"v":"1","id":' + b"9" * 300 + b',"method":"handshake.hello","params":{}}',
        b'{"v":"1","id":1,"result":{}}',
    ],
)
def test_a_first_line_that_is_no_hello_ends_it_without_an_answer(line: bytes) -> None:
    events = ServerConnection(moment()).receive(line + b"\n", moment())
    assert [type(event) for event in events] == [Ended]


@pytest.mark.parametrize(
    "params", ["5", '"x"', '{"token":5,"agent_id":"a"}', '{"token":"t","agent_id":{}}', "[1]", '{"zone_ids":[1]}']
)
def test_a_hello_with_members_of_wrong_types_is_told_so_and_ends(params: str) -> None:
    line = b'{"v":"1","id":1,"source":"g","method":"handshake.hello","params":%s}\n' % params.encode()
    events = ServerConnection(moment()).receive(line, moment())
    (reply,) = sent(events)
    assert reply["error"]["message"].startswith("handshake.hello: params: ")
    assert ended(events)


def test_another_first_message_is_told_what_is_expected_and_ends() -> None:
    events = ServerConnection(moment()).receive(HEARTBEAT, moment())
    assert sent(events)[0]["error"]["message"] == "The first message must be handshake.hello"
    assert ended(events)


def test_a_known_peer_s_nonsense_is_passed_over_but_not_for_ever() -> None:
    connection = live()
    for _ in range(MOST_MALFORMED):
        assert connection.receive(b"nonsense\n", moment()) == []
    assert ended(connection.receive(b"nonsense\n", moment()))


def test_bytes_that_are_no_utf_8_do_not_cost_the_message() -> None:
    line = (
        b'{"v":"1","id":"\xff","source":"\xfe","method":"check_metrics.post",'
        b'"params":{"check_id":"c","status":"caf\xe9"}}\n'
    )
    (event,) = live().receive(line, moment())
    assert isinstance(event, MetricsPosted)
    assert event.post.status == "caf\ufffd"


def test_a_flood_of_heartbeats_ends_it_and_a_steady_beat_does_not() -> None:
    connection = live()
    for beat in range(1000):
        assert not ended(connection.receive(HEARTBEAT, moment(beat * 30_000)))
    start = 1000 * 30_000
    for _ in range(MOST_CONTROL):
        assert not ended(connection.receive(HEARTBEAT, moment(start)))
    assert ended(connection.receive(HEARTBEAT, moment(start)))


def test_a_flood_of_answers_to_nothing_ends_it_too() -> None:
    connection = live()
    line = b'{"v":"1","id":1000000000,"source":"g","result":[]}\n'
    assert connection.receive(line * MOST_CONTROL, moment()) == []
    assert connection.receive(line, moment()) == [Ended("too many answers to nothing")]


def test_without_a_hello_it_ends_after_ten_seconds_however_much_trickles_in() -> None:
    connection = ServerConnection(moment(1000))
    connection.receive(HELLO[:50], moment(5000))
    assert connection.deadline_ms == 11_000
    assert connection.tick(moment(10_999)) == []
    assert connection.tick(moment(11_000)) == [Ended("no handshake in time")]
    assert connection.deadline_ms is None


def test_a_peer_without_a_whole_message_for_three_intervals_is_dead() -> None:
    connection = live()
    connection.receive(HEARTBEAT, moment(30_000))
    connection.receive(b'{"v":', moment(100_000))
    assert connection.tick(moment(119_999)) == []
    assert connection.tick(moment(120_000)) == [Ended("no message for three heartbeat intervals")]


def test_a_request_of_ours_that_is_not_answered_is_given_up_and_the_agent_stays() -> None:
    connection = live()
    for beat in range(10):
        connection.receive(HEARTBEAT, moment(beat * 30_000))
    question = connection.ask("check_schedule.changed", {}, moment(270_000), "g")
    assert question is not None
    assert connection.deadline_ms == 300_000
    assert connection.tick(moment(300_000)) == [Unanswered(question[0], "check_schedule.changed")]
    late = b'{"v":"1","id":%d,"source":"g","result":[]}\n' % question[0]
    assert connection.receive(late, moment(300_001)) == []
    assert connection.phase is Phase.LIVE


def test_http_is_told_from_json_by_its_first_byte() -> None:
    connection = ServerConnection(moment())
    text = b"GET /upgrades/stable/VERSION?x=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    events = [event for byte in text for event in connection.receive(bytes([byte]), moment())]
    assert events == [HttpAsked(HttpRequest("GET", "/upgrades/stable/VERSION"))]
    assert connection.receive(text, moment()) == []


@pytest.mark.parametrize("text", [b"hello there\n\n", b"GET /\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"\x80\xff\x00\n\n"])
def test_what_is_no_request_is_no_request(text: bytes) -> None:
    assert ServerConnection(moment()).receive(text, moment()) == [HttpAsked(HttpRequest("", ""))]


def test_an_http_head_without_an_end_ends_it() -> None:
    connection = ServerConnection(moment())
    events = [event for _ in range(10) for event in connection.receive(b"GET / HTTP/1.1 " * 70, moment())]
    assert ended(events)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
methods = st.sampled_from(
    ["handshake.hello", "heartbeat.post", "check_schedule.get", "check_metrics.post", "check_metrics.post_multi",
     "config_file.post", "host_info.get", ""]
)  # fmt: skip
params = anything | st.fixed_dictionaries(
    {},
    optional={
        "token": anything, "agent_id": anything, "features": anything, "zone_ids": anything, "timestamp": anything,
        "check_id": st.text(max_size=3) | anything, "metrics": anything, "status": anything, "state": anything,
        "config_data": anything | st.dictionaries(st.text(max_size=5), st.text(max_size=5) | anything, max_size=3),
        "check_revision": anything, "took": anything, "round": anything, "blind": anything, "target": anything,
    },
)  # fmt: skip
results = anything | st.fixed_dictionaries(
    {},
    optional={
        "timestamp": anything, "metrics": anything, "error": anything, "types": st.lists(st.text()) | anything,
        "targets": anything, "state": anything, "status": anything, "version": anything, "details": anything,
    },
)  # fmt: skip
messages = st.fixed_dictionaries(
    {},
    optional={
        "v": scalars, "id": st.integers(0, 9) | st.integers(10**9, 10**9 + 3) | anything,
        "source": st.text(max_size=4) | scalars,
        "target": scalars, "method": methods | scalars, "params": params, "result": anything, "error": anything,
    },
).map(lambda message: json.dumps(message).encode() + b"\n")  # fmt: skip
chunks = st.binary(max_size=40) | messages | st.just(HELLO) | st.just(HEARTBEAT) | st.just(b"{" * 70_000)


READERS: Mapping[str, Callable[[bytes], object]] = {
    "check_schedule.changed": bytes, HOST_INFO: host_info_of, HOST_INFO_TYPES: types_of, SYSTEM_INFO: bytes,
    TARGETS: targets_of, TEST: tried_of, PREPARE: verdict_of, COMMIT: verdict_of,
}  # fmt: skip
"""What we ask of anybody, and how what is answered is read."""
questions = st.sampled_from(sorted(READERS))


class AnyPeer(RuleBasedStateMachine):
    """A connection in the hands of somebody who does as he likes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.was_live = self.is_collector = False
        self.open: dict[int, str] = {}  # questions of ours that have not ended
        self.connection = ServerConnection(moment())

    def _check(self, events: list[ServerEvent]) -> None:
        for event in events:
            if isinstance(event, Answered | Unanswered):
                assert self.open.pop(event.number) == event.method
            if isinstance(event, Answered) and event.result is not None:
                with suppress(MalformedMessage):
                    READERS[event.method](event.result)
            if isinstance(event, Send):
                for line in event.data.splitlines(keepends=True):
                    assert_harmless(line, after_handshake=self.was_live)
            if isinstance(event, FilesPosted):
                assert all(isinstance(text, str) or text is None for text in event.files.values())
            if isinstance(event, CollectorPosted | FilesPosted | MetricsPosted | ScheduleAsked):
                assert isinstance(event, CollectorPosted) == self.is_collector
                assert_harmless(answered(event.request, []))
                assert_harmless(refused(event.request, 400, "badRequest", "no"))

    @rule(data=chunks, cut=st.integers(0, 40))
    def send(self, data: bytes, cut: int) -> None:
        for piece in (data[:cut], data[cut:]):
            self._check(self.connection.receive(piece, moment(self.now)))

    @rule(by_ms=st.integers(0, 60_000))
    def wait(self, by_ms: int) -> None:
        self.now += by_ms
        self._check(self.connection.tick(moment(self.now)))

    @precondition(lambda self: self.connection.phase is Phase.JUDGING)
    @rule(good=st.booleans(), is_collector=st.booleans())
    def judge(self, good: bool, is_collector: bool) -> None:
        if good:
            self.is_collector = is_collector
            terms = Terms(entity_id="en1", is_collector=is_collector)
            self._check(self.connection.welcome(terms, moment(self.now)))
            self.was_live = True
        else:
            self._check(self.connection.refuse(401, "unauthorized", "no"))

    @rule(method=questions, limit_ms=st.integers(1, 90_000))
    def ask(self, method: str, limit_ms: int) -> None:
        question = self.connection.ask(method, {}, moment(self.now), "g", limit_ms)
        if question is not None:
            assert_harmless(question[1])
            assert question[0] not in self.open
            self.open[question[0]] = method

    @precondition(lambda self: self.open)
    @rule(result=results, place=st.integers(0, 3), times=st.integers(1, 2))
    def answer(self, result: object, place: int, times: int) -> None:
        number = sorted(self.open)[place % len(self.open)]
        line = json.dumps({"v": "1", "id": number, "source": "g", "result": result}).encode() + b"\n"
        self._check(self.connection.receive(line * times, moment(self.now)))

    @invariant()
    def memory_is_bounded(self) -> None:
        limit = KNOWN_PEER_LINE_BYTES if self.was_live else 2 * UNKNOWN_PEER_LINE_BYTES + len(HELLO)
        assert self.connection.held <= limit
        assert self.connection.questions <= 64

    @invariant()
    def it_has_a_time_limit_unless_we_are_judging(self) -> None:
        has_none = self.connection.phase in {Phase.JUDGING, Phase.OVER}
        assert (self.connection.deadline_ms is None) == has_none


TestAnyPeer = AnyPeer.TestCase
TestAnyPeer.settings = settings(max_examples=settings().max_examples // 2)


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_random_bytes_never_raise_and_never_get_in(pieces: list[bytes]) -> None:
    connection = ServerConnection(moment())
    for piece in pieces:
        connection.receive(piece, moment())
    assert connection.phase is not Phase.LIVE
