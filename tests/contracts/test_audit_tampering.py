"""What was linked into a chain of audit entries, nobody changes unseen; over both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.contracts.chains import checked, head_of, keyring, run, seal, seqs, write
from tests.contracts.examples import ALICES, CHARLIES, key
from vedette.adapters.sql.database import Database, Value
from vedette.adapters.sql.stores import Stores
from vedette.domain.timeline import uuid_of
from vedette.services.audit_verification import Break, Verifier


async def _broken(store: Stores, database: Database, sql: str, **params: Value) -> Break:
    """Of five entries the middle one's place is `:seq`; what checking finds after the statement."""
    await write(store, 10, 20, 30, 40, 50)
    await write(store, 15, tenant_id=CHARLIES)
    await seal(store)
    assert (await checked(store)).first_break is None
    middle = (await seqs(store))[2]
    await run(database, sql, **params, **({"seq": middle} if ":seq" in sql else {}))
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
