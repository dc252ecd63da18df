"""What is kept under the server's keys, over both databases."""

import pytest

from tests.contracts.examples import ALICES, CHARLIES, document, principal, tenant, token, user
from vedette.adapters.sql.stores import Stores
from vedette.domain.documents import Document
from vedette.ports.keys import Kept, KeyUse
from vedette.ports.unit import Conflict


def sealed(version: int, what: bytes = b"") -> bytes:
    return bytes((1, version)) + what


def index(version: int, what: bytes = b"") -> bytes:
    return bytes((version,)) + what


def secret_document(key: str, version: int, **members: object) -> Document:
    return document(key, **{"secrets": sealed(version), **members})


async def test_every_kind_of_row_is_counted_by_the_key_it_needs(store: Stores) -> None:
    alice = user("alice", api_key_index=index(1))
    await store.commit(
        store.accounts.add_tenant(tenant("Dora", webhook_token=sealed(2))),
        store.accounts.add_user(alice),
        store.accounts.add_user(user("bob", api_key_index=index(2))),
        store.accounts.add_principal(index(2, b"live"), principal(alice, expires_at=1_001)),
        store.accounts.add_principal(index(1, b"over"), principal(alice, expires_at=1_000)),
        store.tokens.add(token("atA", sealed=sealed(1))),
        store.tokens.add(token("atB", sealed=sealed(1))),
        store.documents.add(document("enA")),
        store.documents.add(secret_document("ntA", 255)),
    )

    uses = await store.sealed.uses(1_000)

    assert sorted(uses, key=lambda use: (use.kept, use.version)) == [
        KeyUse(Kept.AGENT_TOKENS, 1, 2),
        KeyUse(Kept.API_KEYS, 1, 1),
        KeyUse(Kept.API_KEYS, 2, 1),
        KeyUse(Kept.DOCUMENTS, 255, 1),
        KeyUse(Kept.IDENTITY_TOKENS, 2, 1),
        KeyUse(Kept.WEBHOOK_TOKENS, 2, 1),
    ]
    assert await store.sealed.api_key_owners(1, 5) == ["alice"]


async def test_nothing_sealed_needs_no_key(store: Stores) -> None:
    assert await store.sealed.uses(0) == []


async def test_documents_under_other_keys_come_in_pages_over_all_tenants(store: Stores) -> None:
    others = [secret_document("ntA", 1), secret_document("ntC", 3, tenant_id=CHARLIES), secret_document("ntD", 1)]
    await store.commit(
        *[store.documents.add(one) for one in (*others, secret_document("ntB", 2), document("ntE"))],
    )

    assert await store.sealed.documents(2, "", 2) == others[:2]
    assert await store.sealed.documents(2, "ntC", 2) == others[2:]
    assert await store.sealed.documents(2, "ntD", 2) == []


async def test_sealing_a_document_anew_is_no_change_of_it(store: Stores) -> None:
    before = secret_document("ntA", 1)
    await store.commit(store.documents.add(before))
    feed = await store.documents.last_change()

    await store.commit(store.sealed.reseal_document(secret_document("ntA", 2)))

    found = await store.documents.find(ALICES, before.kind, "ntA")
    assert found == secret_document("ntA", 2)
    assert await store.documents.last_change() == feed


async def test_a_document_that_was_changed_or_removed_meanwhile_is_not_sealed_anew(store: Stores) -> None:
    before = secret_document("ntA", 1)
    await store.commit(store.documents.add(before))
    await store.commit(store.documents.update(secret_document("ntA", 1, revision=2), 1))

    with pytest.raises(Conflict, match="revision"):
        await store.commit(store.sealed.reseal_document(secret_document("ntA", 2)))

    after = await store.documents.find(ALICES, before.kind, "ntA")
    assert after == secret_document("ntA", 1, revision=2)
    assert after is not None
    await store.commit(store.documents.remove(after))
    with pytest.raises(Conflict, match="revision"):
        await store.commit(store.sealed.reseal_document(after))


async def test_a_webhook_token_is_sealed_anew_where_its_tenant_was_not_changed(store: Stores) -> None:
    dora = tenant("Dora", webhook_token=sealed(1), metadata={"team": "a"})
    await store.commit(store.accounts.add_tenant(dora))
    assert await store.sealed.tenants(2, "", 10) == [dora]
    assert await store.sealed.tenants(2, "Dora", 10) == []
    assert await store.sealed.tenants(1, "", 10) == []
    anew = tenant("Dora", webhook_token=sealed(2), metadata={"team": "a"})

    await store.commit(store.sealed.reseal_tenant(anew))
    assert await store.accounts.find_tenant(dora.id) == anew

    await store.commit(store.accounts.update_tenant(tenant("Dora", revision=2), 1))
    with pytest.raises(Conflict, match="revision"):
        await store.commit(store.sealed.reseal_tenant(anew))


async def test_an_api_key_is_indexed_anew_where_it_is_still_the_same_and_ends_no_token(store: Stores) -> None:
    alice = user("alice", api_key_index=index(1))
    await store.commit(store.accounts.add_user(alice), store.accounts.add_principal(b"token", principal(alice)))
    anew = user("alice", api_key_index=index(2))

    await store.commit(store.accounts.reindex_user(anew, index(1)))

    assert await store.accounts.find_user("alice") == anew
    assert await store.accounts.find_principal(b"token") == principal(alice)
    with pytest.raises(Conflict, match="user"):
        await store.commit(store.accounts.reindex_user(anew, index(1)))


async def test_a_change_of_a_tenant_is_in_the_feed(store: Stores) -> None:
    before = await store.documents.last_change()

    await store.commit(store.accounts.update_tenant(tenant(ALICES, revision=2, limits={"checks": 5}), 1))

    (change,) = await store.documents.changes(before, 10)
    assert (change.tenant_id, change.kind, change.id) == (ALICES, "tenant", ALICES)
