import asyncio

import pytest

from tests.contracts.conftest import Open
from tests.contracts.examples import ALICES, CHARLIES, audit, document, grave, key, observation, span, tenant, token
from vedette.adapters.sql.database import Database, SqlWrite, Statement
from vedette.adapters.sql.stores import Stores, stores
from vedette.domain.documents import Kind
from vedette.ports.documents import Filter
from vedette.ports.unit import Conflict, StoreUnavailable


async def test_writes_of_several_stores_are_one_transaction(store: Stores) -> None:
    await store.commit(store.documents.add(document("enA")), store.tokens.add(token("atA")))
    with pytest.raises(Conflict, match=r"^revision$"):
        await store.commit(
            store.audits.add(audit(key(1))),
            store.documents.add(document("chA", entity_id="enA")),
            store.tokens.remove(token("atA", revision=9), grave()),
            store.documents.add(document("enB")),
        )
    assert await store.audits.list(ALICES, span()) == []
    assert await store.documents.count(ALICES, Kind.CHECK) == 0
    assert await store.documents.find(ALICES, Kind.ENTITY, "enB") is None
    assert len(await store.documents.changes(0, 10)) == 2


async def test_writes_keep_their_order(store: Stores) -> None:
    entity, check = store.documents.add(document("enA")), store.documents.add(document("chA", entity_id="enA"))
    with pytest.raises(Conflict, match=r"^parent$"):
        await store.commit(check, entity)
    await store.commit(entity, check)


async def test_a_conflict_among_many_concurrent_commits_is_only_its_own(store: Stores) -> None:
    await store.commit(store.documents.add(document("en007")))
    writes = [
        store.commit(store.audits.add(audit(key(number))), store.documents.add(document(f"en{number:03}")))
        for number in range(100)
    ]
    results = await asyncio.gather(*writes, return_exceptions=True)
    failed = {number: result for number, result in enumerate(results) if result is not None}
    assert list(failed) == [7]
    assert isinstance(failed[7], Conflict)
    assert failed[7].guard == "id"
    assert await store.documents.count(ALICES, Kind.ENTITY) == 100
    assert len(await store.audits.list(ALICES, span())) == 99


async def test_a_mistake_in_one_of_many_commits_is_only_its_own(database: Database, store: Stores) -> None:
    mistake = SqlWrite((Statement("UPDATE tenant SET created_at = :huge", {"huge": 2**70}),))
    writes = [store.commit(store.documents.add(document(f"en{number}"))) for number in range(20)]
    *results, raised = await asyncio.gather(*writes, database.commit(mistake), return_exceptions=True)
    assert results == [None] * 20
    assert isinstance(raised, Exception)
    assert not isinstance(raised, Conflict | StoreUnavailable)
    assert await store.accounts.tenants() == [tenant(CHARLIES), tenant(ALICES)]


async def test_a_mistake_in_one_of_many_appends_is_only_its_own(store: Stores) -> None:
    huge = store.observations.append([observation("chA", 2**70)])
    writes = [store.commit(store.observations.append([observation("chA", number)])) for number in range(20)]
    *results, raised = await asyncio.gather(*writes, store.commit(huge), return_exceptions=True)
    assert results == [None] * 20
    assert isinstance(raised, Exception)
    assert not isinstance(raised, Conflict | StoreUnavailable)
    logged = await store.observations.after(0, 100)
    assert sorted(one.entry.at_ms for one in logged) == list(range(20))


async def test_what_is_committed_is_seen_by_the_next_read(store: Stores) -> None:
    for number in range(50):
        await store.commit(store.documents.add(document(f"en{number}")))
        assert await store.documents.count(ALICES, Kind.ENTITY) == number + 1


async def test_what_is_committed_is_there_after_a_restart(opening: Open) -> None:
    first = await opening()
    store = stores(first)
    await store.commit(store.accounts.add_tenant(tenant(ALICES)), store.documents.add(document("enA")))
    await first.stop()
    again = stores(await opening())
    assert await again.documents.find(ALICES, Kind.ENTITY, "enA") == document("enA")


async def test_stopping_finishes_what_is_waiting(opening: Open) -> None:
    first = await opening()
    store = stores(first)
    await store.commit(store.accounts.add_tenant(tenant(ALICES)))
    commits = [asyncio.create_task(store.commit(store.documents.add(document(f"en{n:03}")))) for n in range(100)]
    await asyncio.sleep(0)  # they have all begun
    await first.stop()
    assert await asyncio.gather(*commits) == [None] * 100
    again = stores(await opening())
    assert await again.documents.count(ALICES, Kind.ENTITY) == 100


async def test_a_stopped_database_is_unavailable(database: Database, store: Stores) -> None:
    await database.stop()
    with pytest.raises(StoreUnavailable):
        await store.documents.list(ALICES, Kind.ENTITY, Filter(), None, 10)
    with pytest.raises(StoreUnavailable):
        await store.commit(store.documents.add(document("enA")))
    await database.stop()


async def test_only_writes_of_these_stores_can_be_committed(store: Stores) -> None:
    with pytest.raises(TypeError, match="not str"):
        await store.commit("UPDATE tenant SET id = 'x'")


async def test_nothing_waits_when_nothing_is_committed(database: Database, store: Stores) -> None:
    assert database.waiting_s == 0
    await store.commit(store.documents.add(document("enA")))
    assert database.waiting_s == 0
