import msgspec
import pytest

from tests.contracts.examples import ALICES, CHARLIES, grave, token
from vedette.adapters.sql.stores import Stores
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.ports.unit import Conflict


async def test_a_token_is_found_by_its_public_id_and_by_its_index(store: Stores) -> None:
    kept = token("atOne", label="db hosts", sort_key="ab12cd34", index=b"\x00\xff" * 16, sealed=b"\x00sealed\xff")
    await store.commit(store.tokens.add(kept))
    assert await store.tokens.find(ALICES, "atOne") == kept
    assert await store.tokens.find_by_index(b"\x00\xff" * 16) == kept
    assert await store.tokens.find_by_index(b"another") is None


async def test_a_token_of_another_tenant_is_not_found_listed_or_removed(store: Stores) -> None:
    kept = token("atOne")
    await store.commit(store.tokens.add(kept))
    assert await store.tokens.find(CHARLIES, "atOne") is None
    assert await store.tokens.list(CHARLIES, "", 10) == []
    assert await store.tokens.list_by_public_id(CHARLIES, None, 10) == []
    with pytest.raises(Conflict, match="revision"):
        await store.commit(store.tokens.remove(msgspec.structs.replace(kept, tenant_id=CHARLIES), grave()))
    assert await store.tokens.find(ALICES, "atOne") == kept


async def test_tokens_are_listed_by_sort_key_then_public_id(store: Stores) -> None:
    kept = [token("atb", sort_key="02"), token("atZ", sort_key="02"), token("ata", sort_key="01")]
    await store.commit(*[store.tokens.add(one) for one in kept])
    listed = await store.tokens.list(ALICES, "", 10)
    assert [one.public_id for one in listed] == ["ata", "atZ", "atb"]
    assert [one.public_id for one in await store.tokens.list(ALICES, "02", 10)] == ["atZ", "atb"]
    assert await store.tokens.list(ALICES, "03", 10) == []


@pytest.mark.parametrize(("limit", "size"), [(1, 1), (2, 4), (3, 4), (4, 4), (5, 5), (6, 5)])
async def test_a_page_holds_all_ties_of_its_last_sort_key(store: Stores, limit: int, size: int) -> None:
    keys = ["0a", "0b", "0b", "0b", "0c"]
    await store.commit(*[store.tokens.add(token(f"at{n}", sort_key=key)) for n, key in enumerate(keys)])
    listed = await store.tokens.list(ALICES, "", limit)
    assert [one.sort_key for one in listed] == keys[:size]


async def test_tokens_are_listed_by_public_id_bytewise_from_the_marker(store: Stores) -> None:
    await store.commit(*[store.tokens.add(token(f"at{letter}")) for letter in "bAaB0"])
    everything = await store.tokens.list_by_public_id(ALICES, None, 10)
    assert [one.public_id for one in everything] == ["at0", "atA", "atB", "ata", "atb"]
    page = await store.tokens.list_by_public_id(ALICES, "atAzz", 2)
    assert [one.public_id for one in page] == ["atB", "ata"]


async def test_an_update_needs_the_revision_that_was_read(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")))
    changed = token("atOne", label="new", revision=2, updated_at=60)
    await store.commit(store.tokens.update(changed, 1))
    assert await store.tokens.find(ALICES, "atOne") == changed
    for stale in (1, 3):
        with pytest.raises(Conflict, match="revision"):
            await store.commit(store.tokens.update(changed, stale))
    with pytest.raises(Conflict, match="revision"):
        await store.commit(store.tokens.update(token("atNone"), 1))


async def test_a_label_can_be_unset(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne", label="old")))
    await store.commit(store.tokens.update(token("atOne", label=None, revision=2), 1))
    found = await store.tokens.find(ALICES, "atOne")
    assert found is not None
    assert found.label is None


async def test_a_removed_token_is_gone_and_its_stale_copy_removes_nothing(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")))
    await store.commit(store.tokens.update(token("atOne", revision=2), 1))
    with pytest.raises(Conflict, match="revision"):
        await store.commit(store.tokens.remove(token("atOne", revision=1), grave()))
    await store.commit(store.tokens.remove(token("atOne", revision=2), grave()))
    assert await store.tokens.find(ALICES, "atOne") is None


async def test_no_two_tokens_share_a_public_id_or_a_secret(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")))
    for twin in (token("atOne", index=b"other"), token("atTwo", index=b"atOne")):
        with pytest.raises(Conflict, match="id"):
            await store.commit(store.tokens.add(twin))


async def test_a_token_needs_its_tenant(store: Stores) -> None:
    with pytest.raises(Conflict, match="tenant"):
        await store.commit(store.tokens.add(token("atOne", tenant_id=TenantId("nobodys"))))


async def test_every_write_of_a_token_is_in_the_changes_feed(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")))
    await store.commit(store.tokens.update(token("atOne", revision=2), 1))
    await store.commit(store.tokens.remove(token("atOne", revision=2), grave()))
    changes = await store.documents.changes(0, 10)
    assert changes == [Change(change.seq, ALICES, "agent_token", "atOne") for change in changes]
    assert len(changes) == 3
