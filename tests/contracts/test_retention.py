"""What is too old goes, over both databases."""

from __future__ import annotations

from tests.contracts.chains import checked, keyring, moments, seal
from tests.contracts.examples import ALICES, audit
from vedette.adapters.sql.stores import Stores
from vedette.domain.timeline import key_at
from vedette.ports.repeatable import Repeatable
from vedette.services.once import REPEATABLE_MS
from vedette.services.retention import HISTORY_MS, Retention

NOW = 2_000_000_000_000


async def tidy(store: Stores) -> None:
    assert await Retention(store, keyring(), lambda: NOW).step() is False


async def test_audits_are_kept_for_30_days_and_their_chain_stays_whole(store: Stores) -> None:
    edge = NOW - HISTORY_MS
    for at_ms in (edge - 2, edge - 1, edge, NOW):
        await store.commit(store.audits.add(audit(key_at(at_ms), at_ms=at_ms)))
    await tidy(store)
    assert len(await store.audit_chain.after(0, 10)) == 4, "what is not linked yet stays"
    await seal(store)
    await tidy(store)
    assert await moments(store) == [edge, NOW]
    verdict = await checked(store)
    assert (verdict.first_break, verdict.entries) == (None, 2)


async def test_creations_are_remembered_for_a_day(store: Stores) -> None:
    names = {b"old": NOW - REPEATABLE_MS - 1, b"new": NOW - REPEATABLE_MS}
    for name, at_ms in names.items():
        done = Repeatable(name=name, tenant_id=ALICES, request_index=b"\x01", object_id="enA", at_ms=at_ms)
        await store.commit(store.repeatables.add(done, 0))
    await tidy(store)
    assert await store.repeatables.find(b"old") is None
    assert await store.repeatables.find(b"new") is not None
