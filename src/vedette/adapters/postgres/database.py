"""PostgreSQL as a `Database`: a pool of connections, a transaction a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import asyncpg

from vedette.adapters.postgres.appends import Appends
from vedette.adapters.postgres.errors import BROKEN_KEY, LOST_A_RACE, UNREACHABLE, unavailable
from vedette.adapters.postgres.schema import migrate
from vedette.adapters.postgres.statements import converted
from vedette.adapters.sql.database import (
    Bulk,
    Params,
    Row,
    Statement,
    check_count,
    locks_of,
    statements_of,
)
from vedette.adapters.sql.migrations import load
from vedette.adapters.sql.waiting import Waiting
from vedette.ports.unit import Conflict, StoreUnavailable, Write

_DSN_EXAMPLE = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_NOT_OPEN = "PostgreSQL: the database is not open"
_CONNECT_TIMEOUT_S = 5
_ACQUIRE_TIMEOUT_S = 10
_COMMAND_TIMEOUT_S = 30
_STATEMENTS_A_CONNECTION = 512
_TRIES = 5  # of a transaction that lost a race between transactions

# Taken in the order of the array. A lock is kept until the transaction is committed and everybody can see it.
LOCKS = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name"


async def _leave_clean(_connection: object) -> None:
    """Nothing here outlives a transaction, so a connection needs no cleaning, and each read costs one exchange less."""


class PostgresDatabase:
    """One database. The DSN is asyncpg's: `postgresql://user:password@host:port/name` or
    `postgresql:///name?host=/folder/of/the/socket`.

    When the connection breaks in the very moment of a commit, `StoreUnavailable` cannot say whether it has happened.
    """

    def __init__(self, dsn: str, *, connections: int = 10) -> None:
        self._dsn = dsn
        self._connections = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._is_stopping = False
        self._waiting = Waiting()
        self._appends = Appends(self._transact)

    async def start(self) -> None:
        try:
            connection = await asyncpg.connect(self._dsn, timeout=_CONNECT_TIMEOUT_S)
            try:
                await migrate(connection, load("vedette.adapters.postgres"))
            finally:
                await connection.close()
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=self._connections,
                timeout=_CONNECT_TIMEOUT_S,
                command_timeout=_COMMAND_TIMEOUT_S,
                statement_cache_size=_STATEMENTS_A_CONNECTION,
                reset=_leave_clean,
            )
        except ValueError:  # its text may hold what was taken for a port, or more of the address
            raise StoreUnavailable(f"PostgreSQL: no valid address; expected {_DSN_EXAMPLE}") from None
        except UNREACHABLE as error:
            raise unavailable(error) from None

    async def stop(self) -> None:
        self._is_stopping = True
        await self._waiting.ended()
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def fetch(self, sql: str, params: Params) -> Sequence[Row]:
        text, in_order = converted(sql)
        try:
            async with self._opened().acquire(timeout=_ACQUIRE_TIMEOUT_S) as connection:
                rows = await connection.fetch(text, *in_order(params))
        except UNREACHABLE as error:
            raise unavailable(error) from error
        return cast("list[Row]", rows)  # records can do what a row must

    async def fetch_one(self, sql: str, params: Params) -> Row | None:
        rows = await self.fetch(sql, params)
        return rows[0] if rows else None

    async def commit(self, *writes: Write) -> None:
        statements = statements_of(writes)
        locks = locks_of(writes)
        self._opened()
        if not statements:
            return
        with self._waiting.noted():
            appends = [statement for statement in statements if isinstance(statement, Bulk) and not statement.guard]
            if len(appends) == len(statements):
                await self._appends.commit(appends, locks)
            else:
                await self._transact(statements, locks)

    async def _transact(self, statements: Sequence[Statement | Bulk], locks: Sequence[str]) -> None:
        for _ in range(_TRIES):
            try:
                return await self._try(statements, locks)
            except LOST_A_RACE:
                continue
            except UNREACHABLE as error:
                raise unavailable(error) from error
        raise StoreUnavailable(f"PostgreSQL: {_TRIES} times another transaction was in the way")

    async def _try(self, statements: Sequence[Statement | Bulk], locks: Sequence[str]) -> None:
        if self._pool is None:
            raise StoreUnavailable(_NOT_OPEN)
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
            if locks:
                await connection.execute(LOCKS, locks)
            for statement in statements:
                await _execute(connection, statement)

    @property
    def waiting_s(self) -> float:
        return self._waiting.longest_s

    def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        if self._pool is None or self._is_stopping:
            raise StoreUnavailable(_NOT_OPEN)
        return self._pool


async def _execute(connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record], statement: Statement | Bulk) -> None:
    text, in_order = converted(statement.sql)
    try:
        if isinstance(statement, Bulk):
            await connection.executemany(text, [in_order(row) for row in statement.rows])
            return
        # Ends with the number of rows: `UPDATE 1`, `INSERT 0 1`, `SELECT 1`.
        tag = await connection.execute(text, *in_order(statement.params))
    except BROKEN_KEY as error:
        if statement.guard:
            raise Conflict(statement.guard) from error
        raise
    check_count(statement, int(tag.rsplit(" ", 1)[1]))
