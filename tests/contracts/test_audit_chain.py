"""The chain of audit entries over both databases: what the sealer links."""

from __future__ import annotations

import asyncio

import pytest

from tests.contracts.chains import Open, checked, head_of, keyring, seal, write
from tests.contracts.examples import ALICES, CHARLIES, audit, key
from vedette.adapters.sql.stores import Stores, stores
from vedette.domain.ids import TenantId
from vedette.ports.audit_chain import Head, Link
from vedette.ports.unit import Conflict, Write
from vedette.services.audit_sealing import Sealer


async def test_entries_are_read_in_the_order_of_their_commits(store: Stores) -> None:
    await write(store, 30, 10, 20)
    await write(store, 5, tenant_id=CHARLIES)
    found = await store.audit_chain.after(0, 10)
    assert [one.entry.at_ms for one in found] == [30, 10, 20, 5]
    assert [one.seq for one in found] == sorted({one.seq for one in found})
    assert await store.audit_chain.after(found[1].seq, 1) == [found[2]]


async def test_the_sealers_place_is_compared_and_set(store: Stores) -> None:
    chain = store.audit_chain
    assert await chain.sealed() == 0
    await store.commit(chain.advance(0, 7))
    for stale in (chain.advance(0, 9), chain.advance(6, 9)):
        with pytest.raises(Conflict, match=r"^sealed$"):
            await store.commit(stale)
    await store.commit(chain.advance(7, 9))
    assert await chain.sealed() == 9


async def test_a_head_is_compared_and_set_by_its_mark(store: Stores) -> None:
    chain = store.audit_chain
    first = Head(tenant_id=ALICES, seq=3, chain=b"three", mark=b"one")
    after = Head(tenant_id=ALICES, seq=4, chain=b"four", anchor_seq=2, anchor=b"two", mark=b"two")
    await store.commit(chain.put_head(first, None))
    for stale in (chain.put_head(after, None), chain.put_head(after, b"none")):
        with pytest.raises(Conflict, match=r"^head$"):
            await store.commit(stale)
    await store.commit(chain.put_head(after, b"one"))
    assert await chain.heads([ALICES, CHARLIES]) == await chain.heads() == [after]
    assert await chain.heads([]) == []


async def test_a_link_shows_whether_its_entry_is_there(store: Stores) -> None:
    await write(store, 10)
    (one,) = await store.audit_chain.after(0, 10)
    links = [Link(ALICES, one.seq, b"a"), Link(ALICES, one.seq + 1, b"b"), Link(CHARLIES, one.seq, b"c")]
    await store.commit(store.audit_chain.link(links))
    await store.commit(store.audit_chain.link([Link(ALICES, one.seq, b"another")]))
    found = await store.audit_chain.links(ALICES, 0, 10)
    assert [(link.seq, link.chain, link.entry) for link in found] == [
        (one.seq, b"a", one.entry),
        (one.seq + 1, b"b", None),
    ]
    assert await store.audit_chain.links(ALICES, one.seq + 1, 10) == []
    (charlies,) = await store.audit_chain.links(CHARLIES, 0, 10)
    assert charlies.entry is None, "it is another tenant's"


async def test_nothing_is_linked_for_a_tenant_that_is_gone(store: Stores) -> None:
    with pytest.raises(Conflict, match=r"^link$"):
        await store.commit(store.audit_chain.link([Link(TenantId("nobodys"), 1, b"a")]))
    with pytest.raises(Conflict, match=r"^head$"):
        await store.commit(store.audit_chain.put_head(Head(tenant_id=TenantId("nobodys")), None))


async def test_a_chain_goes_with_its_tenant(store: Stores) -> None:
    await write(store, 10)
    await seal(store)
    await store.commit(store.accounts.remove_tenant(ALICES))
    assert await store.audit_chain.heads() == []
    assert await store.audit_chain.links(ALICES, 0, 10) == []


# -- sealing


async def test_every_tenants_entries_are_linked_in_a_chain_of_its_own(store: Stores) -> None:
    await write(store, 30, 10)
    await write(store, 15, tenant_id=CHARLIES)
    await write(store, 20)
    await seal(store)
    alices, charlies = await checked(store), await checked(store, CHARLIES)
    assert (alices.first_break, alices.entries, alices.waiting) == (None, 3, 0)
    assert (charlies.first_break, charlies.entries) == (None, 1)
    chains = [link.chain for link in await store.audit_chain.links(ALICES, 0, 10)]
    assert len({*chains, charlies.head.chain}) == 4
    assert alices.head.chain == chains[-1]


async def test_what_is_not_linked_yet_waits(store: Stores) -> None:
    await write(store, 10)
    await seal(store)
    await write(store, 20, 30)
    verdict = await checked(store)
    assert (verdict.first_break, verdict.entries, verdict.waiting) == (None, 1, 2)


async def test_many_entries_are_linked_in_several_transactions(store: Stores) -> None:
    await store.commit(*[store.audits.add(audit(key(moment))) for moment in range(1, 451)])
    sealer = Sealer(store.audit_chain, store.commit, keyring())
    assert [await sealer.step() for _ in range(4)] == [True, True, False, False]
    verdict = await checked(store)
    assert (verdict.first_break, verdict.entries) == (None, 450)


async def test_a_tenant_without_audits_is_whole(store: Stores) -> None:
    verdict = await checked(store)
    assert (verdict.first_break, verdict.entries, verdict.head.chain) == (None, 0, b"")


async def test_two_sealers_link_every_entry_once(store: Stores, opening: Open) -> None:
    other = stores(await opening())
    for moment in range(0, 40, 2):
        await write(store, moment + 1)
        await write(other, moment + 2)
        sealers = [Sealer(one.audit_chain, one.commit, keyring()) for one in (store, other, store)]
        await asyncio.gather(*[sealer.step() for sealer in sealers])
    await seal(other)
    verdict = await checked(store)
    assert (verdict.first_break, verdict.entries, verdict.waiting) == (None, 40, 0)


async def test_who_comes_second_has_done_nothing(store: Stores, opening: Open) -> None:
    other = stores(await opening())
    await write(store, 10)

    async def beaten(*writes: Write) -> None:
        await seal(other)
        before = await head_of(store)
        with pytest.raises(Conflict):
            await store.commit(*writes)
        assert await head_of(store) == before
        raise Conflict("sealed")

    assert await Sealer(store.audit_chain, beaten, keyring()).step() is False
    assert (await checked(store)).first_break is None


@pytest.mark.parametrize("is_after", [False, True])
async def test_a_sealer_that_dies_leaves_a_whole_chain(store: Stores, is_after: bool) -> None:
    class Died(Exception):
        pass

    async def dying(*writes: Write) -> None:
        if is_after:
            await store.commit(*writes)
        raise Died

    await write(store, 10, 20)
    await seal(store)
    await write(store, 30)
    with pytest.raises(Died):
        await Sealer(store.audit_chain, dying, keyring()).step()
    assert (await checked(store)).first_break is None
    await write(store, 40)
    await seal(store)
    verdict = await checked(store)
    assert (verdict.first_break, verdict.entries) == (None, 4)


async def test_a_change_that_fails_leaves_no_entry_and_no_link(store: Stores) -> None:
    with pytest.raises(Conflict):
        await store.commit(store.audits.add(audit(key(1))), store.observations.advance("none", 5, 6))
    await write(store, 2)
    await seal(store)
    assert (await checked(store)).entries == 1
