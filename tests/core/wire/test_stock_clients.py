"""Nothing that leaves our side kills, drops or upsets a stock client: every message type, any content, any order."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.wire.conversation import assert_harmless, moment
from tests.core.wire.stock_agent import GUID, TYPES, AgentDiedError, AgentDroppedError, AgentUpsetError, StockAgent
from tests.core.wire.stock_poller import PollerDiedError, PollerUpsetError, StockPoller
from vedette.wire.answers import HOST_INFO, HOST_INFO_TYPES, SYSTEM_INFO, TARGETS, TEST, UPGRADE
from vedette.wire.envelope import Request, answered, asked, refused
from vedette.wire.events import (
    Answered,
    CollectorPosted,
    Ended,
    FilesPosted,
    HelloReceived,
    MetricsPosted,
    ScheduleAsked,
    Send,
    ServerEvent,
    Unanswered,
)
from vedette.wire.messages import UNAVAILABLE, ScheduledCheck, files_result, schedule_result
from vedette.wire.server import Phase, ServerConnection, Terms

CHANGED = "check_schedule.changed"
OLD_METHODS = (
    "manifest.get", "heartbeat.ping", "metrics.set", "check.schedule_changed", "binary_upgrade.get_version",
    "bundle_upgrade.get_version", "poller.register",
)  # fmt: skip

words = st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)
details = st.dictionaries(words, anything, max_size=4)
checks = st.builds(
    ScheduledCheck,
    id=st.uuids().map(str),
    type=st.sampled_from(sorted(TYPES - {"agent.redis"})),  # whose details are translated before they come here
    period=st.integers(30, 1800),
    timeout=st.integers(1, 1799),
    disabled=st.just(False),
    details=details,
    revision=st.none() | st.integers(1, 9),
)
outcomes = st.lists(
    st.fixed_dictionaries(
        {"success": st.booleans(), "type": st.sampled_from(["file", "check", "alarm"]), "location": words,
         "handle": words},
        optional={"err": st.fixed_dictionaries({"message": words})},
    ),
    max_size=4,
)  # fmt: skip
refusals = st.tuples(st.sampled_from(["badRequest", UNAVAILABLE]), words)
questions: st.SearchStrategy[tuple[str, dict[str, Any]]] = (
    st.tuples(st.just(HOST_INFO), st.fixed_dictionaries({"type": st.sampled_from(["MEMORY", "NIL", "LSHW"])}))
    | st.tuples(st.sampled_from([HOST_INFO_TYPES, SYSTEM_INFO, UPGRADE, CHANGED]), st.just({}))
    | st.tuples(st.just(TARGETS), st.fixed_dictionaries({"type": words}))
    | st.tuples(st.just(TEST), checks.map(lambda check: {"checkParams": msgspec.json.encode(check).decode()}))
)
terms = st.builds(
    Terms,
    heartbeat_interval_ms=st.sampled_from([2_000, 5_000, 30_000, 60_000]),
    entity_id=st.none() | words,
    channel=words,
)


class AnyStockAgent(RuleBasedStateMachine):
    """A stock agent that does whatever one ever did, and a server that answers and asks whatever ours does."""

    @initialize(guid=st.none() | st.just(GUID) | words.filter(bool), upgrades=st.booleans())
    def connect(self, guid: str | None, upgrades: bool) -> None:
        self.now = 0
        self.agent = StockAgent(guid, upgrades=upgrades)
        self.connection = ServerConnection(moment())
        self.wishes: list[ScheduleAsked | MetricsPosted | FilesPosted] = []
        self.open: set[int] = set()
        self.to_server(self.agent.hello())

    def to_server(self, line: bytes) -> None:
        self.take(self.connection.receive(line, moment(self.now)))

    def take(self, events: list[ServerEvent]) -> None:
        for event in events:
            if isinstance(event, Send):
                self.to_agent(event.data)
            elif isinstance(event, ScheduleAsked | MetricsPosted | FilesPosted):
                self.wishes.append(event)
            elif isinstance(event, Answered | Unanswered):
                self.open.remove(event.number)

    def to_agent(self, data: bytes) -> None:
        for line in data.splitlines(keepends=True):
            assert_harmless(line, after_handshake=self.agent.is_live)
            for answer in self.agent.receive(line):
                self.to_server(answer)

    @precondition(lambda self: self.connection.phase is Phase.JUDGING)
    @rule(terms=terms, code=st.sampled_from([400, 401, 403, 429, 503]), refusal=refusals, good=st.booleans())
    def judge(self, terms: Terms, code: int, refusal: tuple[str, str], good: bool) -> None:
        if good:
            self.take(self.connection.welcome(terms, moment(self.now)))
            assert self.agent.is_live
            assert self.agent.entity_id == terms.entity_id
        else:
            events = self.connection.refuse(code, *refusal)
            self.take(events)
            assert self.agent.refused == {"code": code, "type": refusal[0], "message": refusal[1]}
            assert isinstance(events[-1], Ended)

    @precondition(lambda self: self.agent.is_live)
    @rule(timestamp=st.integers(-1, 2**53) | anything)
    def beat(self, timestamp: Any) -> None:
        self.now += 2_000
        self.to_server(self.agent.beat(timestamp))

    @precondition(lambda self: self.agent.is_live)
    @rule(params=anything | st.fixed_dictionaries({"check_id": words}, optional={"metrics": anything, "status": words}))
    def post(self, params: Any) -> None:
        self.to_server(self.agent.post(params))

    @precondition(lambda self: self.agent.is_live)
    @rule(files=st.none() | st.dictionaries(words, st.none() | words | st.just([]), max_size=3))
    def upload_and_fetch(self, files: dict[str, Any] | None) -> None:
        self.to_server(self.agent.upload(files) + self.agent.fetch())

    @precondition(lambda self: self.agent.is_live)
    @rule(method=st.sampled_from(OLD_METHODS) | words.filter(bool), params=anything)
    def say_what_we_do_not_serve(self, method: str, params: Any) -> None:
        self.to_server(self.agent.say(method, params))

    @precondition(lambda self: self.wishes)
    @rule(checks=st.lists(checks, max_size=4), outcomes=outcomes, refusal=st.none() | refusals)
    def answer(self, checks: list[ScheduledCheck], outcomes: list[Any], refusal: tuple[str, str] | None) -> None:
        wish = self.wishes.pop(0)
        if refusal is not None:
            self.to_agent(refused(wish.request, 400, *refusal))
        elif isinstance(wish, ScheduleAsked):
            self.to_agent(answered(wish.request, schedule_result(checks)))
            assert list(self.agent.running) == [check.id for check in checks]
        else:
            self.to_agent(answered(wish.request, files_result(outcomes) if isinstance(wish, FilesPosted) else []))

    @precondition(lambda self: self.agent.is_live)
    @rule(question=questions)
    def ask(self, question: tuple[str, dict[str, Any]]) -> None:
        method, params = question
        if method == UPGRADE and not self.agent.upgrades:  # which the services see to
            return
        line = self.connection.ask(method, params, moment(self.now), self.agent.guid)
        if line is not None:
            self.open.add(line[0])
            self.to_agent(line[1])

    @rule(by_ms=st.integers(0, 30_000))
    def wait(self, by_ms: int) -> None:
        self.now += by_ms
        self.take(self.connection.tick(moment(self.now)))

    @invariant()
    def what_it_sent_is_answered_or_waits_with_us(self) -> None:
        """What is never answered stays in its memory for ever."""
        if self.connection.phase is Phase.LIVE:
            assert self.agent.waiting == len(self.wishes)
            assert not self.open  # it answers at once


TestAnyStockAgent = AnyStockAgent.TestCase
TestAnyStockAgent.settings = settings(max_examples=settings().max_examples // 2)


def welcome_of(hello: bytes, terms: Terms) -> bytes:
    connection = ServerConnection(moment())
    (event,) = connection.receive(hello, moment())
    assert isinstance(event, HelloReceived)
    (welcome,) = connection.welcome(terms, moment())
    assert isinstance(welcome, Send)
    return welcome.data


@given(interval=st.integers(10, 2_000_000))
def test_no_interval_can_be_had_that_makes_a_client_overrun_its_limit_or_flood_us(interval: int) -> None:
    try:
        terms = Terms(heartbeat_interval_ms=interval)
    except ValueError:
        return
    agent, poller = StockAgent(), StockPoller()
    agent.receive(welcome_of(agent.hello(), terms))
    poller.receive(welcome_of(poller.hello(), terms))
    assert agent.is_live
    assert poller.is_live


@given(
    post=anything | st.fixed_dictionaries({"check_id": words}, optional={"metrics": anything, "took": anything}),
    method=st.sampled_from(["check_metrics.post_multi", "heartbeat.post", "check_schedule.get", *OLD_METHODS]),
    refusal=st.none() | refusals,
    zone_terms=terms,
)
def test_whatever_a_stock_poller_says_it_is_answered_so_that_its_session_goes_on(
    post: Any, method: str, refusal: tuple[str, str] | None, zone_terms: Terms
) -> None:
    poller, connection = StockPoller(), ServerConnection(moment())
    connection.receive(poller.hello(), moment())
    events = connection.welcome(msgspec.structs.replace(zone_terms, is_collector=True), moment())
    line = json.dumps({"v": "1", "id": 2, "source": "g", "method": method, "params": post}).encode() + b"\r\n"
    events += connection.receive(line, moment())
    lines = [event.data for event in events if isinstance(event, Send)]
    for event in events:
        if isinstance(event, CollectorPosted):
            no = refusal and refused(event.request, 400, *refusal)
            lines.append(no or answered(event.request, {}))
    for answer in lines:
        assert_harmless(answer)
        poller.receive(answer)
    assert len(lines) == 2
    assert poller.is_live


# -- the models are no pushovers


def _hello_of(agent: StockAgent) -> Request:
    agent.hello()
    return Request(id=b"0", source=GUID, method="handshake.hello", params=b"{}")


def _live_agent() -> StockAgent:
    agent = StockAgent()
    agent.receive(answered(_hello_of(agent), {"heartbeat_interval": 30_000}))
    return agent


CHECK = '{"id":"c","type":"agent.memory","period":60,"disabled":false,"details":%s}'


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"5\n", AgentDiedError),
        (b'{"v":"1","id":"0","result":{}}\n', AgentDiedError),
        (b'{"v":"1","source":"endpoint","result":{}}\n', AgentDiedError),
        (b'{"v":1,"id":"0","source":"endpoint","result":{}}\n', AgentDroppedError),
        (b'{"v":"1","id":"0","source":"endpoint","error":{"code":"400"}}\n', AgentDroppedError),
        (b'{"v":"1","id":"0","source":"endpoint","error":{"code":500}}\n', AgentDroppedError),
        (b'{"v":"1","id":"0","source":"endpoint","result":{"checks":{}}}\n', AgentDiedError),
        (b'{"v":"1","id":"0","source":"endpoint","result":{"checks":[%s]}}\n' % (CHECK % "null").encode(),
         AgentDiedError),
        (b'{"v":"1","id":"7","source":"endpoint","result":{}}\n', AgentUpsetError),
        (b'{"v":"1","id":1000000000,"source":"endpoint","method":"host_info.get"}\n', AgentDiedError),
        (b'{"v":"1","id":1000000000,"source":"endpoint","method":"token.rotate","params":{}}\n', AgentUpsetError),
        (b'{"v":"1","id":1000000000,"source":"endpoint","method":"poller.prepare","params":{}}\n', AgentUpsetError),
    ],
)  # fmt: skip
def test_the_model_of_the_agent_suffers_from_what_the_agent_suffers_from(line: bytes, error: type[Exception]) -> None:
    agent = _live_agent()
    agent.fetch()
    with pytest.raises(error):
        agent.receive(line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":"1","id":"0","source":"endpoint","target":"g","result":{"heartbeat_interval":30000}}\n',
        b'{"v":"1","id":0,"source":"server","result":{"heartbeat_interval":30000}}\n',
        b'{"v":"1","id":0,"source":"endpoint","result":{"heartbeat_interval":30000}}\n',
    ],
)
def test_the_model_of_the_agent_waits_for_its_own_welcome(line: bytes) -> None:
    agent = StockAgent()
    agent.hello()
    with pytest.raises(AgentDroppedError):
        agent.receive(line)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"v":"1","id":"2","source":"endpoint","result":{}}\n', PollerDiedError),
        (b'{"v":"1","id":1.5,"source":"endpoint","result":{}}\n', PollerDiedError),
        (b'{"v":1,"id":2,"source":"endpoint","result":{}}\n', PollerDiedError),
        (b'{"v":"1","id":2,"source":"endpoint","error":{"code":"400"}}\n', PollerDiedError),
        (b'{"v":"1","id":1,"source":"endpoint","result":{}}\n', PollerUpsetError),
        (b'{"v":"1","id":1,"source":"endpoint","result":{"heartbeat_interval":"30000"}}\n', PollerUpsetError),
        (asked(5, "poller.prepare", {"version": 1, "manifest": []}, "endpoint", None), PollerDiedError),
        (asked(10**9, "system.info", {}, "endpoint", None), PollerUpsetError),
        (asked(10**9, "check.test", {"checkParams": '{"id":"c","type":"remote.ping"}'}, "endpoint", None),
         PollerDiedError),
        (asked(10**9, "poller.prepare.end", {"version": 1, "directive": "abort"}, "endpoint", None), PollerDiedError),
    ],
)  # fmt: skip
def test_the_model_of_the_poller_suffers_from_what_the_poller_suffers_from(line: bytes, error: type[Exception]) -> None:
    poller = StockPoller()
    poller.hello()
    with pytest.raises(error):
        poller.receive(line)
