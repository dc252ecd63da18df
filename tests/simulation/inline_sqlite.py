"""SQLite in memory as a `Database`, without the writer's thread: what happens in which order is the seed's to say."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from functools import cache

from tests.simulation.virtual_loop import Mortal
from vedette.adapters.sql.database import Bulk, Params, Row, Statement, check_count, statements_of
from vedette.adapters.sql.migrations import load
from vedette.adapters.sqlite.connection import is_broken_key
from vedette.adapters.sqlite.schema import migrate
from vedette.ports.unit import Conflict, StoreUnavailable, Write


@cache
def _empty() -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, load("vedette.adapters.sqlite"))
    return connection.serialize()


class Disk:
    """The one database of a simulated world; it outlives every process."""

    def __init__(self, chance: random.Random) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        self.connection.deserialize(_empty())
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.chance = chance
        self.is_down = False
        self.dies_of_changes = 0.0  # how likely a process dies soon after it has begun to write a change of state

    def close(self) -> None:
        self.connection.close()


class InlineSqlite:
    """A process's view of the disk. A commit takes a moment before it happens and another before it is told."""

    waiting_s = 0.0

    def __init__(self, disk: Disk, who: Mortal) -> None:
        self._disk = disk
        self._who = who

    async def start(self) -> None:
        """It is there."""

    async def stop(self) -> None:
        """It stays."""

    async def fetch(self, sql: str, params: Params) -> Sequence[Row]:
        self._expect_there()
        return self._disk.connection.execute(sql, params).fetchall()

    async def fetch_one(self, sql: str, params: Params) -> Row | None:
        rows = await self.fetch(sql, params)
        return rows[0] if rows else None

    async def commit(self, *writes: Write) -> None:
        statements = statements_of(writes)
        if self._disk.chance.random() < self._disk.dies_of_changes and any(map(_is_change, statements)):
            self._who.fatal = self._disk.chance.randrange(1, 12)
        await asyncio.sleep(self._disk.chance.random() * 0.005)
        self._expect_there()
        self.commit_now(statements)
        await asyncio.sleep(0)
        self._expect_there()  # it may have happened all the same

    def commit_now(self, statements: Sequence[Statement | Bulk]) -> None:
        connection = self._disk.connection
        connection.execute("BEGIN")
        try:
            for statement in statements:
                _execute(connection, statement)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _expect_there(self) -> None:
        if self._disk.is_down or self._who.is_dead:
            raise StoreUnavailable("the simulated disk is away")


def _is_change(statement: Statement | Bulk) -> bool:
    return "INTO changelog" in statement.sql


def _execute(connection: sqlite3.Connection, statement: Statement | Bulk) -> None:
    try:
        if isinstance(statement, Bulk):
            connection.executemany(statement.sql, statement.rows)
            return
        cursor = connection.execute(statement.sql, statement.params)
        count = cursor.rowcount if cursor.description is None else len(cursor.fetchall())
    except sqlite3.IntegrityError as error:
        if statement.guard and is_broken_key(error):
            raise Conflict(statement.guard) from error
        raise
    check_count(statement, count)
