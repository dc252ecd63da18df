"""What only PostgreSQL has: a server that can be away, and transactions that run side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.contracts.examples import ALICES, CHARLIES, document, observation, tenant
from tests.contracts.postgres_server import PostgresServer
from vedette.adapters.postgres.database import PostgresDatabase
from vedette.adapters.sql.database import SqlWrite, Statement
from vedette.adapters.sql.stores import Stores, stores
from vedette.domain.documents import Kind
from vedette.ports.unit import StoreUnavailable


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(dsn)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def store(database: PostgresDatabase) -> Stores:
    opened = stores(database)
    await opened.commit(opened.accounts.add_tenant(tenant(ALICES)), opened.accounts.add_tenant(tenant(CHARLIES)))
    return opened


async def test_a_stopped_server_is_unavailable_and_back_without_hands(postgres: PostgresServer, store: Stores) -> None:
    await store.commit(store.documents.add(document("enA")))
    postgres.stop()
    try:
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await store.documents.count(ALICES, Kind.ENTITY)
            with pytest.raises(StoreUnavailable):
                await store.commit(store.documents.add(document("enB")))
    finally:
        postgres.start()
    await store.commit(store.documents.add(document("enC")))
    assert [one.id for one in await store.documents.every(Kind.ENTITY, None, 9)] == ["enA", "enC"]


async def test_commits_under_way_when_the_server_stops_are_told(
    postgres: PostgresServer, dsn: str, store: Stores
) -> None:
    holder = await asyncpg.connect(dsn)
    await holder.execute("BEGIN; LOCK TABLE document")
    commits = [asyncio.create_task(store.commit(store.documents.add(document(f"en{n}")))) for n in range(20)]
    await asyncio.sleep(0)
    postgres.stop()
    try:
        results = await asyncio.gather(*commits, return_exceptions=True)
    finally:
        postgres.start()
    assert {type(result) for result in results} == {StoreUnavailable}
    assert await store.documents.count(ALICES, Kind.ENTITY) == 0


async def test_appends_that_wait_share_a_transaction(dsn: str, store: Stores) -> None:
    holder = await asyncpg.connect(dsn)
    await holder.execute("BEGIN; LOCK TABLE observation")
    appends = [store.observations.append([observation("chA", number)]) for number in range(100)]
    commits = [asyncio.create_task(store.commit(append)) for append in appends]
    await asyncio.sleep(0)  # they have all begun
    await holder.execute("COMMIT")
    await asyncio.gather(*commits)
    rows = await holder.fetch("SELECT xmin::text, COUNT(*) FROM observation GROUP BY 1")
    await holder.close()
    assert sum(row[1] for row in rows) == 100
    assert len(rows) <= 2  # the first may have gone alone


async def test_appends_are_told_when_the_server_is_away(postgres: PostgresServer, store: Stores) -> None:
    postgres.stop()
    try:
        appends = [store.commit(store.observations.append([observation("chA", number)])) for number in range(20)]
        results = await asyncio.gather(*appends, return_exceptions=True)
    finally:
        postgres.start()
    assert {type(result) for result in results} == {StoreUnavailable}
    await store.commit(store.observations.append([observation("chA", 1_000)]))
    assert [logged.entry.at_ms for logged in await store.observations.after(0, 100)] == [1_000]


async def test_stopping_while_the_server_is_away_ends(postgres: PostgresServer, dsn: str) -> None:
    database = PostgresDatabase(dsn)
    await database.start()
    postgres.stop()
    try:
        await asyncio.wait_for(database.stop(), 20)
    finally:
        postgres.start()


async def test_a_server_that_is_not_there_is_unavailable_and_its_password_not_told(postgres: PostgresServer) -> None:
    nowhere = postgres.dsn("none").replace("postgres@", "postgres:secretword@")
    broken = ("postgresql://postgres:secretword/x@localhost/none", "http://postgres:secretword@localhost/none")
    for dsn in (nowhere, "postgresql://postgres:secretword@/none?host=/nowhere", *broken):
        with pytest.raises(StoreUnavailable) as raised:
            await PostgresDatabase(dsn).start()
        assert "secretword" not in repr(raised.value)


async def test_a_commit_tells_how_long_it_has_been_waiting(dsn: str, database: PostgresDatabase, store: Stores) -> None:
    holder = await asyncpg.connect(dsn)
    await holder.execute("BEGIN; LOCK TABLE document")
    commit = asyncio.create_task(store.commit(store.documents.add(document("enA"))))
    await asyncio.sleep(0)
    assert database.waiting_s > 0
    await holder.execute("COMMIT")
    await commit
    await holder.close()
    assert database.waiting_s == 0


async def test_transactions_that_wait_for_each_other_in_a_ring_are_tried_again(
    database: PostgresDatabase, store: Stores
) -> None:
    def touch(first: str, second: str) -> SqlWrite:
        sql = "UPDATE tenant SET created_at = created_at + 1 WHERE id = :id"
        return SqlWrite(tuple(Statement(sql, {"id": key}, expect=1, guard="gone") for key in (first, second)))

    there, back = touch(ALICES, CHARLIES), touch(CHARLIES, ALICES)
    for _ in range(10):
        await asyncio.gather(*[database.commit(write) for write in (there, back, there, back)])
    assert [one.created_at for one in await store.accounts.tenants()] == [41, 41]


async def test_all_text_is_compared_bytewise_whatever_the_servers_locale(database: PostgresDatabase) -> None:
    sql = (
        "SELECT table_name, column_name, collation_name FROM information_schema.columns WHERE table_schema = 'public' "
    )
    rows = await database.fetch(f"{sql} AND data_type = 'text'", {})
    assert len(rows) > 50
    assert [tuple(row) for row in rows if row[2] != "C"] == []
