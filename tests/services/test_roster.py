"""What is written of agents: in batches, and never at a heartbeat."""

from __future__ import annotations

import pytest

from tests.fakes.agents import ALICE, ALICE_TOKEN, Account, entity
from tests.services.test_agents import HERE, NOW, FakeConnection, connect, hello
from vedette.domain.tokens import TokenUse
from vedette.ports.agents import Connection
from vedette.ports.unit import StoreUnavailable
from vedette.services.roster import USE_PAUSE_MS


@pytest.fixture
def account() -> Account:
    account = Account()
    account.put(entity())
    return account


def written(account: Account) -> list[Connection]:
    return list(account.database.table("connections").values())


async def use(account: Account, public_id: str = "atAlice0001") -> TokenUse | None:
    return next(iter(await account.tokens.uses([public_id])), None)


async def test_who_connected_is_written_in_one_batch(account: Account) -> None:
    first, second = await connect(account), await connect(account, hello(agent_id="web-2"))
    commits = account.database.commits
    assert await account.agents.flush()
    assert account.database.commits == commits + 1
    seen = await account.roll.find(ALICE, "web-2")
    assert seen is not None
    assert (seen.last_connected_ms, seen.token_public_id, seen.ip, seen.version) == (
        NOW, "atAlice0001", "192.0.2.7", "2.6.23",
    )  # fmt: skip
    assert [row.id for row in written(account)] == [first.identity.connection_id, second.identity.connection_id]
    assert not await account.agents.flush()


async def test_a_connection_is_written_with_all_that_is_known(account: Account) -> None:
    live = await connect(account)
    await account.agents.flush()
    assert written(account) == [
        Connection(
            id=live.identity.connection_id,
            process_id="prOne",
            tenant_id=ALICE,
            token_public_id="atAlice0001",
            agent_id="web-1",
            guid="g",
            ip=HERE.ip,
            port=HERE.port,
            since_ms=NOW,
            endpoint=HERE.endpoint,
            process_version="",
            bundle_version="2.6.23",
            features=("upgrades",),
        )
    ]


async def test_a_connection_that_ended_is_taken_off_and_one_nobody_knew_is_not_mentioned(account: Account) -> None:
    live = await connect(account)
    await account.agents.flush()
    account.agents.gone(live, 0)
    account.agents.gone(live, 0)
    account.agents.gone(await connect(account, hello(agent_id="web-2")), 0)
    await account.agents.flush()
    assert written(account) == []
    assert await account.roll.find(ALICE, "web-2") is not None


async def test_nothing_is_forgotten_while_the_store_is_gone(account: Account) -> None:
    kept, left = await connect(account), await connect(account)
    await account.agents.flush()
    came = await connect(account, hello(agent_id="web-2"))
    account.agents.gone(left, 0)
    account.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await account.agents.flush()
    account.agents.gone(came, 0)
    account.database.is_available = True
    assert await account.agents.flush()
    assert [row.id for row in written(account)] == [kept.identity.connection_id]
    assert await account.roll.find(ALICE, "web-2") is not None


async def test_ten_thousand_that_come_at_once_are_a_few_writes(account: Account) -> None:
    for number in range(10_000):
        verdict = await account.agents.authenticate(hello(agent_id=f"web-{number}"), HERE, NOW)
        account.agents.connected(FakeConnection(verdict), 0)  # type: ignore[arg-type]
    commits = account.database.commits
    await account.agents.flush()
    assert len(written(account)) == 10_000
    assert account.database.commits - commits <= 5


async def test_a_token_s_use_is_written_at_a_connect_and_at_heartbeats_once_in_a_while(account: Account) -> None:
    live = await connect(account)
    await account.agents.flush()
    assert await use(account) == TokenUse(public_id="atAlice0001", at_ms=NOW, agent_id="web-1", ip="192.0.2.7")
    commits = account.database.commits
    for second in range(1, USE_PAUSE_MS // 1_000):
        account.agents.heard(live.identity, None, NOW + second * 1_000)
        assert not await account.agents.flush()
    assert account.database.commits == commits
    account.agents.heard(live.identity, None, NOW + USE_PAUSE_MS)
    assert await account.agents.flush()
    found = await use(account)
    assert found is not None
    assert found.at_ms == NOW + USE_PAUSE_MS


async def test_another_agent_s_connect_shows_at_once(account: Account) -> None:
    await connect(account)
    await connect(account, hello(ALICE_TOKEN, "web-2"))
    await account.agents.flush()
    found = await use(account)
    assert found is not None
    assert found.agent_id == "web-2"


async def test_all_live_connections_can_be_written_again(account: Account) -> None:
    await connect(account)
    await account.agents.flush()
    account.database.commit_now(account.roll.forget_process("prOne"))
    account.database.table("connections").clear()
    account.agents.write_again()
    await account.agents.flush()
    assert len(written(account)) == 1
