"""Configuration as it was, over both databases."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest

from tests.contracts.examples import ALICES, CHARLIES, document
from tests.contracts.planned import Planned
from tests.contracts.test_retention import NOW, tidy
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.revisions import SqlRevisions
from vedette.adapters.sql.stores import Stores
from vedette.domain.documents import Document, Kind
from vedette.ports.past import Revision
from vedette.ports.unit import Conflict
from vedette.services.retention import HISTORY_MS

ENTITY = document("enA")
CHECK = document("chA", entity_id="enA", label="label", refs=("mzdfw",), public=b'{"period":60}', secrets=b"sealed")
ALARM = document("alA", entity_id="enA", check_id="chA")


def after(before: Document, updated_at: int, public: bytes = b"{}") -> Document:
    return msgspec.structs.replace(before, revision=before.revision + 1, updated_at=updated_at, public=public)


async def add(store: Stores, *documents: Document) -> None:
    await store.commit(*[store.documents.add(one) for one in documents])


async def change(store: Stores, before: Document, *moments: int) -> Document:
    for at_ms in moments:
        await store.commit(store.documents.update(after(before, at_ms), before.revision))
        before = after(before, at_ms)
    return before


async def kept(store: Stores, *ids: str, from_ms: int = 0, limit: int = 100) -> list[tuple[str, int, int]]:
    found = await store.revisions.of(ALICES, ids, from_ms, limit)
    return [(one.document.id, one.document.revision, one.until_ms) for one in found]


async def test_what_was_changed_is_kept_as_it_was_without_its_secrets(store: Stores) -> None:
    await add(store, ENTITY, CHECK)
    await change(store, CHECK, 50)
    assert await store.revisions.of(ALICES, ["chA"], 0, 9) == [
        Revision(msgspec.structs.replace(CHECK, secrets=None), 50)
    ]


async def test_revisions_come_newest_first_from_a_moment_on(store: Stores) -> None:
    await add(store, ENTITY, CHECK, ALARM)
    await change(store, CHECK, 10, 20, 30)
    await change(store, ALARM, 20)
    assert await kept(store, "chA", "alA") == [("chA", 3, 30), ("alA", 1, 20), ("chA", 2, 20), ("chA", 1, 10)]
    assert await kept(store, "chA", from_ms=19) == [("chA", 3, 30), ("chA", 2, 20)]
    assert await kept(store, "chA", from_ms=20) == [("chA", 3, 30)]
    assert await kept(store, "chA", limit=1) == [("chA", 3, 30)]
    assert await kept(store) == []
    assert await store.revisions.of(CHARLIES, ["chA"], 0, 9) == []


async def test_the_revisions_of_some_objects_are_found_by_their_keys() -> None:
    """Not among all that the tenant has ever changed."""
    database = Planned()
    await SqlRevisions(cast("Database", database)).of(ALICES, ["chA", "alA"], 0, 9)
    assert database.plan[0].startswith(
        "SEARCH document_revision USING INDEX sqlite_autoindex_document_revision_1 (id=?)"
    )


async def test_the_revisions_of_a_kind_are_found_by_it() -> None:
    database = Planned()
    await SqlRevisions(cast("Database", database)).of_kind(ALICES, Kind.SUPPRESSION, 0, 9)
    assert "document_revision_by_kind (tenant_id=? AND kind=? AND until_ms>?)" in database.plan[0]


async def test_a_change_that_does_not_commit_leaves_nothing(store: Stores) -> None:
    await add(store, ENTITY)
    with pytest.raises(Conflict, match=r"^revision$"):
        await store.commit(store.documents.update(after(after(ENTITY, 5), 9), 2))
    with pytest.raises(Conflict, match=r"^revision$"):
        await store.commit(store.documents.remove(after(ENTITY, 9)))
    assert await kept(store, "enA") == []


async def test_what_was_removed_is_kept_with_all_that_went_with_it(store: Stores) -> None:
    await add(store, ENTITY, CHECK, ALARM, document("enB"))
    await store.commit(store.documents.remove(msgspec.structs.replace(ENTITY, updated_at=70)))
    assert sorted(await kept(store, "enA", "chA", "alA", "enB")) == [("alA", 1, 70), ("chA", 1, 70), ("enA", 1, 70)]


async def test_suppressions_that_are_no_more_are_found_by_their_kind(store: Stores) -> None:
    gone, ours = document("spA"), document("spB")
    await add(store, gone, ours, document("spC", tenant_id=CHARLIES), document("npA"))
    await store.commit(store.documents.remove(msgspec.structs.replace(gone, updated_at=70)))
    await change(store, ours, 80)
    await change(store, document("npA"), 90)
    found = await store.revisions.of_kind(ALICES, Kind.SUPPRESSION, 0, 9)
    assert [(one.document.id, one.until_ms) for one in found] == [("spB", 80), ("spA", 70)]
    assert len(await store.revisions.of_kind(ALICES, Kind.SUPPRESSION, 70, 9)) == 1


async def test_kinds_that_nothing_is_decided_by_are_not_kept(store: Stores) -> None:
    hook = document("ntA", public=b'{"details":{}}')
    await add(store, hook)
    await change(store, hook, 50)
    assert await kept(store, "ntA") == []


async def test_they_are_kept_for_30_days_after_they_were_superseded(store: Stores) -> None:
    edge = NOW - HISTORY_MS
    await add(store, document("npA"))
    await change(store, document("npA"), 50, edge - 1, edge, NOW)
    await tidy(store)
    assert await kept(store, "npA") == [("npA", 4, NOW), ("npA", 3, edge)]


async def test_a_removed_tenant_takes_them_along(store: Stores) -> None:
    await add(store, document("npA"))
    await change(store, document("npA"), 50)
    await store.commit(store.accounts.remove_tenant(ALICES))
    assert await kept(store, "npA") == []
