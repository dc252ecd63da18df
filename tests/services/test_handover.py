"""After a rotation: which connected agents are handed the new token."""

from __future__ import annotations

import msgspec
import pytest

from tests.fakes.agents import ALICE, Account, entity
from tests.services.test_agents import NOW, FakeConnection, connect
from vedette.domain.tokens import Policy
from vedette.services.handover import HANDED_AT_ONCE, RETRY_MS
from vedette.wire.messages import TOKEN_ROTATION, Hello

OLD = "atAlice0001"
NEW = "f" * 64 + ".550123"


@pytest.fixture
def account() -> Account:
    account = Account()
    account.put(entity())
    return account


async def agent(account: Account, agent_id: str = "web-1", *features: str) -> FakeConnection:
    said = Hello(token="a" * 64 + ".550123", agent_id=agent_id, guid="g", features=frozenset(features))
    return await connect(account, said)


async def rotate(account: Account) -> None:
    account.add_token(ALICE, NEW, "atNew", rotated_from=OLD)
    change = account.change_token(OLD, rotated_to="atNew", policy=Policy(expires_at=NOW + 600_000))
    await account.agents.follow_token(change, NOW, 0)


async def test_who_declares_it_is_handed_the_new_token_at_once_and_nobody_else(account: Account) -> None:
    able, stock = await agent(account, "web-1", TOKEN_ROTATION), await agent(account, "web-2", "upgrades")
    await rotate(account)
    assert (able.handed, stock.handed) == ([NEW], [])


async def test_who_connects_by_the_old_token_later_is_handed_it_too(account: Account) -> None:
    await rotate(account)
    late = await agent(account, "web-3", TOKEN_ROTATION)
    await account.agents.step(NOW, 1_000)
    assert late.handed == [NEW]


async def test_who_does_not_confirm_is_handed_it_again_and_who_does_is_left_alone(account: Account) -> None:
    mute, good = await agent(account, "web-1", TOKEN_ROTATION), await agent(account, "web-2", TOKEN_ROTATION)
    await rotate(account)
    account.agents.stored_token(good)
    await account.agents.step(NOW, RETRY_MS - 1)
    assert (mute.handed, good.handed) == ([NEW], [NEW])
    await account.agents.step(NOW, RETRY_MS)
    assert (mute.handed, good.handed) == ([NEW, NEW], [NEW])
    assert account.agents.counts["tokens_stored"] == 1


async def test_many_agents_are_handed_it_a_few_each_second(account: Account) -> None:
    lives = [await agent(account, f"web-{number}", TOKEN_ROTATION) for number in range(HANDED_AT_ONCE * 2 + 1)]
    await rotate(account)
    assert sum(len(live.handed) for live in lives) == HANDED_AT_ONCE
    for second in (1, 2, 3):
        await account.agents.step(NOW, second * 1_000)
    assert [len(live.handed) for live in lives] == [1] * len(lives)


async def test_the_last_token_of_a_chain_is_the_one_to_store(account: Account) -> None:
    await rotate(account)
    account.add_token(ALICE, "9" * 64 + ".550123", "atNewest", rotated_from="atNew")
    account.change_token("atNew", rotated_to="atNewest")
    live = await agent(account, "web-1", TOKEN_ROTATION)
    await account.agents.step(NOW, 0)
    assert live.handed == ["9" * 64 + ".550123"]


async def test_a_successor_that_is_gone_or_cannot_be_opened_is_not_handed_out(account: Account) -> None:
    await rotate(account)
    rows = account.database.table("agent_tokens")
    rows["atNew"] = msgspec.structs.replace(rows["atNew"], sealed=b"damaged")
    live = await agent(account, "web-1", TOKEN_ROTATION)
    await account.agents.step(NOW, 0)
    del rows["atNew"]
    other = await agent(account, "web-2", TOKEN_ROTATION)
    await account.agents.step(NOW, 1_000)
    assert (live.handed, other.handed) == ([], [])


async def test_who_is_gone_is_owed_nothing(account: Account) -> None:
    await rotate(account)
    live = await agent(account, "web-1", TOKEN_ROTATION)
    account.agents.gone(live, 0)
    await account.agents.step(NOW, 0)
    assert live.handed == []
