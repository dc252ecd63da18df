"""Which agents are told that their schedule changed, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.agents import ALICE, CHARLIE, Account, check, entity
from tests.services.test_agents import NOW, FakeConnection, connect, hello
from vedette.domain.history import Change
from vedette.ports.unit import StoreUnavailable


@pytest.fixture
def account() -> Account:
    account = Account()
    account.put(entity())
    account.put(check("chMem"))
    return account


async def fetched(account: Account, *, ours: bool = False, at_ms: int = 0) -> FakeConnection:
    live = await connect(account, hello(ours=ours), at_ms)
    await account.agents.schedule(live)
    return live


async def test_a_changed_check_is_told_at_once(account: Account) -> None:
    live = await fetched(account)
    await account.agents.follow(account.put(check("chMem", period=90)), 1_000)
    assert live.told == 1


async def test_a_stock_agent_is_told_at_once_and_then_at_most_once_in_60_s(account: Account) -> None:
    live = await fetched(account)
    for second in range(10):
        await account.agents.follow(account.put(check("chMem", period=60 + second + 1)), second * 1_000)
        await account.agents.schedule(live)
    assert live.told == 1
    await account.agents.follow(account.put(check("chMem", period=300)), 11_000)
    account.agents.sweep(NOW, 59_999)
    assert live.told == 1
    account.agents.sweep(NOW, 60_000)
    assert live.told == 2
    account.agents.sweep(NOW, 200_000)
    assert live.told == 2


async def test_our_own_agent_is_told_each_time(account: Account) -> None:
    live = await fetched(account, ours=True)
    for second in range(3):
        await account.agents.follow(account.put(check("chMem", period=61 + second)), second * 1_000)
        await account.agents.schedule(live)
    assert live.told == 3


async def test_a_stock_agent_that_asked_in_vain_is_told_to_ask_again(account: Account) -> None:
    """It would not by itself, over no number of connections."""
    live = await connect(account)
    account.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await account.agents.schedule(live)
    account.agents.not_handed(live, 1_000)
    account.database.is_available = True
    account.agents.sweep(NOW, 15_999)
    assert live.told == 0
    account.agents.sweep(NOW, 16_000)
    assert live.told == 1
    await account.agents.schedule(live)
    account.agents.sweep(NOW, 100_000)
    assert live.told == 1


async def test_an_agent_that_asked_in_vain_with_a_schedule_from_before_is_told_after_a_reconnect(
    account: Account,
) -> None:
    live = await fetched(account)
    await account.agents.follow(account.put(check("chMem", period=90)), 1_000)
    account.agents.not_handed(live, 2_000)
    account.agents.gone(live, 3_000)
    again = await connect(account, at_ms=50_000)
    account.agents.sweep(NOW, 55_000)
    assert (live.told, again.told) == (1, 1)


async def test_our_own_agent_asks_again_by_itself(account: Account) -> None:
    live = await connect(account, hello(ours=True))
    account.agents.not_handed(live, 0)
    await account.agents.schedule(live)
    account.agents.sweep(NOW, 100_000)
    assert live.told == 0


async def test_a_new_label_restarts_no_stock_agent(account: Account) -> None:
    stock = await fetched(account)
    await account.agents.follow(account.put(check("chMem", label="memory")), 0)
    account.agents.sweep(NOW, 100_000)
    assert stock.told == 0


async def test_a_new_label_gives_our_agent_the_revision(account: Account) -> None:
    ours = await fetched(account, ours=True)
    await account.agents.follow(account.put(check("chMem", label="memory")), 0)
    assert ours.told == 1


@pytest.mark.parametrize("ours", [True, False])
async def test_new_disabled_and_removed_checks_are_told(account: Account, ours: bool) -> None:
    live = await fetched(account, ours=ours)
    steps: list[Callable[[], Change]] = [
        lambda: account.put(check("chNew", "agent.load_average")),
        lambda: account.put(check("chNew", "agent.load_average", disabled=True)),
        lambda: account.remove(check("chMem")),
    ]
    for number, step in enumerate(steps, 1):
        await account.agents.follow(step(), number * 100_000)
        assert live.told == number
        await account.agents.schedule(live)


async def test_what_is_no_business_of_agents_is_not_told(account: Account) -> None:
    live = await fetched(account)
    await account.agents.follow(account.put(check("chHttp", "remote.http")), 0)
    await account.agents.follow(account.put(check("chOff", disabled=True)), 0)
    await account.agents.follow(account.put(entity(label="another")), 0)
    await account.agents.follow(Change(99, ALICE, "agent_token", "atAlice0001"), 0)
    await account.agents.follow(account.put(entity("enCharlie", "web-1", CHARLIE)), 0)
    await account.agents.follow(account.put(check("chC", of=entity("enCharlie", "web-1", CHARLIE))), 0)
    assert live.told == 0


async def test_binding_and_unbinding_an_entity_is_told_to_both_agents(account: Account) -> None:
    bound = await fetched(account)
    unbound = await connect(account, hello(agent_id="web-2"))
    await account.agents.schedule(unbound)
    await account.agents.follow(account.put(entity(agent_id="web-2")), 0)
    assert (bound.told, unbound.told) == (1, 1)
    assert await account.agents.schedule(bound) == []
    assert len(await account.agents.schedule(unbound)) == 1


async def test_removing_the_entity_is_told(account: Account) -> None:
    live = await fetched(account)
    await account.agents.follow(account.remove(entity()), 0)
    assert live.told == 1


async def test_a_change_while_the_schedule_is_read_is_not_missed(account: Account) -> None:
    live = await fetched(account, ours=True)
    find = account.documents.entity_of_agent

    async def changed_meanwhile(*key: str) -> object:
        account.documents.entity_of_agent = find  # type: ignore[method-assign]
        found = await find(*key)  # type: ignore[arg-type]
        live.can_be_told = False
        await account.agents.follow(account.put(check("chMem", period=90)), 0)
        live.can_be_told = True
        return found

    account.documents.entity_of_agent = changed_meanwhile  # type: ignore[method-assign,assignment]
    await account.agents.schedule(live)
    account.agents.sweep(NOW, 1_000)
    assert live.told == 1


async def test_of_several_connections_one_is_told(account: Account) -> None:
    first, second = await fetched(account), await connect(account)
    first.can_be_told = False
    await account.agents.follow(account.put(check("chMem", period=90)), 0)
    assert (first.told, second.told) == (0, 1)


async def test_a_bound_agent_that_does_not_ask_after_we_started_is_told_to(account: Account) -> None:
    live = await connect(account)
    account.agents.sweep(NOW, 4_999)
    assert live.told == 0
    account.agents.sweep(NOW, 5_000)
    assert live.told == 1


async def test_an_agent_that_asks_by_itself_is_not_told(account: Account) -> None:
    live = await fetched(account)
    account.agents.sweep(NOW, 100_000)
    assert live.told == 0


async def test_what_changed_while_an_agent_was_away_is_told_after_it_is_back(account: Account) -> None:
    gone = await fetched(account)
    account.agents.gone(gone, 1_000)
    await account.agents.follow(account.put(check("chMem", period=90)), 2_000)
    back = await connect(account, at_ms=50_000)
    account.agents.sweep(NOW, 50_000)
    account.agents.sweep(NOW, 55_000)
    assert (gone.told, back.told) == (0, 1)


async def test_an_agent_that_missed_nothing_is_left_in_peace_after_it_is_back(account: Account) -> None:
    account.agents.gone(await fetched(account), 1_000)
    back = await connect(account, at_ms=50_000)
    account.agents.sweep(NOW, 100_000)
    assert back.told == 0


async def test_who_left_an_hour_ago_is_forgotten(account: Account) -> None:
    account.agents.gone(await fetched(account), 1_000)
    account.agents.sweep(NOW, 3_600_999)
    assert list(account.agents.connections.processes(ALICE))
    account.agents.sweep(NOW, 3_601_000)
    assert not list(account.agents.connections.processes(ALICE))
