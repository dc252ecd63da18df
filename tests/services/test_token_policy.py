"""What a token lets agents do: at the handshake, and afterwards."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tests.fakes.agents import ALICE, ALICE_TOKEN, Account, entity
from tests.services.test_agents import HERE, NOW, FakeConnection, connect, hello
from vedette.domain.ids import TenantId
from vedette.domain.tokens import Policy, Reason
from vedette.ports.agents import Connection, ProcessBeat
from vedette.services import agents
from vedette.services.agent_connections import Address, Identity
from vedette.services.agents import Agents
from vedette.services.cutting import MOST_TOLD
from vedette.services.handshakes import TEXTS, Refusal

TOKEN = "atAlice0001"


@pytest.fixture
def account() -> Account:
    account = Account()
    account.put(entity())
    return account


def allow(account: Account, **policy: Any) -> Any:
    return account.change_token(TOKEN, policy=Policy(**policy))


async def refused(account: Account, said: Any = None, address: Address = HERE, now_ms: int = NOW) -> Refusal:
    verdict = await account.agents.authenticate(said or hello(), address, now_ms)
    assert isinstance(verdict, Refusal), verdict
    return verdict


async def accepts(account: Account, said: Any = None, ip: str = HERE.ip, now_ms: int = NOW) -> bool:
    verdict = await account.agents.authenticate(said or hello(), Address(ip, 1, ""), now_ms)
    return isinstance(verdict, Identity)


async def follow(account: Account, change: Any, now_ms: int = NOW) -> None:
    await account.agents.follow_token(change, now_ms, 0)
    await asyncio.sleep(0)


async def test_a_revoked_and_an_expired_token_are_told_apart_from_one_that_never_was(account: Account) -> None:
    assert await refused(account, hello(token="b" * 64)) == Refusal(
        Reason.UNKNOWN_TOKEN, 401, "unauthorized", "The agent token is unknown"
    )
    allow(account, expires_at=NOW)
    assert (await refused(account)).reason is Reason.EXPIRED
    account.remove_token(TOKEN, Reason.EXPIRED)
    assert (await refused(account)).message == "The agent token has expired"
    account.add_token(ALICE, ALICE_TOKEN, TOKEN)
    account.remove_token(TOKEN, Reason.REVOKED)
    assert await refused(account) == Refusal(Reason.REVOKED, 401, "unauthorized", "The agent token was revoked")


async def test_a_token_works_until_the_millisecond_it_expires(account: Account) -> None:
    allow(account, expires_at=NOW)
    assert await accepts(account, now_ms=NOW - 1)
    assert not await accepts(account, now_ms=NOW)


async def test_globs_say_which_agents(account: Account) -> None:
    allow(account, allowed_agents=("web-?", "db-*"))
    assert await accepts(account)
    assert await accepts(account, hello(agent_id="db-"))
    assert (await refused(account, hello(agent_id="web-10"))).reason is Reason.AGENT_NOT_ALLOWED


@pytest.mark.parametrize("ip", ["192.0.2.255", "2001:db8::9"])
async def test_networks_say_from_where(account: Account, ip: str) -> None:
    allow(account, allowed_networks=("192.0.2.0/24", "2001:db8::/32"))
    assert await accepts(account, ip=ip)


@pytest.mark.parametrize("ip", ["192.0.3.0", "2001:db9::9"])
async def test_no_other_network_will_do(account: Account, ip: str) -> None:
    allow(account, allowed_networks=("192.0.2.0/24", "2001:db8::/32"))
    found = await refused(account, address=Address(ip, 1, ""))
    assert (found.reason, found.code, found.type) == (Reason.NETWORK_NOT_ALLOWED, 403, "forbidden")


async def test_agents_are_counted_not_their_connections(account: Account) -> None:
    allow(account, max_agents=2)
    first = await connect(account)
    await connect(account)
    await connect(account, hello(agent_id="web-2"))
    assert (await refused(account, hello(agent_id="web-3"))).reason is Reason.TOO_MANY_AGENTS
    assert await accepts(account, hello(agent_id="web-2"))
    account.agents.gone(first, 0)
    assert (await refused(account, hello(agent_id="web-3"))).reason is Reason.TOO_MANY_AGENTS


async def test_agents_of_other_processes_count_and_those_of_dead_ones_do_not(account: Account) -> None:
    allow(account, max_agents=1)
    row = Connection(
        id="cnElsewhere", process_id="prTwo", tenant_id=ALICE, token_public_id=TOKEN, agent_id="web-9", guid="", ip="",
        port=1, since_ms=NOW, endpoint="", process_version="", bundle_version="",
    )  # fmt: skip
    beat = ProcessBeat(id="prTwo", at_ms=NOW, newest_key=1)
    account.database.commit_now(account.roll.connected([row]), account.roll.beat(beat))
    assert (await refused(account)).reason is Reason.TOO_MANY_AGENTS
    assert await accepts(account, hello(agent_id="web-9"))
    assert await accepts(account, now_ms=NOW + 60_000)


async def test_two_handshakes_at_once_do_not_both_take_the_last_place(account: Account) -> None:
    allow(account, max_agents=1)

    async def shake_hands(agent_id: str) -> bool:
        verdict = await account.agents.authenticate(hello(agent_id=agent_id), HERE, NOW)
        if isinstance(verdict, Identity):
            account.agents.connected(FakeConnection(verdict), 0)
        return isinstance(verdict, Identity)

    find = account.documents.entity_of_agent

    async def slowly(*key: str) -> Any:
        await asyncio.sleep(0)
        return await find(*key)  # type: ignore[arg-type]

    account.documents.entity_of_agent = slowly  # type: ignore[method-assign,assignment]
    taken = await asyncio.gather(*(shake_hands(f"web-{number}") for number in range(5)))
    assert sum(taken) == 1


COLLECTOR = "d" * 64


@pytest.mark.parametrize(
    ("token", "zones", "says"),
    [
        (ALICE_TOKEN, ("mzdfw",), "a built-in monitoring zone takes its own collector tokens only"),
        (ALICE_TOKEN, ("pzMine",), "this token's account has no private monitoring zone pzMine"),
        (ALICE_TOKEN, ("pzMine", "mzdfw"), "a built-in monitoring zone takes its own collector tokens only"),
        (COLLECTOR, (), "a collector token is good for its own monitoring zone only"),
        (COLLECTOR, ("mzord",), "a collector token is good for its own monitoring zone only"),
        (COLLECTOR, ("mzdfw", "mzord"), "a collector token is good for its own monitoring zone only"),
        (COLLECTOR, ("mzdfw", "pzMine"), "a collector token is good for its own monitoring zone only"),
        (COLLECTOR, ("pzMine",), "a collector token is good for its own monitoring zone only"),
    ],
)
async def test_a_zone_takes_its_own_collector_token_and_nothing_else(
    account: Account, token: str, zones: tuple[str, ...], says: str
) -> None:
    account.add_token(TenantId(""), COLLECTOR, "atZone", zone_id="mzdfw")
    found = await refused(account, hello(token=token, zones=zones))
    assert found == Refusal(Reason.ZONE_NOT_ALLOWED, 403, "forbidden", f"zone_ids: {says}")


async def test_a_collector_with_its_zone_s_token_may_connect_but_is_no_agent(account: Account) -> None:
    account.add_token(TenantId(""), COLLECTOR, "atZone", zone_id="mzdfw")
    live = await connect(account, hello(token=COLLECTOR, zones=("mzdfw",)))
    assert (live.identity.zone_ids, live.identity.entity_id) == (("mzdfw",), None)
    assert await account.agents.schedule(live) == []
    await follow(account, account.remove_token("atZone"))
    assert live.closed == [Reason.REVOKED]


async def test_a_store_that_does_not_answer_in_time_is_unavailable(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "JUDGE_LIMIT_S", 0.01)

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    account.documents.entity_of_agent = never  # type: ignore[method-assign,assignment]
    assert (await refused(account)).reason is Reason.UNAVAILABLE


def test_each_reason_has_a_text_of_its_own() -> None:
    assert set(TEXTS) == set(Reason)
    assert len(set(TEXTS.values())) == len(Reason)


# -- afterwards


async def test_a_deleted_token_s_connections_are_cut_and_no_others(account: Account) -> None:
    first, second = await connect(account), await connect(account, hello(agent_id="web-2"))
    account.add_token(ALICE, "e" * 64, "atOther")
    other = await connect(account, hello(token="e" * 64))
    await follow(account, account.remove_token(TOKEN, Reason.EXPIRED))
    assert (first.closed, second.closed, other.closed) == ([Reason.EXPIRED], [Reason.EXPIRED], [])
    assert account.agents.cuts == {Reason.EXPIRED: 2}


async def test_a_narrowed_policy_cuts_whom_it_no_longer_allows(account: Account) -> None:
    web, db = await connect(account), await connect(account, hello(agent_id="db-1"))
    await follow(account, allow(account, allowed_agents=("web-*",)))
    assert (web.closed, db.closed) == ([], [Reason.AGENT_NOT_ALLOWED])
    await follow(account, allow(account, allowed_agents=("web-*",), allowed_networks=("198.51.100.0/24",)))
    assert web.closed == [Reason.NETWORK_NOT_ALLOWED]


async def test_of_too_many_agents_the_newest_are_cut(account: Account) -> None:
    lives = [await connect(account, hello(agent_id=f"web-{number}")) for number in range(4)]
    again = await connect(account, hello(agent_id="web-0"))
    await follow(account, allow(account, max_agents=2))
    assert [live.closed for live in lives] == [[], [], [Reason.TOO_MANY_AGENTS], [Reason.TOO_MANY_AGENTS]]
    assert again.closed == []


async def test_of_two_processes_that_took_one_agent_too_many_one_cuts_it(account: Account) -> None:
    allow(account, max_agents=1)
    here, there = account.agents, account.process("prTwo")
    for process_id in ("prOne", "prTwo"):
        account.database.commit_now(account.roll.beat(ProcessBeat(id=process_id, at_ms=NOW, newest_key=1)))
    older = await connect_to(there, "web-2", NOW)
    newer = await connect_to(here, "web-1", NOW + 5)
    for process in (here, there, here):
        await process.step(NOW + 1_000, 0)
        await asyncio.sleep(0)
    assert (older.closed, newer.closed) == ([], [Reason.TOO_MANY_AGENTS])


async def connect_to(process: Agents, agent_id: str, now_ms: int) -> FakeConnection:
    verdict = await process.authenticate(hello(agent_id=agent_id), HERE, now_ms)
    assert isinstance(verdict, Identity)
    live = FakeConnection(verdict)
    process.connected(live, 0)
    return live


async def test_an_expired_token_s_connections_are_cut_though_the_store_is_gone(account: Account) -> None:
    allow(account, expires_at=NOW + 1_000)
    live = await connect(account)
    account.database.is_available = False
    account.agents.sweep(NOW + 999, 0)
    await asyncio.sleep(0)
    assert live.closed == []
    account.agents.sweep(NOW + 1_000, 0)
    await asyncio.sleep(0)
    assert live.closed == [Reason.EXPIRED]


async def test_a_new_expiry_is_known_by_the_feed(account: Account) -> None:
    live = await connect(account)
    await follow(account, allow(account, expires_at=NOW + 1_000))
    account.agents.sweep(NOW + 1_000, 0)
    await asyncio.sleep(0)
    assert live.closed == [Reason.EXPIRED]


async def test_a_token_changed_during_the_handshake_is_judged_again(account: Account) -> None:
    find = account.documents.entity_of_agent

    async def narrowed_meanwhile(*key: str) -> Any:
        account.documents.entity_of_agent = find  # type: ignore[method-assign]
        await follow(account, allow(account, allowed_agents=("db-*",)))
        return await find(*key)  # type: ignore[arg-type]

    account.documents.entity_of_agent = narrowed_meanwhile  # type: ignore[method-assign,assignment]
    assert (await refused(account)).reason is Reason.AGENT_NOT_ALLOWED


async def test_a_token_s_label_or_another_s_change_cuts_nobody(account: Account) -> None:
    live = await connect(account)
    await follow(account, account.change_token(TOKEN, label="another"))
    await follow(account, account.remove_token("atCharlie01"))
    assert live.closed == []


async def test_many_connections_are_cut_a_few_at_each_turn_of_the_loop(account: Account) -> None:
    lives = [await connect(account, hello(agent_id=f"web-{number}")) for number in range(1_000)]
    await account.agents.follow_token(account.remove_token(TOKEN), NOW, 0)
    turns = []
    while not all(live.closed for live in lives):
        turns.append(sum(1 for live in lives if live.closed))
        await asyncio.sleep(0)
    assert len(turns) >= 10
    assert all(after - before <= 100 for before, after in pairwise(turns))


async def test_of_very_many_the_last_are_cut_without_a_word(account: Account) -> None:
    for _ in range(2):
        lives = [await connect(account, hello(agent_id=f"web-{number}")) for number in range(MOST_TOLD + 10)]
        account.agents.close_token(TOKEN)
        for _ in lives:
            await asyncio.sleep(0)
        assert all(live.closed for live in lives)
        assert [sum(1 for live in lives if live.was_told is told) for told in (True, False)] == [MOST_TOLD, 10]
        for live in lives:
            account.agents.gone(live, 0)
