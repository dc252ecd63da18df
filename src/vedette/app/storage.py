"""Which database: the embedded SQLite file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vedette.adapters.postgres.database import PostgresDatabase
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.config import Config


def database_of(config: Config) -> Database:
    """The configured database, not started."""
    return SqliteDatabase(config.sqlite_file) if config.database is None else PostgresDatabase(config.database)


@asynccontextmanager
async def open_stores(config: Config) -> AsyncIterator[Stores]:
    """The stores of the configured database, for as long as the block lasts."""
    database = database_of(config)
    await database.start()
    try:
        yield stores(database)
    finally:
        await database.stop()
