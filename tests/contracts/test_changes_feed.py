from tests.contracts.examples import ALICES, CHARLIES, document, token
from vedette.adapters.sql.stores import Stores
from vedette.domain.history import Change


async def test_a_fresh_feed_is_empty(store: Stores) -> None:
    assert await store.documents.last_change() == 0
    assert await store.documents.changes(0, 10) == []


async def test_the_feed_is_read_in_order_from_a_cursor(store: Stores) -> None:
    await store.commit(store.documents.add(document("enA")), store.documents.add(document("chA", entity_id="enA")))
    await store.commit(store.tokens.add(token("atA", tenant_id=CHARLIES)))
    first, second, third = await store.documents.changes(0, 10)
    assert first == Change(first.seq, ALICES, "en", "enA")
    assert second == Change(second.seq, ALICES, "ch", "chA")
    assert third == Change(third.seq, CHARLIES, "agent_token", "atA")
    assert 0 < first.seq < second.seq < third.seq == await store.documents.last_change()
    assert await store.documents.changes(first.seq, 1) == [second]
    assert await store.documents.changes(third.seq, 10) == []


async def test_an_update_and_a_removal_are_changes(store: Stores) -> None:
    await store.commit(store.documents.add(document("enA")))
    await store.commit(store.documents.update(document("enA", revision=2), 1))
    await store.commit(store.documents.remove(document("enA", revision=2)))
    assert [change.id for change in await store.documents.changes(0, 10)] == ["enA"] * 3


async def test_a_removed_tenants_objects_are_changes_too(store: Stores) -> None:
    await store.commit(store.documents.add(document("enA")), store.tokens.add(token("atA")))
    seen = await store.documents.last_change()
    await store.commit(store.accounts.remove_tenant(ALICES))
    changed = {(change.kind, change.id) for change in await store.documents.changes(seen, 10)}
    assert changed == {("en", "enA"), ("agent_token", "atA")}
