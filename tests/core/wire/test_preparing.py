"""Our collector's side of a delivery: each row of the described table, and our two sides with one another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.core.wire.conversation import moment, sent
from tests.core.wire.test_deliveries import check
from vedette.wire.client import Introduction, Phase
from vedette.wire.collector_client import CollectorClient
from vedette.wire.deliveries import Delivery, Stage
from vedette.wire.envelope import MalformedMessage, Request
from vedette.wire.events import (
    Answered,
    ChecksCommitted,
    ClientEvent,
    CollectorPosted,
    ConfirmAsked,
    Ended,
    HeartbeatReceived,
    HelloReceived,
    PostAnswered,
    Send,
    ServerEvent,
    TokenOffered,
    Welcomed,
)
from vedette.wire.messages import Post
from vedette.wire.poller import (
    BLOCK,
    COMMIT,
    END,
    PREPARE,
    CollectorPost,
    ConfirmParams,
    PolledCheck,
    reported,
    verdict_of,
)
from vedette.wire.preparing import BLOCK_LIMIT_MS, Preparing
from vedette.wire.server import ServerConnection, Terms

ZONE = "mzdfw"


def ask(id: int, method: str, **params: Any) -> Request:
    encoded = json.dumps({"zone_id": ZONE, "version": 5} | params).encode()
    return Request(id=b"%d" % id, source="endpoint", method=method, params=encoded)


def entry(key: str, action: str = "start") -> dict[str, str]:
    return {"check_id": key, "action": action}


def defined(*keys: str) -> list[dict[str, Any]]:
    return [
        {
            "id": key, "check_id": key, "type": "remote.http", "entity_id": "en1", "zone_id": ZONE, "period": 60,
            "timeout": 30, "disabled": False, "ip_addresses": {}, "target_alias": None, "target_hostname": "a.example",
            "target_resolver": None, "details": {}, "revision": 3,
        }
        for key in keys
    ]  # fmt: skip


class Prepared(Preparing):
    """Takes requests in a row and remembers the answers as (id, status, details)."""

    def __init__(self, running: Mapping[str, PolledCheck] | None = None) -> None:
        super().__init__(running or {})
        self.said: list[tuple[int, str, str]] = []

    def hear(self, *requests: Request, now_ms: int = 0) -> None:
        for request in requests:
            self.said += [
                (int(reply.request.id), reply.result["status"], reply.result["details"])
                for reply in self.take(request, now_ms)
            ]


GOOD = (ask(1, PREPARE, manifest=[entry("a")]), ask(2, BLOCK, block=defined("a")), ask(3, END, directive="prepare"))


def test_a_good_delivery_is_prepared_and_committed() -> None:
    side = Prepared()
    side.hear(*GOOD, ask(4, COMMIT))
    assert side.said == [(1, "prepared", ""), (4, "committed", "")]
    assert {key: one.revision for key, one in side.running.items()} == {"a": 3}


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        ([ask(1, PREPARE, version=0, manifest=[])], [(1, "ignored", "version older than newest committed")]),
        ([GOOD[0], ask(2, PREPARE, version=4, manifest=[])],
         [(2, "ignored", "version older than active preparation")]),
        ([GOOD[0], ask(2, PREPARE, version=6, manifest=[])], [(1, "ignored", "superseded")]),
        ([GOOD[0], ask(2, PREPARE, manifest=[])], []),
        ([ask(1, PREPARE, manifest=[entry("a", "stop")])], [(1, "failed", "a: unknown action stop")]),
        ([ask(1, PREPARE, manifest=[entry("a", "restart")])], [(1, "failed", "a: not running")]),
        ([ask(1, PREPARE, manifest=[entry("a", "continue")])], [(1, "failed", "a: not running")]),
        ([ask(1, BLOCK, block=defined("a"))], []),
        ([GOOD[0], ask(2, END, directive="abort")], [(1, "aborted", "")]),
        ([GOOD[0], ask(2, END, directive="x")], [(1, "failed", "unknown directive x")]),
        ([ask(2, END, directive="prepare")], [(2, "failed", "no active preparation")]),
        ([ask(2, END, directive="abort")], [(2, "failed", "no active preparation")]),
        ([GOOD[0], ask(2, END, version=9, directive="prepare")], [(1, "failed", "wrong version")]),
        ([GOOD[0], ask(2, BLOCK, block=defined("a", "b")), GOOD[2]], [(1, "failed", "b: defined but not declared")]),
        ([GOOD[0], GOOD[2]], [(1, "failed", "a: declared but not defined")]),
        ([GOOD[0], ask(2, BLOCK, version=9, block=defined("a")), GOOD[2]],
         [(1, "failed", "a: declared but not defined")]),
        ([ask(4, COMMIT)], [(4, "ignored", "non-applicable version")]),
        ([*GOOD, ask(4, COMMIT, version=9)], [(1, "prepared", ""), (4, "ignored", "non-applicable version")]),
        ([GOOD[0], GOOD[1], ask(4, COMMIT)], [(4, "ignored", "non-applicable version")]),
        ([*GOOD, ask(5, BLOCK, block=defined("b")), ask(6, COMMIT)], [(1, "prepared", ""), (6, "committed", "")]),
    ],
)  # fmt: skip
def test_what_happens_when(requests: list[Request], said: list[tuple[int, str, str]]) -> None:
    side = Prepared()
    side.hear(*requests)
    assert side.said == said


def test_what_runs_may_go_on_or_begin_anew_and_what_is_left_out_ends() -> None:
    side = Prepared({"a": check("a"), "b": check("b"), "c": check("c")})
    manifest = [entry("a", "continue"), entry("b", "restart")]
    side.hear(ask(1, PREPARE, manifest=manifest), ask(2, BLOCK, block=defined("b")), GOOD[2], ask(4, COMMIT))
    assert side.running.keys() == {"a", "b"}
    assert (side.running["a"], side.running["b"].revision) == (check("a"), 3)


def test_a_preparation_without_an_end_is_given_up_and_each_block_gives_it_more_time() -> None:
    side = Prepared()
    side.hear(GOOD[0])
    side.hear(GOOD[1], now_ms=50_000)
    assert side.deadline_ms == 50_000 + BLOCK_LIMIT_MS
    assert side.tick(50_000 + BLOCK_LIMIT_MS - 1) == []
    (reply,) = side.tick(50_000 + BLOCK_LIMIT_MS)
    assert (reply.request.id, reply.result["status"], reply.result["details"]) == (b"1", "failed", "timer expired")
    assert side.deadline_ms is None


def test_what_is_prepared_waits_for_its_commit_without_a_limit() -> None:
    side = Prepared()
    side.hear(*GOOD)
    assert side.deadline_ms is None
    assert side.tick(10**9) == []


@pytest.mark.parametrize("params", [{"manifest": 5}, {"version": "x", "manifest": []}, {"manifest": [{"check_id": 1}]}])
def test_a_preparation_that_makes_no_sense_is_told_so(params: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        Prepared().hear(ask(1, PREPARE, **params))


# -- both sides


class Talk:
    """Our collector and our server, with nothing in between."""

    def __init__(self, running: Mapping[str, PolledCheck] | None = None) -> None:
        me = Introduction(token="t.mzdfw", agent_id="one", guid="g", version="1", features=("poller",),
                          agent_name="vedette-collector", zone_ids=(ZONE,))  # fmt: skip
        self.is_blind = False
        self.now = 0
        self.client = CollectorClient(me, running or {}, lambda: self.is_blind, moment())
        self.server = ServerConnection(moment())
        self.delivery = Delivery(ZONE, iter(range(7, 100)).__next__)
        self.heard: list[ServerEvent] = []
        self.told: list[ClientEvent] = []
        self.to_server(self.client.hello(moment()))
        assert isinstance(self.heard[0], HelloReceived)
        self.hello = self.heard[0].hello
        self.to_client(self.server.welcome(Terms(heartbeat_interval_ms=5_000, is_collector=True), moment()))

    def to_server(self, data: bytes) -> None:
        for event in self.server.receive(data, moment(self.now)):
            self.heard.append(event)
            if isinstance(event, Send):
                self.to_client([event])
            elif isinstance(event, Answered) and event.method in {PREPARE, COMMIT}:
                verdict = None if event.error is not None else verdict_of(event.result)
                self.delivery.answered(event.number, verdict, self.now)
                self.pump()

    def to_client(self, events: list[ServerEvent]) -> None:
        for event in events:
            if isinstance(event, Send):
                self.carry_out(self.client.receive(event.data, moment(self.now)))

    def carry_out(self, events: list[ClientEvent]) -> None:
        self.told += events
        for event in events:
            if isinstance(event, Send):
                self.to_server(event.data)

    def pump(self) -> None:
        while (step := self.delivery.take(self.now)) is not None:
            if step.limit_ms is None:
                line = self.server.tell(step.method, step.params, "g")
                assert line is not None
                self.delivery.sent(step, 0)
            else:
                asked = self.server.ask(step.method, step.params, moment(self.now), "g", step.limit_ms)
                assert asked is not None
                line = asked[1]
                self.delivery.sent(step, asked[0])
            self.carry_out(self.client.receive(line, moment(self.now)))

    def ask(self, method: str, params: dict[str, Any]) -> None:
        asked = self.server.ask(method, params, moment(self.now), "g")
        assert asked is not None
        self.carry_out(self.client.receive(asked[1], moment(self.now)))


def test_our_collector_says_who_it_is() -> None:
    hello = Talk().hello
    assert (hello.agent_name, hello.zone_ids, hello.features) == ("vedette-collector", (ZONE,), frozenset({"poller"}))


def test_our_two_sides_come_to_the_same_list() -> None:
    talk = Talk()
    for wanted in (["a", "b"], ["b", "c", "d"], []):
        talk.delivery.want([check(key, revision=4) for key in wanted])
        talk.pump()
        (committed,) = [event for event in talk.told if isinstance(event, ChecksCommitted)]
        talk.told.clear()
        assert list(committed.checks) == wanted
        assert talk.delivery.running == committed.checks
    assert talk.delivery.stage is Stage.IDLE


def test_what_runs_is_known_after_a_reconnect_by_our_collector_and_begun_by_the_server() -> None:
    talk = Talk({"a": check("a")})
    talk.delivery.want([check("a"), check("b")])
    talk.pump()
    committed = next(event for event in talk.told if isinstance(event, ChecksCommitted))
    assert committed.checks.keys() == {"a", "b"}


def test_a_heartbeat_goes_out_at_once_and_whenever_our_sight_changes() -> None:
    talk = Talk()
    talk.is_blind = True
    talk.carry_out(talk.client.beat(moment()))
    beats = [event.is_blind for event in talk.heard if isinstance(event, HeartbeatReceived)]
    assert beats == [False, True]


def test_a_report_goes_there_whole_and_its_answer_comes_back() -> None:
    talk = Talk()
    post = Post(check_id="a", check_type="remote.http", available=False, status="no", timestamp_ms=1_718_000_000_000,
                metrics={}, check_revision=4)  # fmt: skip
    observed = CollectorPost(post=post, took_ms=12, round_id="r", is_blind=True, target="192.0.2.1")
    number, line = talk.client.report(reported(observed), moment())
    talk.to_server(line)
    (event,) = [event for event in talk.heard if isinstance(event, CollectorPosted)]
    assert event.post == observed
    assert talk.client.receive(
        b'{"v":"1","id":%d,"source":"endpoint","target":"g","result":[]}\n' % number, moment()
    ) == [PostAnswered(number, None)]


def test_a_request_to_confirm_is_acknowledged_and_passed_on() -> None:
    talk = Talk()
    talk.ask("vedette.confirm", {"check_id": "a", "round_id": "r1", "in_ms": 5_000})
    assert ConfirmAsked(ConfirmParams("a", "r1", 5_000)) in talk.told
    assert any(isinstance(event, Answered) and event.error is None for event in talk.heard)


def test_a_new_token_is_offered_and_agents_business_is_refused() -> None:
    talk = Talk()
    talk.ask("token.rotate", {"token": "new.1"})
    assert any(isinstance(event, TokenOffered) for event in talk.told)
    for method in ("check_schedule.changed", "host_info.get", "nonsense"):
        talk.ask(method, {})
    refusals = [event for event in talk.heard if isinstance(event, Answered) and event.error is not None]
    assert [one.method for one in refusals] == ["check_schedule.changed", "host_info.get", "nonsense"]


def test_nonsense_of_a_delivery_is_refused_and_the_connection_stays() -> None:
    talk = Talk()
    talk.ask(PREPARE, {"manifest": 5})
    (refusal,) = [event for event in talk.heard if isinstance(event, Answered)]
    assert refusal.error is not None
    assert talk.client.phase is Phase.LIVE


def test_a_server_that_falls_silent_is_left() -> None:
    talk = Talk()
    assert any(isinstance(event, Welcomed) for event in talk.told)
    assert talk.client.deadline_ms <= 7_500
    (beat,) = talk.client.tick(moment(5_000))
    assert isinstance(beat, Send)
    assert talk.client.tick(moment(7_500)) == [Ended("nothing heard from the server")]


def test_a_preparation_that_is_given_up_is_told_by_the_clock() -> None:
    talk = Talk()
    asked = talk.server.ask(PREPARE, {"version": 1, "manifest": []}, moment(), "g")
    assert asked is not None
    talk.client.receive(asked[1], moment())
    for second in range(5, 61, 5):
        talk.now = second * 1_000
        talk.carry_out(talk.client.tick(moment(talk.now)))
    (given_up,) = [event for event in talk.heard if isinstance(event, Answered)]
    assert verdict_of(given_up.result).details == "timer expired"
    assert sent([event for event in talk.heard if isinstance(event, Send)])
