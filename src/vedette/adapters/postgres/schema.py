"""Making and migrating a PostgreSQL database."""

from __future__ import annotations

import asyncpg

from vedette.adapters.sql.migrations import RECORD, RECORDED, VERSION_TABLE, Schema

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('vedette schema', 0))"


async def migrate(connection: asyncpg.Connection[asyncpg.Record], schema: Schema) -> None:
    """Brings the database to the newest version, a transaction a step; raises `SchemaTooNew`."""
    while await _take_step(connection, schema):
        pass


async def _take_step(connection: asyncpg.Connection[asyncpg.Record], schema: Schema) -> bool:
    async with connection.transaction():
        # The lock comes before the look at the version: another process may be migrating.
        await connection.execute(_LOCK)
        await connection.execute(VERSION_TABLE)
        step = schema.next_step(await connection.fetchval(RECORDED))
        if step is not None:
            await connection.execute(step.script)
            await connection.execute(RECORD.replace(":version", "$1"), step.version)
    return step is not None
