"""The chain of audit entries over both databases: what the sealer links, nobody changes unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from tests.contracts.examples import ALICES, CHARLIES, audit, key
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.keyring import Key, LocalKeyring
from vedette.adapters.sql.database import Database, SqlWrite, Statement, Value
from vedette.adapters.sql.stores import Stores, stores
from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId
from vedette.domain.timeline import uuid_of
from vedette.ports.audit_chain import Head, Link
from vedette.ports.unit import Conflict, Write
from vedette.services.audit_expiry import AuditExpiry
from vedette.services.audit_sealing import Sealer
from vedette.services.audit_verification import Break, Verdict, Verifier

OLD, NEW = Key(1, bytes(range(32))), Key(2, bytes(range(32, 64)))
Open = Callable[[], Awaitable[Database]]


def keyring(*keys: Key) -> LocalKeyring:
    return LocalKeyring(keys or [OLD], entropy)


async def write(store: Stores, *moments: int, tenant_id: TenantId = ALICES) -> None:
    for moment in moments:
        body = b'{"url":"/v1.0/entities","payload":"caf\xc3\xa9\\n"}'
        await store.commit(store.audits.add(audit(key(moment), tenant_id=tenant_id, at_ms=moment, body=body)))


async def seal(store: Stores, keys: LocalKeyring | None = None) -> None:
    sealer = Sealer(store.audit_chain, store.commit, keys or keyring())
    while await sealer.step():
        pass


async def checked(store: Stores, tenant_id: TenantId = ALICES, keys: LocalKeyring | None = None) -> Verdict:
    (verdict,) = await Verifier(store.audit_chain, keys or keyring()).verify([tenant_id])
    return verdict


async def seqs(store: Stores, tenant_id: TenantId = ALICES) -> list[int]:
    return [link.seq for link in await store.audit_chain.links(tenant_id, 0, 1000)]


async def head_of(store: Stores, tenant_id: TenantId = ALICES) -> Head:
    (head,) = await store.audit_chain.heads([tenant_id])
    return head


async def run(database: Database, sql: str, **params: Value) -> None:
    """What somebody with the database but without the keys does."""
    await database.commit(SqlWrite((Statement(sql, params),)))


# -- the store


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


# -- tampering


async def _broken(store: Stores, database: Database, sql: str, **params: Value) -> Break:
    """Of five entries the middle one's place is `:seq`; what checking finds after the statement."""
    await write(store, 10, 20, 30, 40, 50)
    await write(store, 15, tenant_id=CHARLIES)
    await seal(store)
    assert (await checked(store)).first_break is None
    middle = (await seqs(store))[2]
    await run(database, sql, **{"seq": middle} | params if ":seq" in sql else params)
    found = (await checked(store)).first_break
    await write(store, 60)
    await seal(store)
    again = (await checked(store)).first_break
    assert found is not None
    assert again is not None, "sealing on must not mend it"
    return found


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("UPDATE audit SET body = :value WHERE seq = :seq", {"value": b'{"url":"/v1.0/checks"}'}),
        ("UPDATE audit SET at_ms = at_ms + 1 WHERE seq = :seq", {}),
        ("UPDATE audit SET key = :value WHERE seq = :seq", {"value": key(31)}),
        ("UPDATE audit_link SET chain = :value WHERE seq = :seq", {"value": bytes([1]) * 32}),
        ("UPDATE audit_link SET chain = :value WHERE seq = :seq", {"value": b""}),
        ("UPDATE audit_link SET tenant_id = :value WHERE seq = :seq", {"value": CHARLIES}),
        ("UPDATE audit SET tenant_id = :value WHERE seq = :seq", {"value": CHARLIES}),
        ("DELETE FROM audit WHERE seq = :seq", {}),
        ("DELETE FROM audit_link WHERE seq = :seq", {}),
        ("DELETE FROM audit_link WHERE tenant_id = :value", {"value": ALICES}),
        ("DELETE FROM audit_head WHERE tenant_id = :value", {"value": ALICES}),
        ("UPDATE audit_head SET chain = :value", {"value": bytes([1]) * 32}),
        ("UPDATE audit_head SET seq = seq + 1", {}),
        ("UPDATE audit_head SET anchor = :value", {"value": b"x"}),
        ("UPDATE audit_head SET anchor_seq = 1", {}),
        ("UPDATE audit_head SET mark = :value", {"value": bytes([1]) * 32}),
        ("UPDATE audit_head SET mark = :value", {"value": b""}),
    ],
)  # fmt: skip
async def test_a_change_of_any_column_is_found(
    store: Stores, database: Database, sql: str, params: dict[str, Value]
) -> None:
    assert (await _broken(store, database, sql, **params)).reason


@pytest.mark.parametrize(
    ("sql", "moment"),
    [
        ("UPDATE audit SET at_ms = at_ms + 1000 WHERE seq = :seq", 30),
        ("DELETE FROM audit WHERE seq = :seq", 20),
        ("DELETE FROM audit_link WHERE seq = :seq", 30),
    ],
)
async def test_the_first_broken_entry_is_named(store: Stores, database: Database, sql: str, moment: int) -> None:
    found = await _broken(store, database, sql)
    prefix = "the entry after " if sql.startswith("DELETE FROM audit WHERE") else ""
    assert found.what == prefix + uuid_of(key(moment))


async def test_an_entry_removed_with_its_link_is_missed(store: Stores, database: Database) -> None:
    await write(store, 10, 20, 30)
    await seal(store)
    _, middle, _ = await seqs(store)
    await run(database, "DELETE FROM audit WHERE seq = :seq", seq=middle)
    await run(database, "DELETE FROM audit_link WHERE seq = :seq", seq=middle)
    found = (await checked(store)).first_break
    assert found is not None
    assert found.what == uuid_of(key(30))
    assert "one before it was changed or removed" in found.reason


async def test_two_entries_that_change_places_are_found(store: Stores, database: Database) -> None:
    await write(store, 10, 20, 30)
    await seal(store)
    first, second, _ = await seqs(store)
    for before, after in ((first, -1), (second, first), (-1, second)):
        await run(database, "UPDATE audit_link SET seq = :after WHERE seq = :before", after=after, before=before)
    assert (await checked(store)).first_break is not None


async def _cut_short(store: Stores, database: Database) -> None:
    """The last two entries go, and the head says that there never were any."""
    links = await store.audit_chain.links(ALICES, 0, 10)
    last = links[-3]
    await run(database, "DELETE FROM audit WHERE seq > :seq", seq=last.seq)
    await run(database, "DELETE FROM audit_link WHERE seq > :seq", seq=last.seq)
    await run(database, "UPDATE audit_head SET seq = :seq, chain = :chain", seq=last.seq, chain=last.chain)


async def _cut_off(store: Stores, database: Database) -> None:
    """The first two entries go as if they had expired."""
    last = (await store.audit_chain.links(ALICES, 0, 10))[1]
    await run(database, "DELETE FROM audit WHERE seq <= :seq", seq=last.seq)
    await run(database, "DELETE FROM audit_link WHERE seq <= :seq", seq=last.seq)
    await run(database, "UPDATE audit_head SET anchor_seq = :seq, anchor = :chain", seq=last.seq, chain=last.chain)


@pytest.mark.parametrize("cut", [_cut_short, _cut_off])
async def test_neither_end_can_be_cut_with_the_head_made_to_fit(
    store: Stores, database: Database, cut: Callable[[Stores, Database], Awaitable[None]]
) -> None:
    await write(store, 10, 20, 30, 40)
    await seal(store)
    await cut(store, database)
    found = (await checked(store)).first_break
    assert found is not None
    assert found.what == "the head of the chain"
    await write(store, 50)
    await seal(store)
    assert (await checked(store)).first_break is not None, "sealing on must not mend it"


async def test_an_entry_that_is_slipped_in_is_found(store: Stores, database: Database) -> None:
    await write(store, 10)
    await seal(store)
    await write(store, 20)
    await run(database, "UPDATE audit_sealer SET seq = seq + 1")
    found = (await checked(store)).first_break
    assert found is not None
    assert found.what == uuid_of(key(20))


async def test_sealing_again_from_the_beginning_is_found(store: Stores, database: Database) -> None:
    await write(store, 10, 20)
    await seal(store)
    await run(database, "UPDATE audit_sealer SET seq = 0")
    await seal(store)
    assert (await checked(store)).first_break is not None


async def test_a_value_kept_elsewhere_must_be_in_the_chain(store: Stores) -> None:
    await write(store, 10, 20)
    await seal(store)
    kept = (await head_of(store)).chain
    await write(store, 30)
    await seal(store)
    verifier = Verifier(store.audit_chain, keyring())
    assert [one.has_kept for one in await verifier.verify([ALICES], kept)] == [True]
    assert [one.has_kept for one in await verifier.verify([ALICES], bytes(32))] == [False]


async def test_heads_tell_the_entry_they_end_with(store: Stores) -> None:
    await write(store, 10, 20)
    await seal(store)
    ((head, entry),) = await Verifier(store.audit_chain, keyring()).heads([ALICES, CHARLIES])
    assert head == await head_of(store)
    assert entry is not None
    assert entry.key == key(20)


# -- expiry


async def expire(store: Stores, before: int, limit: int = 1000) -> None:
    await AuditExpiry(store.audit_chain, store.commit, keyring()).step(key(before), limit)


async def moments(store: Stores, tenant_id: TenantId = ALICES) -> Sequence[int]:
    found = await store.audit_chain.links(tenant_id, 0, 1000)
    return [one.entry.at_ms for one in found if one.entry is not None]


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
