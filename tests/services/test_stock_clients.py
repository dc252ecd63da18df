"""What the services make of any configuration kills, drops or upsets no stock client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.wire.stock_agent import StockAgent
from tests.core.wire.stock_poller import RUNS, StockPoller
from tests.fakes.agents import Account, check, entity
from tests.fakes.chance import FakeClock
from tests.services.test_agents import connect
from vedette.criteria.patterns import PatternError, groups_of
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.faults import Fault
from vedette.domain.host_info import HOST_INFO_TYPES, TYPES_WITH_TARGETS
from vedette.domain.ids import CheckId, EntityId, TenantId
from vedette.domain.tokens import Reason
from vedette.ports.agents import Connection
from vedette.ports.probing import Assignment
from vedette.services.agent_connections import AgentConnections, Identity
from vedette.services.agent_inquiries import Inquiries
from vedette.services.agent_replies import Outcome, Reply
from vedette.services.agent_requests import AgentRequests
from vedette.services.polled_checks import polled
from vedette.wire.deliveries import Delivery
from vedette.wire.envelope import Request, answered, asked
from vedette.wire.messages import schedule_result
from vedette.wire.poller import STOCK_TYPES, PolledCheck, verdict_of

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=10)
scalars = st.booleans() | st.integers() | words
AGENT_TYPES = sorted(key for key in CHECK_TYPES if not CHECK_TYPES[key].is_remote)
patterns = words | st.sampled_from(
    ["(a)|b", "^2..$", r"\d+", "(?i)ok", "(?:x)", "a{1000}", "(", "[", "a**", r"\1", "(?=a)", r"[[:alpha:]]", r"\pL"]
)


def live_agent() -> StockAgent:
    agent = StockAgent()
    agent.hello()
    hello = Request(id=b"0", source=agent.guid, method="handshake.hello", params=b"{}")
    agent.receive(answered(hello, {"heartbeat_interval": 30_000, "entity_id": "enAlice"}))
    return agent


# -- schedules


agent_checks = st.fixed_dictionaries(
    {"type": st.sampled_from([*AGENT_TYPES, "remote.ping"]), "period": st.integers(30, 1800)},
    optional={
        "timeout": st.none() | st.integers(2, 1799), "disabled": st.none() | st.booleans(),
        "details": st.none() | st.dictionaries(st.sampled_from(["hostname", "host", "target", "file"]), scalars),
    },
)  # fmt: skip


@given(bodies=st.lists(agent_checks, max_size=6))
def test_any_schedule_is_run_as_it_was_meant(bodies: list[dict[str, Any]]) -> None:
    async def schedule() -> list[Any]:
        account = Account()
        account.put(entity())
        for number, body in enumerate(bodies):
            account.put(check(f"ch{number}", body["type"], **{"disabled": None, "details": None} | body))
        return await account.agents.schedule(await connect(account))

    agent = live_agent()
    fetch = msgspec.json.decode(agent.fetch())
    request = Request(id=msgspec.json.encode(fetch["id"]), source=agent.guid, method=fetch["method"], params=b"{}")
    agent.receive(answered(request, schedule_result(asyncio.run(schedule()))))
    wanted = [
        (f"ch{number}", body["type"], body["period"])
        for number, body in enumerate(bodies)
        if body["type"] in AGENT_TYPES and not body.get("disabled")
    ]
    assert [(key, one["type"], one["period"]) for key, one in agent.running.items()] == wanted


# -- lists of collectors


def assignment(type_: str, details: dict[str, Any], **more: Any) -> Assignment:
    members: dict[str, Any] = {
        "tenant_id": TenantId("550123"), "entity_id": EntityId("enA"), "check_id": CheckId("chA"), "check_type": type_,
        "revision": 1, "period_s": 60, "timeout_s": 30, "target": "192.0.2.1", "resolver": None,
        "details": CHECK_TYPES[type_].completed(CHECK_TYPES[type_].details.parse(details, "details")), "alias": None,
    }  # fmt: skip
    return Assignment(**members | more)


http_details = st.fixed_dictionaries(
    {"url": st.just("https://a.example/")},
    optional={
        "body": patterns, "body_matches": st.dictionaries(st.sampled_from(["a", "b"]), patterns), "method":
        st.sampled_from(["GET", "POST"]), "follow_redirects": st.booleans() | st.sampled_from(["true", "false"]),
        "include_body": st.booleans(), "headers": st.just({"X-A": "b"}),
    },
)  # fmt: skip
tcp_details = st.fixed_dictionaries(
    {"port": st.integers(1, 65_535) | st.integers(1, 65_535).map(str)},
    optional={"banner_match": patterns, "body_match": patterns, "send_body": words, "ssl": st.booleans()},
)
ping_details = st.fixed_dictionaries({}, optional={"count": st.integers(1, 15) | st.just("5")})
described = (
    st.tuples(st.just("remote.http"), http_details)
    | st.tuples(st.just("remote.tcp"), tcp_details)
    | st.tuples(st.just("remote.ping"), ping_details)
)


@given(
    what=described,
    timeout_s=st.integers(0, 30),
    alias=st.none() | words,
    target=st.none() | words,
    resolver=st.sampled_from([None, "IPv4", "IPv6"]),
)
def test_any_check_that_a_stock_poller_is_handed_can_be_built_by_it(
    what: tuple[str, dict[str, Any]], timeout_s: int, alias: str | None, target: str | None, resolver: str | None
) -> None:
    made = assignment(*what, timeout_s=timeout_s, alias=alias, target=target, resolver=resolver)
    found = polled(made, "pzA1b2C3d4", is_ours=False)
    expressions = [made.details.get(name) for name in ("body", "body_match", "banner_match")]
    expressions += (made.details.get("body_matches") or {}).values()
    if found is None:
        assert any(not is_good(one) for one in expressions if one is not None)
        return
    poller = StockPoller()
    deliver(poller, [found])
    (taken,) = poller.running.values()
    test = asked(10**9 + 100, "check.test", {"checkParams": msgspec.json.encode(found).decode()}, "endpoint", None)
    assert b'"available"' in poller.receive(test)[0]
    assert "revision" not in taken
    assert taken["timeout"] >= 1
    assert all(groups_of(one) for one in taken["details"].get("body_matches", {}).values())
    if alias is not None:
        assert taken["ip_addresses"][taken["target_alias"]]


def is_good(expression: str) -> bool:
    try:
        groups_of(expression)
    except PatternError:
        return False
    return True


def deliver(poller: StockPoller, checks: list[PolledCheck]) -> None:
    delivery, numbers = Delivery("pzA1b2C3d4", count(1).__next__), count(10**9)
    delivery.want(checks)
    while (step := delivery.take(0)) is not None:
        number = next(numbers)
        delivery.sent(step, number)
        for line in poller.receive(asked(number, step.method, step.params, "endpoint", None)):
            delivery.answered(number=_id(line), verdict=verdict_of(_result(line)), now_ms=0)


def _id(line: bytes) -> int:
    found: int = msgspec.json.decode(line)["id"]
    return found


def _result(line: bytes) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(line)["result"])


@pytest.mark.parametrize(
    "expression",
    [r"\C", r"a\\\C", "(?<n>a)", r"\p{Vithkuqi}", r"[\p{Vithkuqi}]", "(?P<é>a)", "(?P<n>a)(?P<n>b)", "(", r"\8"],
)
@pytest.mark.parametrize("member", ["banner_match", "body_match"])
def test_an_expression_that_its_code_may_refuse_is_kept_from_it(expression: str, member: str) -> None:
    made = assignment("remote.tcp", {"port": 25, member: expression})
    assert polled(made, "pzA1b2C3d4", is_ours=False) is None
    assert polled(made, "pzA1b2C3d4", is_ours=True) is not None


@pytest.mark.parametrize(
    "expression", [r"\\C", r"\p{Greek}+", r"\P{^Lu}", r"\pL", "(?P<n>a)|(?P<m>b)", r"\Qa.b\E", r"\z"]
)
def test_an_expression_that_it_knows_is_not_kept_from_it(expression: str) -> None:
    found = polled(assignment("remote.tcp", {"port": 25, "body_match": expression}), "pzA1b2C3d4", is_ours=False)
    assert found is not None
    assert found.details["body_match"] == expression


# -- questions


class LiveClient:
    """A live connection to a stock client that answers at once, or not at all."""

    def __init__(self, connection: Connection, receive: Callable[[bytes], list[bytes]]) -> None:
        self.identity = Identity(
            connection_id=connection.id, since_ms=1, tenant_id=connection.tenant_id, token_public_id="atA",
            agent_id=connection.agent_id, entity_id=None, guid=connection.guid, ip="192.0.2.1", port=1,
            endpoint="e:1", process_version="1", bundle_version="1", features=frozenset(connection.features),
        )  # fmt: skip
        self._receive = receive
        self._numbers = count(10**9)

    async def ask(self, method: str, params: dict[str, Any], limit_ms: int) -> Reply:
        (line,) = self._receive(asked(next(self._numbers), method, params, "endpoint", self.identity.guid))
        assert limit_ms >= 10_000
        answer = msgspec.json.decode(line)
        return Reply(outcome=Outcome.ANSWERED, result=msgspec.Raw(msgspec.json.encode(answer["result"])))

    def tell_schedule_changed(self) -> bool:
        raise NotImplementedError

    def hand_token(self, token: str) -> bool:
        raise NotImplementedError

    def cut(self, reason: Reason, *, with_notice: bool) -> bool:
        raise NotImplementedError

    def close(self, reason: str) -> None:
        raise NotImplementedError


TENANT = TenantId("550123")
Ask = Callable[[AgentRequests, list[Connection]], Coroutine[Any, Any, object]]


asks: st.SearchStrategy[Ask] = (
    st.sampled_from(sorted(HOST_INFO_TYPES)).map(lambda type_: lambda asking, of: asking.host_info(of, type_))
    | st.just(lambda asking, of: asking.host_info_types(of))
    | st.just(lambda asking, of: asking.upgrade(of))
    | st.sampled_from(sorted(TYPES_WITH_TARGETS)).map(lambda type_: lambda asking, of: asking.targets(of, type_))
    | st.tuples(st.sampled_from(AGENT_TYPES), st.dictionaries(st.just("hostname"), words)).map(
        lambda drawn: lambda asking, of: asking.run(of, raw_assignment(*drawn))
    )
)


def raw_assignment(type_: str, details: dict[str, Any]) -> Assignment:
    return msgspec.structs.replace(assignment("agent.memory", {}), check_type=type_, details=details)


@given(ask=asks, kinds=st.lists(st.sampled_from(["agent", "upgrading", "poller"]), min_size=1, max_size=3))
def test_a_client_is_asked_what_it_answers_and_nothing_else(ask: Ask, kinds: list[str]) -> None:
    connections, known = [], AgentConnections()
    for number, kind in enumerate(kinds):
        features = {"agent": (), "upgrading": ("upgrades",), "poller": ("poller",)}[kind]
        connection = Connection(
            id=f"cn{number}", process_id="here", tenant_id=TENANT, token_public_id="atA", agent_id="web",
            guid=f"g{number}", ip="192.0.2.1", port=1, since_ms=number, endpoint="e:1", process_version="1",
            bundle_version="1", features=features,
        )  # fmt: skip
        known.add(LiveClient(connection, client(kind)), 0)
        connections.append(connection)

    async def unheard(_process_id: str, _question: bytes, _limit_s: float, /) -> bytes:
        raise NotImplementedError

    asking = AgentRequests(Inquiries(known), "here", unheard, FakeClock(1_718_000_000_000))
    try:
        asyncio.run(ask(asking, connections))
    except Fault as fault:
        assert fault.kind == "notImplementedError", fault  # noqa: PT017 - it may end well too


def client(kind: str) -> Callable[[bytes], list[bytes]]:
    if kind == "poller":
        return StockPoller().receive
    agent = StockAgent(upgrades=kind == "upgrading")
    agent.is_live = True
    return agent.receive


def test_the_types_a_stock_poller_is_handed_are_those_it_runs() -> None:
    assert STOCK_TYPES == RUNS
