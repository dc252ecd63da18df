"""Both real databases for every contract: SQLite in a temporary folder, PostgreSQL from a Python package."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from tests.contracts import postgres_server
from tests.contracts.examples import ALICES, CHARLIES, tenant
from tests.contracts.postgres_server import PostgresServer
from vedette.adapters.postgres.database import PostgresDatabase
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase

Open = Callable[[], Awaitable[Database]]
"""Starts one more `Database` over the test's store, as another process would; it is stopped when the test ends."""

EMPTY = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version' LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
END $$"""

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except FileNotFoundError:
        pytest.skip(postgres_server.MISSING)
    yield server
    server.remove()


@pytest.fixture
async def dsn(postgres: PostgresServer) -> str:
    """Of a database with the schema and no rows. The tests of a process share it: to make one takes a while."""
    await postgres.create("vedette")
    database = PostgresDatabase(postgres.dsn("vedette"))
    await database.start()
    await database.stop()
    connection = await asyncpg.connect(postgres.dsn("vedette"))
    await connection.execute(EMPTY)
    await connection.close()
    return postgres.dsn("vedette")


@pytest.fixture
async def own_dsn(postgres: PostgresServer) -> str:
    """Of a database that no other test has and that has no tables yet."""
    name = f"own{next(_numbers)}"
    await postgres.create(name)
    return postgres.dsn(name)


@pytest.fixture(params=["sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Database]:
    if request.param == "sqlite":
        return partial(SqliteDatabase, tmp_path / "vedette.sqlite")
    return partial(PostgresDatabase, request.getfixturevalue("dsn"))


@pytest.fixture
async def opening(make: Callable[[], Database]) -> AsyncIterator[Open]:
    async with AsyncExitStack() as opened:

        async def opening() -> Database:
            database = make()
            await database.start()
            opened.push_async_callback(database.stop)
            return database

        yield opening


@pytest.fixture
async def database(opening: Open) -> Database:
    return await opening()


@pytest.fixture
async def store(database: Database) -> Stores:
    """With two tenants in it."""
    opened = stores(database)
    await opened.commit(opened.accounts.add_tenant(tenant(ALICES)), opened.accounts.add_tenant(tenant(CHARLIES)))
    return opened
