"""Audit entries that expire, and keys that go: what is left of a chain is whole; over both databases."""

from __future__ import annotations

import asyncio

import pytest

from tests.contracts.chains import NEW, OLD, Open, checked, head_of, keyring, moments, run, seal, write
from tests.contracts.examples import ALICES, CHARLIES, key
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.stores import Stores, stores
from vedette.domain.faults import Fault
from vedette.domain.timeline import uuid_of
from vedette.services.audit_expiry import AuditExpiry
from vedette.services.audit_sealing import Sealer
from vedette.services.audit_verification import Verifier


async def expire(store: Stores, before: int, limit: int = 1000) -> None:
    await AuditExpiry(store.audit_chain, store.commit, keyring()).step(key(before), limit)


async def test_expiry_leaves_the_last_removed_value_as_the_anchor(store: Stores) -> None:
    await write(store, 10, 20, 30, 40)
    await write(store, 11, tenant_id=CHARLIES)
    await seal(store)
    second = (await store.audit_chain.links(ALICES, 0, 10))[1]
    await expire(store, 30)
    head = await head_of(store)
    assert (head.anchor_seq, head.anchor) == (second.seq, second.chain)
    assert await moments(store) == [30, 40]
    assert await moments(store, CHARLIES) == []
    for tenant_id, entries in ((ALICES, 2), (CHARLIES, 0)):
        verdict = await checked(store, tenant_id)
        assert (verdict.first_break, verdict.entries) == (None, entries)
    await write(store, 50)
    await write(store, 60, tenant_id=CHARLIES)
    await seal(store)
    assert [(await checked(store, one)).first_break for one in (ALICES, CHARLIES)] == [None, None]


async def test_entries_expire_from_the_beginning_of_the_chain_only(store: Stores) -> None:
    """One that was committed late waits for those before it."""
    await write(store, 10, 40, 20)
    await seal(store)
    await expire(store, 30)
    assert await moments(store) == [40, 20]
    await expire(store, 50)
    assert await moments(store) == []
    assert (await checked(store)).first_break is None


async def test_entries_expire_a_few_at_a_time(store: Stores) -> None:
    await write(store, 10, 20, 30, 40)
    await seal(store)
    await expire(store, 40, limit=2)
    assert await moments(store) == [30, 40]
    await expire(store, 40, limit=2)
    assert await moments(store) == [40]
    assert (await checked(store)).first_break is None


async def test_what_is_not_linked_does_not_expire(store: Stores) -> None:
    await write(store, 10)
    await expire(store, 30)
    assert len(await store.audit_chain.after(0, 10)) == 1
    await seal(store)
    await write(store, 20)
    await expire(store, 30)
    assert [one.entry.at_ms for one in await store.audit_chain.after(0, 10)] == [20]


async def test_expiry_and_sealing_at_once_leave_a_whole_chain(store: Stores, opening: Open) -> None:
    other = stores(await opening())
    for moment in range(10, 200, 10):
        await write(store, moment)
        sealer = Sealer(store.audit_chain, store.commit, keyring())
        await asyncio.gather(sealer.step(), expire(other, moment - 30), expire(store, moment - 30))
    await seal(store)
    await expire(store, 180)
    assert await moments(store) == [180, 190]
    assert (await checked(store)).first_break is None


async def test_expiry_mends_nothing(store: Stores, database: Database) -> None:
    await write(store, 10, 20, 30)
    await seal(store)
    await run(database, "UPDATE audit_head SET mark = :mark", mark=bytes([1]) * 32)
    await expire(store, 20)
    assert await moments(store) == [20, 30]
    assert (await checked(store)).first_break is not None


# -- keys


async def test_a_chain_goes_on_under_a_new_key(store: Stores) -> None:
    await write(store, 10, 20)
    await seal(store, keyring(OLD))
    await write(store, 30)
    await seal(store, keyring(OLD, NEW))
    versions = [link.chain[0] for link in await store.audit_chain.links(ALICES, 0, 10)]
    assert versions == [1, 1, 2]
    verdict = await checked(store, keys=keyring(OLD, NEW))
    assert (verdict.first_break, verdict.entries) == (None, 3)


async def test_without_its_key_an_entry_cannot_be_checked(store: Stores) -> None:
    await write(store, 10)
    await seal(store, keyring(OLD))
    found = (await checked(store, keys=keyring(NEW))).first_break
    assert found is not None
    assert found.reason == "it cannot be checked: key 1 is not here"


@pytest.mark.parametrize("is_idle", [False, True])
async def test_a_key_can_go_once_its_entries_are_settled(store: Stores, is_idle: bool) -> None:
    both = keyring(OLD, NEW)
    await write(store, 10, 20)
    await seal(store, keyring(OLD))
    if not is_idle:
        await write(store, 30)
        await seal(store, both)
    assert await Verifier(store.audit_chain, both).settle([ALICES, CHARLIES], 1, store.commit) > 0
    verdict = await checked(store, keys=keyring(NEW))
    assert (verdict.first_break, verdict.entries) == (None, 0 if is_idle else 1)
    await AuditExpiry(store.audit_chain, store.commit, keyring(NEW)).step(key(20), 100)
    await write(store, 40)
    await seal(store, keyring(NEW))
    assert (await checked(store, keys=keyring(NEW))).first_break is None
    assert 10 not in await moments(store)


async def test_what_does_not_hold_is_not_settled(store: Stores, database: Database) -> None:
    await write(store, 10, 20)
    await seal(store, keyring(OLD))
    await run(database, "UPDATE audit SET at_ms = 5")
    before = await head_of(store)
    with pytest.raises(Fault, match=r"The audit of alices is broken at ") as raised:
        await Verifier(store.audit_chain, keyring(OLD, NEW)).settle([ALICES], 1, store.commit)
    assert uuid_of(key(10)) in raised.value.message
    assert await head_of(store) == before


async def test_heads_move_to_a_new_key_where_nothing_is_written(store: Stores, database: Database) -> None:
    both = keyring(OLD, NEW)
    await write(store, 10)
    await write(store, 20, tenant_id=CHARLIES)
    await seal(store, keyring(OLD))
    await AuditExpiry(store.audit_chain, store.commit, keyring(OLD)).step(key(30), 100)
    wrong = bytes([1]) * 32
    await run(database, "UPDATE audit_head SET mark = :mark WHERE tenant_id = :id", mark=wrong, id=CHARLIES)
    await Verifier(store.audit_chain, both).mark_anew(store.commit)
    assert (await head_of(store)).mark[0] == 2
    assert (await checked(store, keys=keyring(NEW))).first_break is None
    assert (await head_of(store, CHARLIES)).mark == wrong, "what does not hold is not mended"
