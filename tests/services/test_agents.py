"""Who may connect, what each agent is to run, and whose data is taken."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.agents import ALICE, ALICE_TOKEN, CHARLIE, CHARLIE_TOKEN, Account, check, entity
from vedette.domain.metrics import Metric
from vedette.domain.tokens import Reason
from vedette.ports.unit import StoreUnavailable
from vedette.services.agent_clocks import AgentClocks
from vedette.services.agent_connections import Address, Identity
from vedette.services.agent_replies import Reply
from vedette.services.handshakes import Refusal
from vedette.services.not_taken import NotTaken
from vedette.wire.messages import BUFFERS, Hello, Post
from vedette.wire.moment import Moment

NOW = 1_700_000_000_000
HERE = Address("192.0.2.7", 4711, "192.0.2.1:50041")


def hello(
    token: str = ALICE_TOKEN, agent_id: str = "web-1", *, ours: bool = False, zones: tuple[str, ...] = ()
) -> Hello:
    features = frozenset({BUFFERS}) if ours else frozenset({"upgrades"})
    return Hello(token=token, agent_id=agent_id, guid="g", bundle_version="2.6.23", features=features, zone_ids=zones)


def post(check_id: str = "chMem", **more: object) -> Post:
    known = {
        "check_id": check_id,
        "check_type": "agent.memory",
        "available": True,
        "status": "success",
        "timestamp_ms": NOW - 500,
        "metrics": {"free": Metric("L", 7, "bytes")},
    }
    return Post(**(known | more))  # type: ignore[arg-type]


class FakeConnection:
    """A live connection that writes down what it is told."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.told = 0
        self.closed: list[Reason] = []
        self.handed: list[str] = []
        self.was_told: bool | None = None
        self.can_be_told = True

    def tell_schedule_changed(self) -> bool:
        self.told += self.can_be_told
        return self.can_be_told

    def hand_token(self, token: str) -> bool:
        self.handed.append(token)
        return self.can_be_told

    async def ask(self, method: str, params: dict[str, Any], limit_ms: int) -> Reply:
        raise NotImplementedError

    def cut(self, reason: Reason, *, with_notice: bool) -> bool:
        self.closed.append(reason)
        self.was_told = with_notice
        return len(self.closed) == 1

    def close(self, reason: str) -> None:
        raise NotImplementedError


@pytest.fixture
def account() -> Account:
    account = Account()
    account.put(entity())
    account.put(check("chMem"))
    account.put(entity("enCharlie", "web-1", CHARLIE))
    account.put(check("chCharlie", of=entity("enCharlie", "web-1", CHARLIE)))
    return account


async def connect(account: Account, said: Hello | None = None, at_ms: int = 0) -> FakeConnection:
    verdict = await account.agents.authenticate(said or hello(), HERE, NOW)
    assert isinstance(verdict, Identity)
    live = FakeConnection(verdict)
    account.agents.connected(live, at_ms)
    return live


async def test_a_good_token_gives_the_agent_of_its_tenant(account: Account) -> None:
    verdict = await account.agents.authenticate(hello(), HERE, NOW)
    assert isinstance(verdict, Identity)
    assert (verdict.tenant_id, verdict.token_public_id, verdict.entity_id) == (ALICE, "atAlice0001", "enAlice")
    assert verdict.ip == "192.0.2.7"


@pytest.mark.parametrize(
    ("said", "reason", "code"),
    [
        (hello(token="b" * 64 + ".550123"), Reason.UNKNOWN_TOKEN, 401),
        (hello(token=""), Reason.UNKNOWN_TOKEN, 401),
        (hello(token="x" * 100_000), Reason.UNKNOWN_TOKEN, 401),
        (hello(agent_id=""), Reason.BAD_AGENT_ID, 400),
        (hello(agent_id="a\nb"), Reason.BAD_AGENT_ID, 400),
        (hello(agent_id="a" * 256), Reason.BAD_AGENT_ID, 400),
        (hello(zones=("mzdfw",)), Reason.ZONE_NOT_ALLOWED, 403),
    ],
)
async def test_a_refusal_has_its_own_reason(account: Account, said: Hello, reason: Reason, code: int) -> None:
    verdict = await account.agents.authenticate(said, HERE, NOW)
    assert isinstance(verdict, Refusal)
    assert (verdict.reason, verdict.code) == (reason, code)
    assert account.agents.counts[f"refused.{reason}"] == 1


async def test_the_reasons_have_texts_of_their_own_that_show_no_token(account: Account) -> None:
    refusals = [
        await account.agents.authenticate(said, HERE, NOW)
        for said in (hello(token="secret"), hello(agent_id=""), hello(zones=("mz",)))
    ]
    messages = [refusal.message for refusal in refusals if isinstance(refusal, Refusal)]
    assert len(set(messages)) == 3
    assert "secret" not in "".join(messages)


async def test_with_the_store_gone_new_handshakes_are_refused(account: Account) -> None:
    account.database.is_available = False
    verdict = await account.agents.authenticate(hello(), HERE, NOW)
    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.UNAVAILABLE


async def test_a_token_removed_during_the_handshake_lets_nobody_in(account: Account) -> None:
    find = account.documents.entity_of_agent

    async def removed_meanwhile(*key: str) -> object:
        if "atAlice0001" in account.database.table("agent_tokens"):
            account.remove_token("atAlice0001")
            await account.agents.follow_token(account.last_change(), NOW, 0)
        return await find(*key)  # type: ignore[arg-type]

    account.documents.entity_of_agent = removed_meanwhile  # type: ignore[method-assign,assignment]
    verdict = await account.agents.authenticate(hello(), HERE, NOW)
    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.REVOKED


async def test_closing_a_token_closes_its_connections_and_no_others(account: Account) -> None:
    first, second = await connect(account), await connect(account, hello(agent_id="web-2"))
    charlie = await connect(account, hello(token=CHARLIE_TOKEN))
    assert account.agents.close_token("atAlice0001") == 2
    await asyncio.sleep(0)
    assert (first.closed, second.closed, charlie.closed) == ([Reason.REVOKED], [Reason.REVOKED], [])


async def test_connections_are_found_by_agent_until_they_are_gone(account: Account) -> None:
    first, second = await connect(account), await connect(account)
    assert account.agents.connections.of_agent(ALICE, "web-1") == [first, second]
    account.agents.gone(first, 0)
    account.agents.gone(first, 0)
    assert account.agents.connections.of_agent(ALICE, "web-1") == [second]
    assert account.agents.connections.of_agent(CHARLIE, "web-1") == []
    account.agents.gone(second, 0)
    assert len(account.agents.connections) == 0


async def test_the_schedule_holds_the_enabled_agent_checks_of_the_bound_entity(account: Account) -> None:
    account.put(check("chOff", disabled=True))
    account.put(check("chHttp", "remote.http"))
    account.put(entity("enOther", "web-9"))
    account.put(check("chOther", of=entity("enOther", "web-9")))
    account.put(check("chFs", "agent.filesystem", period=120, details={"target": "/var"}))
    checks = await account.agents.schedule(await connect(account))
    assert [(item.id, item.period, dict(item.details), item.revision) for item in checks] == [
        ("chFs", 120, {"target": "/var"}, None),
        ("chMem", 60, {}, None),
    ]


async def test_our_own_agent_gets_revisions_and_stock_redis_gets_its_host(account: Account) -> None:
    account.put(check("chRedis", "agent.redis", details={"hostname": "r1"}))
    checks = await account.agents.schedule(await connect(account, hello(ours=True)))
    assert [(item.id, item.revision) for item in checks] == [("chMem", 1), ("chRedis", 1)]
    assert checks[1].details == {"hostname": "r1", "host": "r1"}


async def test_sealed_details_reach_the_agent_opened(account: Account) -> None:
    secret = check("chSql", "agent.mysql", details={"username": "u"})
    sealed = account.keyring.seal(b'{"password":"p"}', "document:chSql")
    account.put(type(secret)(**{**{f: getattr(secret, f) for f in secret.__struct_fields__}, "secrets": sealed}))
    checks = await account.agents.schedule(await connect(account))
    assert checks[-1].details == {"username": "u", "password": "p"}


async def test_a_schedule_of_more_than_a_page_is_complete(account: Account) -> None:
    for number in range(2_100):
        account.database.table("documents")[f"chN{number:05}"] = check(f"chN{number:05}")
    checks = await account.agents.schedule(await connect(account))
    assert len({item.id for item in checks}) == len(checks) == 2_101


async def test_an_agent_without_an_entity_has_an_empty_schedule(account: Account) -> None:
    assert await account.agents.schedule(await connect(account, hello(agent_id="web-7"))) == []


async def test_a_post_becomes_an_observation(account: Account) -> None:
    live = await connect(account)
    assert await account.agents.post(live.identity, [post()], NOW) == [None]
    (seen,) = account.observed
    assert (seen.tenant_id, seen.entity_id, seen.check_id, seen.check_type) == (
        ALICE,
        "enAlice",
        "chMem",
        "agent.memory",
    )
    assert (seen.zone_id, seen.agent_id, seen.sender, seen.place) == (None, "web-1", "web-1:g", "")
    assert (seen.at_ms, seen.arrival_ms, seen.available, seen.status) == (NOW - 500, NOW, True, "success")
    assert seen.metrics == {"free": Metric("L", 7, "bytes")}
    assert (seen.check_revision, seen.buffers) == (0, False)


async def test_our_agent_s_post_carries_the_revision_and_that_it_stores_and_forwards(account: Account) -> None:
    live = await connect(account, hello(ours=True))
    await account.agents.post(live.identity, [post(check_revision=4)], NOW)
    assert (account.observed[0].check_revision, account.observed[0].buffers) == (4, True)


@pytest.mark.parametrize("check_id", ["chCharlie", "chNone", "chOther", "enAlice", ""])
async def test_a_post_for_a_check_of_somebody_else_is_not_taken(account: Account, check_id: str) -> None:
    account.put(entity("enOther", "web-9"))
    account.put(check("chOther", of=entity("enOther", "web-9")))
    live = await connect(account)
    (verdict,) = await account.agents.post(live.identity, [post(check_id)], NOW)
    assert verdict == NotTaken("check_id: no check of an entity that is bound to this agent")
    assert account.observed == []
    assert account.reports == 0
    assert account.agents.counts["posts_not_taken"] == 1


async def test_an_agent_cannot_report_a_remote_check_of_its_entity(account: Account) -> None:
    account.put(check("chHttp", "remote.http"))
    live = await connect(account)
    verdicts = await account.agents.post(live.identity, [post("chHttp"), post()], NOW)
    assert [verdict is None for verdict in verdicts] == [False, True]
    assert [seen.check_id for seen in account.observed] == ["chMem"]


async def test_after_its_entity_is_bound_elsewhere_an_agent_s_posts_are_not_taken(account: Account) -> None:
    live = await connect(account)
    account.put(entity(agent_id="web-2"))
    (verdict,) = await account.agents.post(live.identity, [post()], NOW)
    assert isinstance(verdict, NotTaken)


async def test_posts_that_came_together_are_made_durable_together(account: Account) -> None:
    live = await connect(account)
    await account.agents.post(live.identity, [post(), post(), post()], NOW)
    assert (account.reports, len(account.observed)) == (1, 3)


async def test_what_cannot_be_stored_is_not_taken_at_all(account: Account) -> None:
    live = await connect(account)
    account.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await account.agents.post(live.identity, [post()], NOW)
    assert account.agents.counts["posts"] == 0


@pytest.mark.parametrize(
    ("type_", "more", "expected"),
    [
        ("agent.memory", {}, True),
        ("agent.memory", {"available": False}, False),
        ("agent.memory", {"metrics": {}}, False),
        ("agent.plugin", {"metrics": {}}, True),
        ("agent.plugin", {"status": "Timeout in Run Check"}, False),
    ],
)
async def test_a_check_that_says_nothing_or_timed_out_is_not_available(
    account: Account, type_: str, more: dict[str, object], expected: bool
) -> None:
    account.put(check("chX", type_))
    live = await connect(account)
    await account.agents.post(live.identity, [post("chX", **more)], NOW)
    assert account.observed[0].available is expected


@pytest.mark.parametrize(
    ("heartbeat_ms", "timestamp_ms", "expected"),
    [
        (NOW - 40, NOW - 500, NOW - 500),  # the network's delay is no offset
        (NOW - 3_600_000, NOW - 3_600_500, NOW - 500),  # an hour slow
        (NOW + 3_600_000, NOW + 3_599_500, NOW - 500),  # an hour fast
        (NOW, NOW + 9_000, NOW),  # never later than its arrival
        (NOW, None, NOW),
    ],
)
async def test_times_are_corrected_by_the_offset_of_the_agent_s_clock(
    account: Account, heartbeat_ms: int, timestamp_ms: int | None, expected: int
) -> None:
    live = await connect(account)
    account.agents.heard(live.identity, heartbeat_ms, NOW)
    await account.agents.post(live.identity, [post(timestamp_ms=timestamp_ms)], NOW)
    assert account.observed[0].at_ms == expected


async def test_what_is_sent_twice_has_the_same_time_twice_though_the_network_wavers(account: Account) -> None:
    live = await connect(account, hello(ours=True))
    for arrival, delay in ((NOW, 20), (NOW + 1_000, 380)):
        account.agents.heard(live.identity, arrival - 7_200_000 - delay, arrival)
        await account.agents.post(live.identity, [post(timestamp_ms=NOW - 7_200_500)], arrival)
    first, second = account.observed
    assert first.at_ms == second.at_ms


async def test_the_offset_is_kept_over_a_reconnect(account: Account) -> None:
    live = await connect(account, hello(ours=True))
    account.agents.heard(live.identity, NOW - 60_000, NOW)
    account.agents.gone(live, 0)
    again = await connect(account, hello(ours=True))
    await account.agents.post(again.identity, [post(timestamp_ms=NOW - 60_500)], NOW)
    assert account.observed[0].at_ms == NOW - 500


@pytest.mark.parametrize("by_ms", [3_600_000, -3_600_000])
@pytest.mark.parametrize("offset_ms", [0, 60_000])
async def test_what_is_known_of_agents_clocks_stays_right_when_ours_is_set(
    account: Account, by_ms: int, offset_ms: int
) -> None:
    live = await connect(account)
    account.agents.pass_time(Moment(NOW, 0))
    account.agents.heard(live.identity, NOW - offset_ms, NOW)
    later = NOW + 10_000 + by_ms
    account.agents.pass_time(Moment(later, 10_000))
    await account.agents.post(live.identity, [post(timestamp_ms=NOW + 9_500 - offset_ms)], later)
    account.agents.heard(live.identity, NOW + 10_000 - offset_ms, later)
    await account.agents.post(live.identity, [post(timestamp_ms=NOW + 9_500 - offset_ms)], later)
    assert [observation.at_ms for observation in account.observed] == [later - 500, later - 500]


def test_of_agents_that_choose_new_ids_all_the_time_the_oldest_clocks_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vedette.services.agent_clocks.MOST_KEPT", 2)
    clocks = AgentClocks()
    for number in range(3):
        clocks.heard(ALICE, f"web-{number}", NOW - 60_000, NOW)
    assert [clocks.corrected(ALICE, f"web-{number}", NOW - 60_000, NOW) for number in range(3)] == [
        NOW - 60_000, NOW, NOW,
    ]  # fmt: skip
